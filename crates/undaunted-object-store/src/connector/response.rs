//! What a response says: a failed one its code, its hint and its request id, and one with an
//! object the length of it.

use std::io;
use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use object_store::client::{HttpError, HttpErrorKind, HttpResponse};
use undaunted::HttpFailure;

use super::xml;

/// What the service said beside the status.
pub(super) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HttpFailure {
    let mut failure = HttpFailure::from_response(status, headers, SystemTime::now());
    if failure.code().is_none() {
        if let Some(code) = xml::error_code(body) {
            failure = failure.with_code(code);
        }
    }
    let region = text(headers, "x-amz-bucket-region");
    if let Some(region) = region.filter(|_| may_be_elsewhere(&failure)) {
        failure = failure.with_region(region);
    }
    failure
}

/// Whether S3 refuses because the bucket is in another region; it names the region in other
/// responses too. A HEAD has no code.
fn may_be_elsewhere(failure: &HttpFailure) -> bool {
    match failure.status() {
        300..=399 => true,
        400 => failure
            .code()
            .is_none_or(|code| REGION_CODES.contains(&code)),
        _ => false,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The same response with a length, where its place in the object gives it.
///
/// Something between the service and here may send a body in chunks, and then nothing tells a
/// body that was cut from one that is complete. object_store takes no such response.
///
/// # Errors
///
/// If it is an object whose length nothing tells. Another attempt may go another way, unless the
/// object was compressed or decompressed on its way.
pub(super) fn with_length(mut response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let status = response.status();
    let headers = response.headers_mut();
    // Only objects have an etag; a list may be of any length.
    if headers.contains_key(CONTENT_LENGTH) || !headers.contains_key(ETAG) {
        return Ok(response);
    }
    let length = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| length_of_range(headers))
        .flatten();
    let Some(length) = length else {
        if let Some(transcoded) = Transcoded::seen_in(headers) {
            return Err(HttpError::new(HttpErrorKind::Unknown, transcoded));
        }
        let error = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the response has an object without its length, so that its end cannot be told: a \
             proxy may have compressed or decompressed it, see its Content-Encoding",
        );
        return Err(HttpError::new(HttpErrorKind::Interrupted, error));
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// A body that is not the object's: something on its way took its encoding off or put one on. What
/// it is then has no length, no ranges and another ETag.
#[derive(Debug, thiserror::Error)]
#[error(
    "the object was {change} on its way, which Content-Encoding allows: store it without \
     Content-Encoding or with Cache-Control: no-transform, or read it past the proxy"
)]
struct Transcoded {
    change: &'static str,
}

impl Transcoded {
    fn seen_in(headers: &HeaderMap) -> Option<Self> {
        let encoding = text(headers, "content-encoding").unwrap_or("identity");
        let stored = text(headers, "x-goog-stored-content-encoding").unwrap_or(encoding);
        let has_weak_etag = text(headers, "etag").is_some_and(|etag| etag.starts_with("W/"));
        let change = match (stored, encoding) {
            (stored, "identity") if stored != "identity" => "decompressed",
            ("identity", encoding) if encoding != "identity" => "compressed",
            (_, encoding) if encoding != "identity" && has_weak_etag => "compressed",
            _ if has_weak_etag => "compressed or decompressed",
            _ => return None,
        };
        Some(Self { change })
    }
}

