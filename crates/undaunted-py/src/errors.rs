//! From an error of a store to the exception that names it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use undaunted::{HttpFailure, StopReason, TimedOut, Verdict};
use undaunted_object_store::{Ambiguous, Observed, OpenError, cause, full_text, redacted};

/// An operation that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) key: String,
    pub(crate) observed: Observed,
}

impl Failure {
    /// The exception, with the cause behind it.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        self.make(py).unwrap_or_else(|error| error)
    }

    /// The answer that this failure is about: behind the error, or observed beside it where
    /// object_store has a variant for its status.
    fn answer(&self) -> Option<&HttpFailure> {
        cause::<HttpFailure>(&self.error).or_else(|| {
            let answer = self.observed.last_failure.as_ref()?;
            let is_its = match &self.error {
                Error::NotFound { .. } => answer.status() == 404,
                Error::AlreadyExists { .. } => matches!(answer.status(), 409 | 412),
                Error::Precondition { .. } => answer.status() == 412,
                Error::PermissionDenied { .. } => answer.status() == 403,
                Error::Unauthenticated { .. } => answer.status() == 401,
                // What was no answer has another cause.
                Error::Generic { .. } => {
                    cause::<Ambiguous>(&self.error).is_none()
                        && cause::<HttpError>(&self.error).is_none()
                        && cause::<io::Error>(&self.error).is_none()
                }
                _ => false,
            };
            is_its.then_some(answer)
        })
    }

    fn make(&self, py: Python<'_>) -> PyResult<PyErr> {
        let answer = self.answer();
        let kind = Kind::of(&self.error, answer);
        let fields = PyDict::new(py);
        fields.set_item("kind", kind.as_str())?;
        fields.set_item("key", &self.key)?;
        fields.set_item("reason", redacted(&reason(&self.error, answer)))?;
        fields.set_item("cause", redacted(&full_text(&self.error)))?;
        if let Some(failure) = answer {
            fields.set_item("status", failure.status())?;
            fields.set_item("code", failure.code())?;
            fields.set_item("request_id", failure.request_id())?;
            let hint = failure.retry_after().map(|hint| hint.as_secs_f64());
            fields.set_item("retry_after", hint)?;
        }
        let failed = self.observed.failed_operation.as_ref();
        let report = failed.map(|failed| failed.report.clone());
        let report = report.unwrap_or_default();
        let waits = report.delays().iter().map(Duration::as_secs_f64);
        fields.set_item("waits", waits.collect::<Vec<_>>())?;
        fields.set_item("stop", report.stop_reason().map(StopReason::as_str))?;
        let make = MAKE.import(py, "undaunted._errors", "make_storage_error")?;
        let exception = make.call((), Some(&fields))?;
        Ok(PyErr::from_value(exception))
    }
}

