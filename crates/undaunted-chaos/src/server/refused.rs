//! The response to a request that is not carried out.

use std::time::{Duration, SystemTime};

use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION,
    RETRY_AFTER,
};
use hyper::{Method, Request, Response, StatusCode};
use s3s::Body;
use undaunted::HttpFailure;

use super::body::ResponseBody;
use super::document::escaped;
use super::finish::REQUEST_ID;
use crate::failure::Failure;
use crate::fault::{Clock, Fault};

/// What the refusal of a request depends on.
pub(super) struct RequestHead {
    pub(super) id: String,
    pub(super) is_head: bool,
    /// The URL up to the path.
    origin: String,
    path_and_query: String,
}

impl RequestHead {
    /// The head of this request, the `number`th.
    pub(super) fn of<B>(request: &Request<B>, number: u64) -> Self {
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path_and_query = request.uri().path_and_query();
        Self {
            id: format!("UNDAUNTED{number:07}"),
            is_head: *request.method() == Method::HEAD,
            origin: format!("http://{host}"),
            path_and_query: path_and_query.map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The response of a fault that has one of its own.
    pub(super) fn refused(&self, fault: &Fault) -> Option<Response<ResponseBody>> {
        let failure = match (fault, fault.refusal()) {
            (Fault::HtmlPage, _) => return Some(self.page()),
            (_, Some(Failure::Status(failure))) => failure,
            _ => return None,
        };
        Some(match fault {
            Fault::RetryAfterDate { retry_after, clock } => {
                let now = whole_second(clock.now());
                let then = now.checked_add(Duration::from_secs(whole_seconds(*retry_after)));
                let mut response = self.failed(&failure, "");
                set(&mut response, DATE, &http_date(now));
                set(&mut response, RETRY_AFTER, &http_date(then.unwrap_or(now)));
                response
            }
            Fault::TemporaryRedirect { location } => {
                let location = self.location(location.as_deref());
                let endpoint = format!("<Endpoint>{}</Endpoint>", escaped(&location));
                let mut response = self.failed(&failure, &endpoint);
                set(&mut response, LOCATION, &location);
                response
            }
            Fault::WrongRegion { region, .. } => {
                let element = format!("<Region>{}</Region>", escaped(region));
                let mut response = self.failed(&failure, &element);
                set(&mut response, BUCKET_REGION, region);
                response
            }
            _ => self.failed(&failure, ""),
        })
    }

    /// S3's response to a request that failed: a document with a code and further elements, but
    /// none to a HEAD.
    pub(super) fn failed(&self, failure: &HttpFailure, elements: &str) -> Response<ResponseBody> {
        let code = failure
            .code()
            .unwrap_or_else(|| usual_code(failure.status()));
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>An injected fault.</Message>{elements}\
             <RequestId>{}</RequestId></Error>",
            self.id
        );
        let mut response = self.response(failure.status(), "application/xml", document);
        set(&mut response, REQUEST_ID, &self.id);
        if let Some(hint) = failure.retry_after() {
            let seconds = whole_seconds(hint).to_string();
            set(&mut response, RETRY_AFTER, &seconds);
        }
        response
    }

    /// A page as a static web server sends it, but without an ETag.
    fn page(&self) -> Response<ResponseBody> {
        let mut response = self.response(200, "text/html; charset=utf-8", PAGE.to_owned());
        set(&mut response, CONTENT_LENGTH, &PAGE.len().to_string());
        set(
            &mut response,
            LAST_MODIFIED,
            "Wed, 21 Oct 2020 07:28:00 GMT",
        );
        response
    }

    fn response(&self, status: u16, content_type: &str, text: String) -> Response<ResponseBody> {
        let text = if self.is_head { String::new() } else { text };
        let mut response = Response::new(ResponseBody::new(Body::from(text)));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        set(&mut response, CONTENT_TYPE, content_type);
        response
    }

    fn location(&self, location: Option<&str>) -> String {
        let location = location.unwrap_or(&self.origin);
        let (_, behind_scheme) = location.split_once("://").unwrap_or(("", location));
        if behind_scheme.contains('/') {
            location.to_owned()
        } else {
            format!("{location}{}", self.path_and_query)
        }
    }
}

impl Clock {
    /// The time that it shows, as far as it can be told.
    fn now(self) -> SystemTime {
        let now = SystemTime::now();
        match self {
            Self::Ahead(skew) => now.checked_add(skew),
            Self::Behind(skew) => now.checked_sub(skew),
        }
        .unwrap_or(now)
    }
}

/// Sets a header, unless no header can have the value.
fn set(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Rounded up: a client that comes earlier comes too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// The time without its fraction, within the years that a date of HTTP can have.
fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs().min(LAST_SECOND);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(whole_second(time))
}

/// What S3, or MinIO where S3 does not know the status, calls one that came without a code.
const fn usual_code(status: u16) -> &'static str {
    match status {
        301 => "PermanentRedirect",
        307 => "TemporaryRedirect",
        401 => "Unauthorized",
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "OperationAborted",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        501 => "NotImplemented",
        503 => "ServiceUnavailable",
        507 => "XMinioStorageFull",
        400..=499 => "InvalidRequest",
        _ => "InternalError",
    }
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Console</title></head>\
                    <body><h1>Sign in</h1></body></html>\n";
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
/// The end of the year 9999, after which a date has no room for its year.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_stay_within_what_http_can_say() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000);
        assert_eq!(http_date(far), "Fri, 31 Dec 9999 23:59:59 GMT");
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
        assert_eq!(http_date(before), "Thu, 01 Jan 1970 00:00:00 GMT");
        let never = Clock::Ahead(Duration::MAX).now();
        assert!(never <= SystemTime::now());
    }

    #[test]
    fn a_location_without_a_path_gets_that_of_the_request() {
        let request = Request::put("/b/k?partNumber=1")
            .header(HOST, "h:1")
            .body(());
        let head = RequestHead::of(&request.unwrap(), 1);
        let cases = [
            (None, "http://h:1/b/k?partNumber=1"),
            (Some("http://other:2"), "http://other:2/b/k?partNumber=1"),
            (Some("http://other:2/c"), "http://other:2/c"),
        ];
        for (location, want) in cases {
            assert_eq!(head.location(location), want);
        }
    }
}
