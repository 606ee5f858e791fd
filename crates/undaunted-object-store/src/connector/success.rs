//! Responses that say that the request succeeded: whether they are the service's, and whole.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, ETAG, LAST_MODIFIED};
use http::response::Parts;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody};
use undaunted::HttpFailure;

use super::expected::{COMPLETION, Expected, Service, body_of, has_header_of_service};
use super::page::{UnexpectedResponse, is_web_page};
use super::{batch, document, listing, response, xml};
use crate::observe;

/// What is known of a request that its response is checked against.
pub(super) struct Check {
    expected: Expected,
    /// The keys that the request deletes, if it deletes many.
    keys: Vec<String>,
}

impl Check {
    pub(super) fn of(service: Option<Service>, request: &HttpRequest) -> Self {
        let expected = Expected::of(service, request);
        let keys = match expected {
            Expected::Batch => batch::keys(request),
            Expected::DELETIONS => xml::deleted_keys(body_of(request)),
            _ => Vec::new(),
        };
        Self { expected, keys }
    }

    /// Passes the response on if it is what it must be, in a form that object_store reads
    /// without harm.
    pub(super) async fn pass(&self, response: HttpResponse) -> Result<HttpResponse, HttpError> {
        match self.expected {
            Expected::Document(root) => {
                let (head, body) = whole(response).await?;
                check_document(root, &head, &body)?;
                if root == COMPLETION && !xml::has_child(&body, b"ETag") {
                    return Err(document::without_etag(root));
                }
                self.tell_refused_keys(&head, &body)?;
                Ok(with_body(head, xml::hide_error_words(body)))
            }
            Expected::List(root) => {
                let (mut head, body) = whole(response).await?;
                check_document(root, &head, &body)?;
                let (body, left_out) = listing::readable(body)?;
                for key in &left_out.keys {
                    tracing::warn!(target: "undaunted::list", key = key.key(), "{key}");
                }
                head.extensions.insert(left_out);
                Ok(with_body(head, body))
            }
            Expected::Batch => {
                let (mut head, body) = whole(response).await?;
                let body = batch::readable(&self.keys, &mut head, &body)?;
                Ok(with_body(head, body))
            }
            Expected::Object if shows_an_object(&response) => Ok(response),
            Expected::Written if shows_a_write(&response) => Ok(response),
            Expected::NoContent if !is_web_page(response.headers()) => Ok(response),
            Expected::Anything => Ok(response),
            Expected::Object | Expected::Written | Expected::NoContent => {
                Err(not_the_services(response).await)
            }
        }
    }

    /// Tells the task that deletes which keys S3 refused, and why.
    fn tell_refused_keys(&self, head: &Parts, body: &[u8]) -> Result<(), HttpError> {
        if self.expected != Expected::DELETIONS {
            return Ok(());
        }
        for (key, code) in xml::delete_errors(body) {
            // object_store panics at a key that it did not ask for.
            if !self.keys.contains(&key) {
                return Err(UnexpectedResponse::error(head, body));
            }
            let failure = HttpFailure::new(head.status.as_u16()).with_code(code);
            observe::record_delete_failure(key, failure);
        }
        Ok(())
    }
}

/// S3 may begin to respond before it knows the outcome, and so say 200 to a failure.
fn check_document(root: &'static str, head: &Parts, body: &[u8]) -> Result<(), HttpError> {
    if xml::has_root(body, b"Error") {
        let failure = response::failure(head.status, &head.headers, body);
        return Err(HttpError::new(HttpErrorKind::Unknown, failure));
    }
    document::check(root, head, body)
}

/// An object has an ETag, or another header that only a storage service sends. Some services
/// leave both out and say when it was changed, as a web page may too.
fn shows_an_object(response: &HttpResponse) -> bool {
    let (status, headers) = (response.status(), response.headers());
    matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
        && (headers.contains_key(ETAG)
            || has_header_of_service(headers)
            || (headers.contains_key(LAST_MODIFIED) && !is_web_page(headers)))
}

/// What was written has an ETag, and no body to speak of.
fn shows_a_write(response: &HttpResponse) -> bool {
    let (status, headers) = (response.status(), response.headers());
    matches!(status, StatusCode::OK | StatusCode::CREATED)
        && headers.contains_key(ETAG)
        && !is_web_page(headers)
}

