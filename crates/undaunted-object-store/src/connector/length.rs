//! The length of an object in an answer that does not say it.
//!
//! Something between the service and here may send a body in chunks, and then nothing tells a
//! body that was cut from one that is complete. object_store takes no such answer.

use std::io;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use object_store::client::{HttpError, HttpErrorKind, HttpResponse};

/// The same answer with a length, where its place in the object gives it.
///
/// # Errors
///
/// If it is an object whose length nothing tells. Another try may go another way.
pub(super) fn known(mut response: HttpResponse) -> Result<HttpResponse, HttpError> {
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
        let error = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the answer has an object without its length, so that its end cannot be told",
        );
        return Err(HttpError::new(HttpErrorKind::Interrupted, error));
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// `bytes 10-19/100` is ten bytes.
fn length_of_range(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (place, _) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = place.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpResponseBody;

    use super::*;

    fn answer(status: u16, pairs: &[(&'static str, &'static str)]) -> HttpResponse {
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
        assert_eq!(length(&known(answer(206, &range)).unwrap()), Some("10"));
        for wrong in ["bytes */100", "bytes 9-1/100", "lines 1-2/3", "bytes a-b/c"] {
            let range = [("etag", "\"1\""), ("content-range", wrong)];
            assert!(known(answer(206, &range)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_whole_object_without_a_length_is_a_failure() {
        let error = known(answer(200, &[("etag", "\"1\"")])).unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Interrupted);
    }

    #[test]
    fn what_has_a_length_and_what_is_no_object_passes() {
        let whole = [("etag", "\"1\""), ("content-length", "7")];
        assert_eq!(length(&known(answer(200, &whole)).unwrap()), Some("7"));
        assert_eq!(length(&known(answer(200, &[])).unwrap()), None);
    }
}