/// A store that could not be opened.
pub(crate) fn not_opened(py: Python<'_>, error: &OpenError) -> PyErr {
    let text = redacted(&full_text(error)).into_owned();
    let made = CONFIGURATION
        .import(py, "undaunted._errors", "StorageConfigurationError")
        .and_then(|class| class.call1((text,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The kinds of failures that Python has an exception for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Ambiguous,
    Configuration,
    Connection,
    Credentials,
    Exists,
    NotFound,
    Other,
    Permission,
    RateLimit,
    Timeout,
    Unavailable,
    Unsupported,
}

impl Kind {
    fn of(error: &Error, answer: Option<&HttpFailure>) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::AlreadyExists { .. } => Self::Exists,
            Error::Unauthenticated { .. } => Self::Credentials,
            Error::PermissionDenied { .. } if has_credentials_code(answer) => Self::Credentials,
            Error::PermissionDenied { .. } => Self::Permission,
            Error::NotSupported { .. } | Error::NotImplemented { .. } => Self::Unsupported,
            Error::UnknownConfigurationKey { .. } => Self::Configuration,
            Error::Generic { .. } => Self::of_cause(error, answer),
            _ => Self::Other,
        }
    }

    /// A generic error is what the cause behind it is. An answer of the service is the best
    /// witness, the operating system's word the last.
    fn of_cause(error: &Error, answer: Option<&HttpFailure>) -> Self {
        if cause::<Ambiguous>(error).is_some() {
            return Self::Ambiguous;
        }
        if let Some(answer) = answer {
            return Self::of_answer(answer);
        }
        if is_of_metadata_service(error) {
            return Self::Credentials;
        }
        if cause::<TimedOut>(error).is_some() {
            return Self::Timeout;
        }
        if let Some(http) = cause::<HttpError>(error) {
            match http.kind() {
                HttpErrorKind::Timeout => return Self::Timeout,
                HttpErrorKind::Unknown => {}
                _ => return Self::Connection,
            }
        }
        match cause::<io::Error>(error) {
            Some(io) => Self::of_io(io),
            None => Self::Other,
        }
    }

    fn of_answer(answer: &HttpFailure) -> Self {
        match answer.verdict() {
            Verdict::Throttled { .. } => Self::RateLimit,
            Verdict::Transient { .. } if answer.status() == 408 => Self::Timeout,
            Verdict::Transient { .. } => Self::Unavailable,
            Verdict::Permanent if has_credentials_code(Some(answer)) => Self::Credentials,
            Verdict::Permanent => match answer.status() {
                401 => Self::Credentials,
                403 => Self::Permission,
                404 => Self::NotFound,
                409 | 412 => Self::Exists,
                501 => Self::Unsupported,
                _ => Self::Other,
            },
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Permission,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::UnexpectedEof => Self::Connection,
            _ => Self::Other,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::Configuration => "configuration",
            Self::Connection => "connection",
            Self::Credentials => "credentials",
            Self::Exists => "exists",
            Self::NotFound => "not_found",
            Self::Other => "other",
            Self::Permission => "permission",
            Self::RateLimit => "rate_limit",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
        }
    }
}

/// The cause in as few words as say it: the service's answer, or the last error behind it.
fn reason(error: &Error, answer: Option<&HttpFailure>) -> String {
    if let Some(ambiguous) = cause::<Ambiguous>(error) {
        return full_text(ambiguous);
    }
    if let Some(answer) = answer {
        return answer.to_string();
    }
    if is_of_metadata_service(error) {
        return format!(
            "none were given, and the metadata service gave none: {}",
            last(error)
        );
    }
    last(error)
}

/// The text of the last error behind this one.
fn last(error: &Error) -> String {
    let mut last: &(dyn StdError + 'static) = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Whether it was the metadata service of a cloud that failed, where credentials are looked for
/// when there are none.
///
/// By the path in the text, since object_store keeps it nowhere else. It chooses the exception
/// of a failure that is final already, and decides nothing.
fn is_of_metadata_service(error: &Error) -> bool {
    let text = error.to_string();
    let path = text
        .split_once("http://")
        .and_then(|(_, url)| url.split_once('/'))
        .map_or("", |(_, path)| path);
    METADATA_PATHS.iter().any(|known| path.starts_with(known))
}

/// S3 and Azure say 403, and some 400, where they do not know a key or its signature is wrong.
fn has_credentials_code(answer: Option<&HttpFailure>) -> bool {
    answer
        .and_then(HttpFailure::code)
        .is_some_and(|code| CREDENTIALS_CODES.contains(&code))
}

static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static CONFIGURATION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Where AWS, Google and Azure hand out credentials to machines.
const METADATA_PATHS: &[&str] = &[
    "latest/api/token",
    "latest/meta-data/",
    "computeMetadata/v1/",
    "metadata/identity/",
];

/// Codes that say who you are is not known, where the status says that you may not.
const CREDENTIALS_CODES: &[&str] = &[
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidSecurity",
    "InvalidToken",
    "SignatureDoesNotMatch",
];
