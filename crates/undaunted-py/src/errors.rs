//! From an error of a store to its exception in Python.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use undaunted::{HttpFailure, StopReason, TimedOut, Verdict};
use undaunted_object_store::{
    Ambiguous, CredentialError, Observed, OpenError, cause, full_text, redacted,
};

use crate::state::note;

/// The failure of an operation, which becomes an exception in Python.
#[derive(Debug)]
pub(crate) struct OperationError {
    pub(crate) error: Error,
    pub(crate) key: String,
    pub(crate) observed: Observed,
}

impl OperationError {
    /// The exception, with its cause, the report of the operation and a note.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        self.make(py).unwrap_or_else(|error| error)
    }

    fn make(&self, py: Python<'_>) -> PyResult<PyErr> {
        let response = self.response();
        let (class, words) = ExceptionKind::of(&self.error, response).class_and_words();
        let about = if self.key.is_empty() { "" } else { " for " };
        let reason = reason(&self.error, response);
        let message = format!("{words}{about}{}: {}", self.key, redacted(&reason));
        let fields = PyDict::new(py);
        fields.set_item("class_name", class)?;
        fields.set_item("message", message)?;
        fields.set_item("key", &self.key)?;
        fields.set_item("cause", redacted(&full_text(&self.error)))?;
        let condition = match &self.error {
            Error::NotModified { .. } => Some("not modified"),
            Error::Precondition { .. } => Some("precondition"),
            _ => None,
        };
        fields.set_item("condition", condition)?;
        if let Some(failure) = response {
            let http = (failure.status(), failure.code(), failure.request_id());
            fields.set_item("http", http)?;
            let hint = failure.retry_after().map(|hint| hint.as_secs_f64());
            fields.set_item("retry_after", hint)?;
        }
        if let Some(failed) = &self.observed.failed_operation {
            let report = &failed.report;
            let delays: Vec<_> = report.delays().iter().map(Duration::as_secs_f64).collect();
            let reason = report.stop_reason();
            let note = reason.and_then(|reason| {
                let rule = report
                    .failures()
                    .last()
                    .and_then(|failed| failed.rule.as_deref());
                note(report.attempts(), &delays, report.queued(), reason, rule)
            });
            fields.set_item("note", note)?;
            let failures = report.failures().iter();
            let rules: Vec<_> = report
                .failures()
                .iter()
                .map(|failed| failed.rule.as_deref())
                .collect();
            let failures: Vec<_> = failures.map(|failed| redacted(&failed.error)).collect();
            let arguments = (
                report.operation(),
                report.attempts(),
                PyTuple::new(py, delays)?,
                report.elapsed().as_secs_f64(),
                reason.map(StopReason::as_str),
                PyTuple::new(py, failures)?,
                report.queued().as_secs_f64(),
                PyTuple::new(py, rules)?,
            );
            let class = REPORT.import(py, "undaunted._types", "RetryReport")?;
            fields.set_item("report", class.call1(arguments)?)?;
        }
        let make = MAKE.import(py, "undaunted._errors", "make_storage_error")?;
        let exception = make.call((), Some(&fields))?;
        Ok(PyErr::from_value(exception))
    }

    /// The response that caused this failure: one of the causes of the error, or the last one
    /// that was observed, where object_store has a variant for its status.
    fn response(&self) -> Option<&HttpFailure> {
        cause::<HttpFailure>(&self.error).or_else(|| {
            let response = self.observed.last_failure.as_ref()?;
            let is_its = match &self.error {
                Error::NotFound { .. } => response.status() == 404,
                Error::AlreadyExists { .. } => matches!(response.status(), 409 | 412),
                Error::Precondition { .. } => response.status() == 412,
                Error::PermissionDenied { .. } => response.status() == 403,
                Error::Unauthenticated { .. } => response.status() == 401,
                // A failure without a response has one of these causes.
                Error::Generic { .. } => {
                    cause::<Ambiguous>(&self.error).is_none()
                        && cause::<HttpError>(&self.error).is_none()
                        && cause::<io::Error>(&self.error).is_none()
                }
                _ => false,
            };
            is_its.then_some(response)
        })
    }
}

