//! Verdicts on exceptions of other libraries, by their classes, statuses, codes and causes.
//!
//! A class is recognised by the name of its package and its own, so nothing is imported. Some
//! classes mean the same always, and the rest is judged by what an instance has: a response, the
//! number of the operating system, or an inner exception. No words are searched for.

mod classes;
mod obstore;
mod own_rules;
mod response;
mod rule;
mod table;

use std::io;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use undaunted::{Retryable, Verdict};

use crate::seconds::hint;
use crate::state::State;

pub(crate) use self::own_rules::judge_by_rules;
use self::rule::{Path, Rule, at};

/// The verdict on all exceptions of this class, or `JUDGED` if each is to be judged.
#[pyfunction]
pub(crate) fn class_verdict(cls: &Bound<'_, PyType>) -> PyResult<u8> {
    Ok(match classes::rule_of(cls)? {
        Rule::Transient => State::TRANSIENT,
        Rule::Permanent => State::PERMANENT,
        _ => State::JUDGED,
    })
}

/// The verdict on an exception, with the wait in seconds that the service asked for, if any.
#[pyfunction]
pub(crate) fn judge<'py>(error: &Bound<'py, PyBaseException>) -> PyResult<Bound<'py, PyAny>> {
    let py = error.py();
    let (verdict, hint) = match verdict(error, 0).unwrap_or(Verdict::Permanent) {
        Verdict::Transient { retry_after } => (State::TRANSIENT, retry_after),
        Verdict::Throttled { retry_after } => (State::THROTTLED, retry_after),
        Verdict::Permanent => (State::PERMANENT, None),
    };
    match hint {
        Some(hint) => Ok((verdict, hint.as_secs_f64()).into_pyobject(py)?.into_any()),
        None => Ok(verdict.into_pyobject(py)?.into_any()),
    }
}

/// The verdict, unless neither the exception nor its causes are known.
fn verdict(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    if depth > DEEPEST {
        return None;
    }
    match classes::rule_of(&error.get_type()).ok()? {
        Rule::Unknown => along_causes(error, depth),
        Rule::Transient => Some(Verdict::TRANSIENT),
        Rule::Permanent => Some(Verdict::Permanent),
        Rule::Hinted { is_throttled } => {
            let given = at(error, &["retry_after"]).and_then(|hint| hint.extract().ok());
            let retry_after = hint(given);
            Some(if is_throttled {
                Verdict::Throttled { retry_after }
            } else {
                Verdict::Transient { retry_after }
            })
        }
        Rule::Response(status, code, headers) => unreadable(error)
            .or_else(|| response::verdict(error, status, code, headers))
            .or_else(|| along_causes(error, depth))
            .or(Some(Verdict::Permanent)),
        Rule::Errno => of_client(error, depth)
            .or_else(|| of_stream(error, depth))
            .or_else(|| errno(error))
            .or_else(|| along_causes(error, depth)),
        Rule::Inner(path, is_transient) => at_path(error, path, depth)
            .or_else(|| along_causes(error, depth))
            .or(Some(either(is_transient))),
        Rule::Flag(name, is_transient) => {
            let flag = at(error, &[name]).is_some_and(|flag| flag.is_truthy().unwrap_or(false));
            if flag {
                return Some(Verdict::TRANSIENT);
            }
            along_causes(error, depth).or(Some(either(is_transient)))
        }
        Rule::Group => group(error, depth),
        Rule::Slip => slip(error, depth).or(Some(Verdict::Permanent)),
        Rule::Ssl => {
            let reason = at(error, &["reason"])?;
            let reason: String = reason.extract().ok()?;
            Some(either(BROKEN_STREAM.contains(&reason.as_str())))
        }
        Rule::Dns => {
            let again = TRY_AGAIN.import(error.py(), "socket", "EAI_AGAIN").ok()?;
            let number = at(error, &["errno"]);
            Some(either(
                number.is_some_and(|number| number.eq(again).unwrap_or(false)),
            ))
        }
        Rule::TooMany => response::too_many(error).map(|failure| failure.verdict()),
        Rule::Debugged => {
            let text: String = at(error, &["args", "0"])?.extract().ok()?;
            Some(match obstore::said(&text)? {
                obstore::Said::Status(failure) => failure.verdict(),
                obstore::Said::Transient => Verdict::TRANSIENT,
            })
        }
    }
}

/// The verdict on the exception at a place in this one.
fn at_path(error: &Bound<'_, PyBaseException>, path: Path, depth: u8) -> Option<Verdict> {
    if path.is_empty() {
        return None;
    }
    let inner = at(error, path)?.cast_into::<PyBaseException>().ok()?;
    verdict(&inner, depth + 1)
}

