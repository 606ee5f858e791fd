//! From a failed answer to an `HttpFailure`: its code, its hint, its request id.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use httpdate::parse_http_date;
use undaunted::{HttpFailure, parse_retry_after};

use super::xml;

/// What the service said beside the status.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HttpFailure {
    let mut failure = HttpFailure::new(status.as_u16());
    if let Some(code) = text(headers, "x-ms-error-code") {
        failure = failure.with_code(code);
    } else if let Some(code) = xml::error_code(body) {
        failure = failure.with_code(code);
    }
    // A date in the response is by the service's own clock, which may be another than ours.
    let now = text(headers, "date").and_then(|date| parse_http_date(date).ok());
    if let Some(hint) = hint(headers, now.unwrap_or_else(SystemTime::now)) {
        failure = failure.with_retry_after(hint);
    }
    if let Some(id) = REQUEST_IDS.iter().find_map(|name| text(headers, name)) {
        failure = failure.with_request_id(id);
    }
    failure
}

/// The wait that the service asks for. The headers in milliseconds say it more exactly, and
/// are not sent by accident.
fn hint(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let exact = MILLISECOND_HINTS
        .iter()
        .filter_map(|name| text(headers, name))
        .find_map(|value| value.trim().parse().ok().map(Duration::from_millis));
    exact.or_else(|| parse_retry_after(text(headers, "retry-after")?, now))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

const MILLISECOND_HINTS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];

const REQUEST_IDS: [&str; 3] = [
    "x-amz-request-id",
    "x-ms-request-id",
    "x-guploader-uploadid",
];

#[cfg(test)]
mod tests {
    use super::*;
    use undaunted::Verdict;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn read_with(pairs: &[(&'static str, &'static str)], body: &str) -> HttpFailure {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        read(status, &headers(pairs), body.as_bytes())
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
    fn every_hint_header_is_read() {
        let seconds = |value| Some(Duration::from_secs(value));
        assert_eq!(
            read_with(&[("retry-after", "7")], "").retry_after(),
            seconds(7)
        );
        let date = [
            ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"),
        ];
        assert_eq!(read_with(&date, "").retry_after(), seconds(60));
        let passed = [("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT")];
        assert_eq!(read_with(&passed, "").retry_after(), None);
        for name in MILLISECOND_HINTS {
            let hint = read_with(&[(name, "2500"), ("retry-after", "9")], "").retry_after();
            assert_eq!(hint, Some(Duration::from_millis(2500)), "{name}");
        }
        let garbage = [("x-amz-retry-after", "soon"), ("retry-after", "-1")];
        assert_eq!(read_with(&garbage, "").retry_after(), None);
    }

    #[test]
    fn the_request_id_is_kept() {
        let failure = read_with(&[("x-amz-request-id", "ABC")], "");
        assert_eq!(failure.request_id(), Some("ABC"));
    }
}