/// An error that quotes the response, if its body is short enough to be read for that.
async fn not_the_services(response: HttpResponse) -> HttpError {
    let (head, body) = response.into_parts();
    let length = head.headers.get(CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let body = match length {
        Some(length) if length <= LONGEST_PAGE => body.bytes().await.unwrap_or_default(),
        _ => Bytes::new(),
    };
    UnexpectedResponse::error(&head, &body)
}

async fn whole(response: HttpResponse) -> Result<(Parts, Bytes), HttpError> {
    let (head, body) = response.into_parts();
    Ok((head, body.bytes().await?))
}

fn with_body(head: Parts, body: Bytes) -> HttpResponse {
    HttpResponse::from_parts(head, HttpResponseBody::from(body))
}

/// Bytes of a web page that are read to quote its beginning: most pages are shorter.
const LONGEST_PAGE: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;

    use super::*;

    async fn pass(
        service: Service,
        request: (&str, &str, &'static str),
        status: u16,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Bytes, String> {
        let (method, uri, sent) = request;
        let request = http::Request::builder().method(method).uri(uri);
        let request = request
            .body(HttpRequestBody::from(sent.to_owned()))
            .unwrap();
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(HttpResponseBody::from(body.into())).unwrap();
        let passed = Check::of(Some(service), &request).pass(response).await;
        match passed {
            Ok(response) => Ok(response.into_body().bytes().await.unwrap()),
            Err(error) => Err(std::error::Error::source(&error).unwrap().to_string()),
        }
    }

    #[tokio::test]
    async fn what_an_object_and_a_write_have_to_show() {
        const ETAG: (&str, &str) = ("etag", "\"1\"");
        const CHANGED: (&str, &str) = ("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT");
        const PAGE: (&str, &str) = ("content-type", "text/html");
        for (method, status, headers, is_right) in [
            ("GET", 200, &[ETAG][..], true),
            ("GET", 206, &[ETAG], true),
            ("GET", 200, &[ETAG, PAGE], true),
            ("GET", 200, &[("x-amz-request-id", "1")], true),
            ("GET", 200, &[("x-minio-error", "")], true),
            ("GET", 200, &[CHANGED], true),
            ("GET", 200, &[CHANGED, PAGE], false),
            ("GET", 200, &[("x-powered-by", "1")], false),
            ("GET", 204, &[ETAG], false),
            ("PUT", 200, &[ETAG], true),
            ("PUT", 201, &[ETAG], true),
            ("PUT", 204, &[ETAG], false),
            ("PUT", 200, &[ETAG, PAGE], false),
            ("PUT", 200, &[("x-amz-request-id", "1")], false),
            ("DELETE", 204, &[], true),
            ("DELETE", 200, &[PAGE], false),
        ] {
            let request = (method, "http://host/bucket/key", "");
            let passed = pass(Service::S3, request, status, headers, "").await;
            assert_eq!(passed.is_ok(), is_right, "{method} {status} {headers:?}");
        }
    }

    #[tokio::test]
    async fn a_page_is_quoted_unless_it_is_long() {
        let quoted = async |length: usize, says_length: bool| {
            let said = length.to_string();
            let headers = [("content-length", said.as_str())];
            let headers = &headers[..usize::from(says_length)];
            let body = vec![b'w'; length];
            let request = ("GET", "http://host/bucket/key", "");
            let text = pass(Service::S3, request, 200, headers, body).await;
            text.unwrap_err().contains("www")
        };
        assert!(quoted(10, true).await);
        assert!(quoted(262_144, true).await);
        assert!(!quoted(262_145, true).await);
        // It may be of any length.
        assert!(!quoted(10, false).await);
    }

    #[tokio::test]
    async fn each_response_of_a_batch_is_that_of_a_key_that_was_asked_for() {
        let batch = "--b\r\n\r\nDELETE /c/key?sig=s HTTP/1.1\r\n\r\n--b--\r\n";
        let request = ("POST", "http://host/c?restype=container&comp=batch", batch);
        let headers = [("content-type", "multipart/mixed; boundary=r")];
        let part = "--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n";
        let one = format!("{part}--r--");
        let passed = pass(Service::Azure, request, 202, &headers, one).await;
        let passed = passed.unwrap();
        assert!(passed.starts_with(b"--batch\r\nContent-ID: 0\r\n"));
        let two = format!("{part}{part}--r--");
        let text = pass(Service::Azure, request, 202, &headers, two).await;
        assert!(text.unwrap_err().contains("is the endpoint right?"));
    }
}
