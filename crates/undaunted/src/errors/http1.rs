//! http 1: what a failed response says in its headers, as the clients that use these types have it.

use std::time::{Duration, SystemTime};

use http1::{HeaderMap, StatusCode};
use httpdate::parse_http_date;

use super::http::HttpFailure;
use super::retry_after::parse_retry_after;

impl HttpFailure {
    /// The failure that a response with this status and these headers is: with the wait that the
    /// service asks for (`Retry-After` in seconds or as a date, `retry-after-ms`,
    /// `x-ms-retry-after-ms`, `x-amz-retry-after`), its code (`x-ms-error-code`,
    /// `x-amzn-errortype`) and its request id.
    ///
    /// A date counts from the response's own `Date`, and from `now` if it has none.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use undaunted::{HttpFailure, Verdict};
    /// # use http1 as http;
    ///
    /// let response = http::Response::builder().status(429).header("Retry-After", "7").body(())?;
    /// let failure =
    ///     HttpFailure::from_response(response.status(), response.headers(), SystemTime::now());
    /// let seven = Some(Duration::from_secs(7));
    /// assert_eq!(failure.verdict(), Verdict::Throttled { retry_after: seven });
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn from_response(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let get = |name| headers.get(name)?.to_str().ok();
        Self::from_headers(status.as_u16(), get, Some(now))
    }

    /// The same, for headers of any type. Without `now`, a date is a hint only beside a `Date`.
    pub(super) fn from_headers<'h>(
        status: u16,
        get: impl Fn(&'static str) -> Option<&'h str>,
        now: Option<SystemTime>,
    ) -> Self {
        let mut failure = Self::new(status);
        if let Some(code) = get("x-ms-error-code").or_else(|| get("x-amzn-errortype").map(bare)) {
            failure = failure.with_code(code);
        }
        // A date in the response is by the service's own clock, which may be another than ours.
        let date = get("date").and_then(|date| parse_http_date(date).ok());
        // The headers in milliseconds say it more exactly, and are not sent by accident.
        let exact = MILLISECOND_HINTS
            .iter()
            .filter_map(|name| get(name))
            .find_map(|value| value.trim().parse().ok().map(Duration::from_millis));
        let hint = exact.or_else(|| retry_after(get("retry-after")?, date.or(now)));
        if let Some(hint) = hint {
            failure = failure.with_retry_after(hint);
        }
        if let Some(id) = REQUEST_IDS.iter().find_map(|name| get(name)) {
            failure = failure.with_request_id(id);
        }
        failure
    }
}

/// A number of seconds needs no clock.
fn retry_after(value: &str, now: Option<SystemTime>) -> Option<Duration> {
    match now {
        Some(now) => parse_retry_after(value, now),
        None => value.trim().parse().ok().map(Duration::from_secs),
    }
}

/// `com.amazonaws.s3#ThrottlingException:http://..` is `ThrottlingException`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code).trim()
}

const MILLISECOND_HINTS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];

const REQUEST_IDS: [&str; 5] = [
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-guploader-uploadid",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> HttpFailure {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        HttpFailure::from_response(
            StatusCode::SERVICE_UNAVAILABLE,
            &headers,
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn every_hint_header_is_read() {
        let seconds = |value| Some(Duration::from_secs(value));
        assert_eq!(read(&[("retry-after", "7")]).retry_after(), seconds(7));
        let date = ("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT");
        assert_eq!(read(&[date]).retry_after(), seconds(60));
        let of_service = ("date", "Thu, 01 Jan 1970 00:00:50 GMT");
        assert_eq!(read(&[date, of_service]).retry_after(), seconds(10));
        for name in MILLISECOND_HINTS {
            let hint = read(&[(name, "2500"), ("retry-after", "9")]).retry_after();
            assert_eq!(hint, Some(Duration::from_millis(2500)), "{name}");
        }
        let garbage = read(&[("x-amz-retry-after", "soon"), ("retry-after", "-1")]);
        assert_eq!(garbage.retry_after(), None);
    }

    #[test]
    fn codes_and_request_ids_are_read() {
        let azure = read(&[("x-ms-error-code", "ServerBusy"), ("x-ms-request-id", "1")]);
        assert_eq!(
            (azure.code(), azure.request_id()),
            (Some("ServerBusy"), Some("1"))
        );
        let aws = "aws.protocol#ThrottlingException:http://internal.amazon.com/";
        let aws = read(&[("x-amzn-errortype", aws), ("x-amzn-requestid", "2")]);
        assert_eq!(
            (aws.code(), aws.request_id()),
            (Some("ThrottlingException"), Some("2"))
        );
    }
}