/// `bytes 10-19/100` is ten bytes.
fn length_of_range(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (place, _) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = place.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

const REGION_CODES: [&str; 2] = ["AuthorizationHeaderMalformed", "PermanentRedirect"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use object_store::client::HttpResponseBody;
    use undaunted::Verdict;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn read_with(pairs: &[(&'static str, &'static str)], body: &str) -> HttpFailure {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        failure(status, &headers(pairs), body.as_bytes())
    }

    #[test]
    fn the_code_is_read_from_the_document_or_from_azures_header() {
        let slow = read_with(&[], "<Error><Code>SlowDown</Code><Key>a</Key></Error>");
        assert_eq!(slow.code(), Some("SlowDown"));
        assert_eq!(slow.verdict(), Verdict::THROTTLED);
        let busy = read_with(&[("x-ms-error-code", "ServerBusy")], "");
        assert_eq!(busy.verdict(), Verdict::THROTTLED);
        assert_eq!(read_with(&[], "SlowDown, please").code(), None);
    }

    #[test]
    fn another_region_is_named_where_that_is_why() {
        let region = [("x-amz-bucket-region", "eu-west-1")];
        let region_in = |status, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            failure(status, &headers(&region), body.as_bytes())
                .region()
                .map(str::to_owned)
        };
        let elsewhere = Some("eu-west-1".to_owned());
        assert_eq!(region_in(301, ""), elsewhere);
        assert_eq!(region_in(400, ""), elsewhere);
        let code = |code| format!("<Error><Code>{code}</Code></Error>");
        assert_eq!(
            region_in(400, &code("AuthorizationHeaderMalformed")),
            elsewhere
        );
        assert_eq!(region_in(400, &code("ExpiredToken")), None);
        assert_eq!(region_in(403, ""), None);
    }

    #[test]
    fn what_the_headers_say_is_kept() {
        let failure = read_with(&[("x-amz-request-id", "ABC"), ("retry-after", "7")], "");
        assert_eq!(failure.request_id(), Some("ABC"));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
    }

    fn response(status: u16, pairs: &[(&'static str, &'static str)]) -> HttpResponse {
        let mut response = HttpResponse::new(HttpResponseBody::from(bytes::Bytes::new()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in pairs {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    }

    fn length(response: &HttpResponse) -> Option<&str> {
        response.headers().get(CONTENT_LENGTH)?.to_str().ok()
    }

    #[test]
    fn a_range_gives_its_length() {
        let range = [("etag", "\"1\""), ("content-range", "bytes 10-19/100")];
        assert_eq!(
            length(&with_length(response(206, &range)).unwrap()),
            Some("10")
        );
        for wrong in ["bytes */100", "bytes 9-1/100", "lines 1-2/3", "bytes a-b/c"] {
            let range = [("etag", "\"1\""), ("content-range", wrong)];
            assert!(with_length(response(206, &range)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_whole_object_without_a_length_is_a_failure() {
        let error = with_length(response(200, &[("etag", "\"1\"")])).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Interrupted);
    }

    #[test]
    fn a_body_that_was_changed_on_its_way_is_permanent_and_said() {
        let text = |pairs: &[(&'static str, &'static str)]| {
            let error = with_length(response(200, pairs)).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Unknown);
            std::error::Error::source(&error).unwrap().to_string()
        };
        let google = [
            ("etag", "\"1\""),
            ("x-goog-stored-content-encoding", "gzip"),
        ];
        assert!(text(&google).starts_with("the object was decompressed on its way"));
        let proxy = [("etag", "W/\"1\""), ("content-encoding", "gzip")];
        let of_google = [
            ("etag", "\"1\""),
            ("x-goog-stored-content-encoding", "identity"),
            ("content-encoding", "gzip"),
        ];
        for compressed in [&proxy[..], &of_google] {
            assert!(text(compressed).starts_with("the object was compressed on its way"));
        }
        let either = text(&[("etag", "W/\"1\"")]);
        assert!(
            either.starts_with("the object was compressed or decompressed on its way"),
            "{either}"
        );
        assert!(either.contains("Content-Encoding"));
        // Stored so, and sent so: only the length is missing.
        let as_stored = [("etag", "\"1\""), ("content-encoding", "gzip")];
        let error = with_length(response(200, &as_stored)).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Interrupted);
    }

    #[test]
    fn what_has_a_length_and_what_is_no_object_passes() {
        let whole = [("etag", "\"1\""), ("content-length", "7")];
        assert_eq!(
            length(&with_length(response(200, &whole)).unwrap()),
            Some("7")
        );
        assert_eq!(length(&with_length(response(200, &[])).unwrap()), None);
    }
}