/// The exception for a store that could not be opened.
pub(crate) fn not_opened(py: Python<'_>, error: &OpenError) -> PyErr {
    let text = redacted(&full_text(error)).into_owned();
    storage_error(py, "StorageConfigurationError", text, None)
}

/// An exception of a storage that made no request.
pub(crate) fn storage_error(
    py: Python<'_>,
    class: &str,
    message: String,
    key: Option<&str>,
) -> PyErr {
    let made = REFUSE
        .import(py, "undaunted._errors", "refused")
        .and_then(|refused| refused.call1((class, message, key)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The exceptions of Python for failed operations.
#[derive(Clone, Copy, Debug)]
enum ExceptionKind {
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

impl ExceptionKind {
    fn of(error: &Error, response: Option<&HttpFailure>) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::AlreadyExists { .. } => Self::Exists,
            Error::Unauthenticated { .. } => Self::Credentials,
            Error::PermissionDenied { .. } if has_credentials_code(response) => Self::Credentials,
            Error::PermissionDenied { .. } => Self::Permission,
            Error::NotSupported { .. } | Error::NotImplemented { .. } => Self::Unsupported,
            Error::UnknownConfigurationKey { .. } => Self::Configuration,
            Error::Generic { .. } => Self::of_cause(error, response),
            _ => Self::Other,
        }
    }

    /// The cause decides what a generic error is. A response of the service says most, an error
    /// of the operating system least.
    fn of_cause(error: &Error, response: Option<&HttpFailure>) -> Self {
        if cause::<Ambiguous>(error).is_some() {
            return Self::Ambiguous;
        }
        if let Some(response) = response {
            return Self::of_response(response);
        }
        if cause::<CredentialError>(error).is_some() {
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

    fn of_response(response: &HttpFailure) -> Self {
        match response.verdict() {
            Verdict::Throttled { .. } => Self::RateLimit,
            Verdict::Transient { .. } if response.status() == 408 => Self::Timeout,
            Verdict::Transient { .. } => Self::Unavailable,
            Verdict::Permanent if has_credentials_code(Some(response)) => Self::Credentials,
            Verdict::Permanent => match response.status() {
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

    /// The name of the class, and the words before the reason. Python has its own words for keys
    /// that are missing or exist.
    const fn class_and_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ambiguous => ("StorageAmbiguousError", "the outcome is unknown"),
            Self::Configuration => ("StorageConfigurationError", "invalid configuration"),
            Self::Connection => ("StorageConnectionError", "connection failed"),
            Self::Credentials => ("StorageCredentialsError", "invalid credentials"),
            Self::Exists => ("StorageFileExistsError", "already exists"),
            Self::NotFound => ("StorageFileNotFoundError", "not found"),
            Self::Other => ("StorageError", "failed"),
            Self::Permission => ("StoragePermissionError", "permission denied"),
            Self::RateLimit => ("StorageRateLimitError", "rate limited"),
            Self::Timeout => ("StorageTimeoutError", "timed out"),
            Self::Unavailable => ("StorageServiceUnavailableError", "service unavailable"),
            Self::Unsupported => ("StorageUnsupportedError", "not supported"),
        }
    }
}

/// The cause in few words: the response of the service, or the last error in the chain.
fn reason(error: &Error, response: Option<&HttpFailure>) -> String {
    if let Some(ambiguous) = cause::<Ambiguous>(error) {
        return full_text(ambiguous);
    }
    if let Some(response) = response {
        return response.to_string();
    }
    // The last error in the chain says it most plainly.
    let mut last: &(dyn StdError + 'static) = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Whether a 403 or 400 is about the credentials: S3 and Azure send them for unknown keys and
/// wrong signatures.
fn has_credentials_code(response: Option<&HttpFailure>) -> bool {
    response
        .and_then(HttpFailure::code)
        .is_some_and(|code| CREDENTIALS_CODES.contains(&code))
}

static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static REPORT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static REFUSE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Codes of unknown credentials, although the status says that access is denied.
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
