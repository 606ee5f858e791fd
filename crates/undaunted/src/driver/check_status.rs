//! The status of a response, checked when it comes, with the clock that a date in it may need.

use std::time::SystemTime;

use http1::{HeaderMap, StatusCode};

use crate::errors::http::HttpFailure;

/// A response of an HTTP client whose status says whether it is a failure.
///
/// reqwest's `error_for_status` loses the `Retry-After` of the response, and hyper has nothing of
/// the kind. This keeps it, so that the next attempt waits as long as the service asks for. Implemented
/// for `http::Response` (feature `http1`, as hyper, hyper-util and tower have it) and for reqwest's
/// `Response` (features `reqwest012` and `reqwest013`).
///
/// ```
/// use std::time::Duration;
/// use undaunted::{CheckStatus, Verdict};
/// # use http1 as http;
///
/// let response = http::Response::builder().status(429).header("Retry-After", "7").body(())?;
/// let failure = response.check_status().unwrap_err();
/// let seven = Some(Duration::from_secs(7));
/// assert_eq!(failure.verdict(), Verdict::Throttled { retry_after: seven });
///
/// let response = http::Response::builder().status(200).body(())?;
/// assert!(response.check_status().is_ok());
/// # Ok::<(), http::Error>(())
/// ```
pub trait CheckStatus: Sized {
    /// The status and the headers.
    #[doc(hidden)]
    fn head(&self) -> (StatusCode, &HeaderMap);

    /// The failure that the response is, if its status is one: for callers that need the body too,
    /// to read the service's code from it ([`HttpFailure::with_code`]).
    fn failure(&self) -> Option<HttpFailure> {
        let (status, headers) = self.head();
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        #[allow(clippy::disallowed_methods, reason = "Retry-After may be a date")]
        let now = SystemTime::now();
        Some(HttpFailure::from_response(status, headers, now))
    }

    /// The response, unless its status is a failure.
    ///
    /// # Errors
    ///
    /// For the statuses from 400 to 599: an [`HttpFailure`] with the status and what the headers
    /// say, see [`HttpFailure::from_response`]. The body is dropped unread.
    fn check_status(self) -> Result<Self, HttpFailure> {
        match self.failure() {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }
}

impl<B> CheckStatus for http1::Response<B> {
    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }
}

#[cfg(feature = "reqwest012")]
impl CheckStatus for reqwest012::Response {
    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }
}

#[cfg(feature = "reqwest013")]
impl CheckStatus for reqwest013::Response {
    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> http1::Response<&'static str> {
        let mut response = http1::Response::new("body");
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        let seconds = http1::HeaderValue::from_static("7");
        response.headers_mut().insert("retry-after", seconds);
        response
    }

    #[test]
    fn a_failed_response_is_an_error_that_knows_status_and_headers() {
        for status in [100, 200, 204, 301, 304, 399] {
            assert_eq!(response(status).failure(), None, "{status}");
            assert!(response(status).check_status().is_ok(), "{status}");
        }
        for status in [400, 404, 429, 500, 503, 599] {
            let failure = response(status).failure();
            assert_eq!(response(status).check_status().err(), failure, "{status}");
            let failure = failure.map(|failure| (failure.status(), failure.retry_after()));
            let hint = Some(std::time::Duration::from_secs(7));
            assert_eq!(failure, Some((status, hint)));
        }
    }

    #[cfg(feature = "reqwest012")]
    #[test]
    fn those_of_reqwest_0_12_too() {
        let response = reqwest012::Response::from(response(503));
        assert_eq!(response.check_status().err().map(|e| e.status()), Some(503));
    }

    #[cfg(feature = "reqwest013")]
    #[test]
    fn those_of_reqwest_0_13_too() {
        let response = reqwest013::Response::from(response(503));
        assert_eq!(response.check_status().err().map(|e| e.status()), Some(503));
    }
}
