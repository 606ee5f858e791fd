//! Verdicts by the response that an exception has: its status, its code and its headers.

use std::time::{Duration, SystemTime};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use undaunted::{HttpFailure, Verdict, parse_retry_after};

use super::rule::{Path, at};

/// The core's verdict on the response that an exception has, if it has one.
pub(super) fn verdict(
    error: &Bound<'_, PyBaseException>,
    status: Path,
    code: Path,
    headers: Path,
) -> Option<Verdict> {
    let (failure, headers) = without_hint(error, status, code, headers)?;
    if failure.verdict() == Verdict::Permanent {
        return Some(Verdict::Permanent);
    }
    Some(with_hint(failure, headers.as_ref(), !code.is_empty()).verdict())
}

/// The response that an exception has, if it has one.
pub(super) fn failure(
    error: &Bound<'_, PyBaseException>,
    status: Path,
    code: Path,
    headers: Path,
) -> Option<HttpFailure> {
    let (failure, headers) = without_hint(error, status, code, headers)?;
    Some(with_hint(failure, headers.as_ref(), !code.is_empty()))
}

/// Status and code, and the headers, if there are any.
fn without_hint<'py>(
    error: &Bound<'py, PyBaseException>,
    status: Path,
    code: Path,
    headers: Path,
) -> Option<(HttpFailure, Option<Bound<'py, PyAny>>)> {
    let status = at(error, status).and_then(|status| {
        let number = status.extract::<u16>().ok();
        number.or_else(|| status.extract::<String>().ok()?.parse().ok())
    });
    let headers = at(error, headers);
    // Other headers than those of HTTP are looked for where they can be: it takes some time.
    let is_of_service = !code.is_empty();
    let code = is_of_service
        .then(|| {
            let code = at(error, code).and_then(|code| code.extract().ok());
            code.or_else(|| header(headers.as_ref()?, "x-ms-error-code"))
        })
        .flatten();
    if status.is_none() && code.is_none() {
        return None;
    }
    let mut failure = HttpFailure::new(status.unwrap_or_default());
    if let Some(code) = code {
        failure = failure.with_code(code);
    }
    Some((failure, headers))
}

/// The response with the wait that it asks for.
fn with_hint(
    failure: HttpFailure,
    headers: Option<&Bound<'_, PyAny>>,
    is_of_service: bool,
) -> HttpFailure {
    let hint = headers.and_then(|headers| {
        let millis = is_of_service.then(|| millis_of(headers)).flatten();
        millis.or_else(|| hint_of(headers))
    });
    match hint {
        Some(hint) => failure.with_retry_after(hint),
        None => failure,
    }
}

/// The wait in milliseconds that the headers of a service ask for.
fn millis_of(headers: &Bound<'_, PyAny>) -> Option<Duration> {
    let mut millis = MILLISECOND_HINTS
        .iter()
        .filter_map(|name| header(headers, name)?.trim().parse().ok());
    millis.next().map(Duration::from_millis)
}

/// The wait that `Retry-After` asks for. A date counts from that of the response.
fn hint_of(headers: &Bound<'_, PyAny>) -> Option<Duration> {
    let value = header(headers, "retry-after")?;
    let is_date = !value.trim().bytes().all(|byte| byte.is_ascii_digit());
    let sent = is_date
        .then(|| header(headers, "date"))
        .flatten()
        .and_then(|date| parse_retry_after(&date, SystemTime::UNIX_EPOCH))
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    parse_retry_after(&value, sent.unwrap_or_else(SystemTime::now))
}

/// A header, from any kind of mapping. The keys of a plain dict are lower case, as in botocore.
fn header(headers: &Bound<'_, PyAny>, name: &str) -> Option<String> {
    let value = if let Ok(headers) = headers.cast_exact::<PyDict>() {
        headers.get_item(name).ok()??
    } else {
        headers.call_method1("get", (name,)).ok()?
    };
    value.extract().ok()
}

/// urllib3 has given up: `too many 503 error responses`. Redirects count as the response that they
/// are.
pub(super) fn too_many(error: &Bound<'_, PyBaseException>) -> Option<HttpFailure> {
    let text: String = at(error, &["args", "0"])?.extract().ok()?;
    if text == "too many redirects" {
        return Some(HttpFailure::new(302));
    }
    let status = text
        .strip_prefix("too many ")?
        .strip_suffix(" error responses")?
        .parse()
        .ok()?;
    Some(HttpFailure::new(status))
}

/// The headers that ask for a wait in milliseconds, as the stores read them.
const MILLISECOND_HINTS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];