/// The verdict on the cause, or on the exception whose handler raised this one.
fn along_causes(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    if let Some(cause) = cause(error) {
        return verdict(&cause, depth + 1);
    }
    let is_suppressed = at(error, &["__suppress_context__"])?;
    if is_suppressed.is_truthy().unwrap_or(true) {
        return None;
    }
    verdict(&handled(error)?, depth + 1)
}

/// The exception whose handler raised this one. It has to be the very function that had caught it:
/// then this one stands for it. One from a function that the handler called does not.
fn handled<'py>(error: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyBaseException>> {
    let context = at(error, &["__context__"])?;
    let caught_in = at(&context, &["__traceback__", "tb_frame"])?;
    let is_its = raised_in(error)?.is(&caught_in);
    is_its.then(|| context.cast_into().ok())?
}

/// The frame in which an exception was raised.
fn raised_in<'py>(error: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyAny>> {
    let mut place = at(error, &["__traceback__"])?;
    while let Some(next) = at(&place, &["tb_next"]) {
        place = next;
    }
    at(&place, &["tb_frame"])
}

/// The handlers of litestar-storages ask any error for the code in its `response`, which is None
/// in botocore's errors of connections: what comes out is an `AttributeError`.
fn slip(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    let module: String = at(&raised_in(error)?, &["f_globals", "__name__"])?
        .extract()
        .ok()?;
    if !module.starts_with("litestar_storages.") {
        return None;
    }
    verdict(&handled(error)?, depth + 1)
}

/// The verdict on the cause, if that is an exception of a client. Filesystems on top of clients
/// raise errors of the operating system whose numbers say less.
fn of_client(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    let cause = cause(error)?;
    let rule = classes::rule_of(&cause.get_type()).ok()?;
    match rule {
        Rule::Response(..) | Rule::Inner(..) | Rule::Flag(..) => verdict(&cause, depth + 1),
        _ => None,
    }
}

/// The verdict on the cause, if that is an error of TLS: aiohttp puts OpenSSL's number where the
/// operating system's would be.
fn of_stream(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    let cause = cause(error)?;
    let is_of_tls = classes::is_a(&cause.get_type(), "ssl", "SSLError");
    // One of unknown meaning has no number of the operating system either.
    is_of_tls.then(|| verdict(&cause, depth + 1).unwrap_or(Verdict::Permanent))
}

/// The verdict on the cause, if that is a broken response: aiohttp makes up a status 400 then.
fn unreadable(error: &Bound<'_, PyBaseException>) -> Option<Verdict> {
    let rule = classes::rule_of(&cause(error)?.get_type()).ok()?;
    (rule == Rule::Transient).then_some(Verdict::TRANSIENT)
}

fn cause<'py>(error: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyBaseException>> {
    at(error, &["__cause__"])?
        .cast_into::<PyBaseException>()
        .ok()
}

/// The core's verdict on a number of the operating system.
fn errno(error: &Bound<'_, PyBaseException>) -> Option<Verdict> {
    let name = if cfg!(windows) { "winerror" } else { "errno" };
    let number = at(error, &[name])?.extract().ok()?;
    Some(io::Error::from_raw_os_error(number).verdict())
}

/// Retried only if all exceptions in it are; throttled if any is. The longest wait counts.
fn group(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<Verdict> {
    let exceptions = at(error, &["exceptions"])?;
    let mut is_throttled = false;
    let mut longest = None;
    for each in exceptions.try_iter().ok()? {
        let each = each.ok()?.cast_into::<PyBaseException>().ok()?;
        match verdict(&each, depth + 1)? {
            Verdict::Transient { retry_after } => longest = longest.max(retry_after),
            Verdict::Throttled { retry_after } => {
                longest = longest.max(retry_after);
                is_throttled = true;
            }
            Verdict::Permanent => return Some(Verdict::Permanent),
        }
    }
    Some(if is_throttled {
        Verdict::Throttled {
            retry_after: longest,
        }
    } else {
        Verdict::Transient {
            retry_after: longest,
        }
    })
}

const fn either(is_transient: bool) -> Verdict {
    if is_transient {
        Verdict::TRANSIENT
    } else {
        Verdict::Permanent
    }
}

static TRY_AGAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Causes and groups are followed so far.
const DEEPEST: u8 = 10;

/// What OpenSSL says when a stream breaks, and not when two sides disagree.
const BROKEN_STREAM: &[&str] = &[
    "APPLICATION_DATA_AFTER_CLOSE_NOTIFY",
    "BAD_LENGTH",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    "RECORD_LAYER_FAILURE",
    "SSLV3_ALERT_BAD_RECORD_MAC",
    "UNEXPECTED_EOF_WHILE_READING",
];
