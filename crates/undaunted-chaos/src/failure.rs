//! How a call fails, and the object_store error that tells the caller.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use undaunted::HttpFailure;

/// The way in which a call fails.
///
/// | failure | what the caller gets |
/// | --- | --- |
/// | [`Closed`](Self::Closed) | `Generic` of an `HttpError` of kind `Request`, of an `io::Error` of kind `UnexpectedEof` |
/// | [`Connect`](Self::Connect) | `Generic`, `HttpError` of kind `Connect`, `io::Error` of kind `ConnectionRefused` |
/// | [`Reset`](Self::Reset) | `Generic`, `HttpError` of kind `Interrupted`, `io::Error` of kind `ConnectionReset` |
/// | [`Timeout`](Self::Timeout) | `Generic`, `HttpError` of kind `Timeout`, `io::Error` of kind `TimedOut` |
/// | [`Status`](Self::Status) 304, 401, 403, 404, 409, 412 | `NotModified`, `Unauthenticated`, `PermissionDenied`, `NotFound`, `AlreadyExists`, `Precondition`, of the [`HttpFailure`] |
/// | any other status, and any with a code that says "try again" | `Generic`, `HttpError` of kind `Unknown`, of the [`HttpFailure`] |
///
/// The store named in a `Generic` is `FaultyStore`.
///
/// ```
/// use object_store::Error;
/// use undaunted_chaos::{Failure, HttpFailure};
///
/// let conflict = Failure::status(412).to_error("a/b");
/// assert!(matches!(conflict, Error::Precondition { path, .. } if path == "a/b"));
///
/// let again = Failure::Status(HttpFailure::new(409).with_code("OperationAborted"));
/// assert!(matches!(again.to_error("a/b"), Error::Generic { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer closed the connection in the middle of a message.
    Closed,
    /// The connection was refused, which proves that nothing was sent.
    Connect,
    /// The peer reset the connection.
    Reset,
    /// The service responded with a failure.
    Status(HttpFailure),
    /// No response came in time. The error comes immediately: no time passes.
    Timeout,
}

impl Failure {
    /// A response with this status and nothing beside it.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status(HttpFailure::new(status))
    }

    /// S3's response to a caller that is too fast: 503 with the code `SlowDown`.
    #[must_use]
    pub fn slow_down() -> Self {
        Self::Status(HttpFailure::new(503).with_code("SlowDown"))
    }

    /// A failure inside a success: status 200, and in the body an error with this code. S3 does
    /// so when it learns of the failure after it began to respond, which it documents for
    /// `CompleteMultipartUpload` and `CopyObject`.
    #[must_use]
    pub fn inside_success(code: impl Into<String>) -> Self {
        Self::Status(HttpFailure::new(200).with_code(code))
    }

    /// The error that a client would report for a call on `key`.
    #[must_use]
    pub fn to_error(&self, key: &str) -> Error {
        match self {
            Self::Closed => broken(
                HttpErrorKind::Request,
                io::ErrorKind::UnexpectedEof,
                "connection closed before message completed",
            ),
            Self::Connect => broken(
                HttpErrorKind::Connect,
                io::ErrorKind::ConnectionRefused,
                "connection refused",
            ),
            Self::Reset => broken(
                HttpErrorKind::Interrupted,
                io::ErrorKind::ConnectionReset,
                "connection reset by peer",
            ),
            Self::Status(failure) => failed(failure, key),
            Self::Timeout => broken(
                HttpErrorKind::Timeout,
                io::ErrorKind::TimedOut,
                "request timed out",
            ),
        }
    }
}

impl From<HttpFailure> for Failure {
    fn from(failure: HttpFailure) -> Self {
        Self::Status(failure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("connection closed"),
            Self::Connect => f.write_str("connection refused"),
            Self::Reset => f.write_str("connection reset"),
            Self::Status(failure) => write!(f, "{failure}"),
            Self::Timeout => f.write_str("timeout"),
        }
    }
}

fn broken(kind: HttpErrorKind, io: io::ErrorKind, text: &'static str) -> Error {
    generic(kind, io::Error::new(io, text))
}

/// The variant that object_store's own clients choose for a status. A retryable code comes
/// first: such a 409 asks for another attempt and is no statement about the object.
fn failed(failure: &HttpFailure, key: &str) -> Error {
    if failure.verdict().is_retryable() {
        return generic(HttpErrorKind::Unknown, failure.clone());
    }
    let path = key.to_owned();
    let source = Box::new(failure.clone());
    match failure.status() {
        304 => Error::NotModified { path, source },
        401 => Error::Unauthenticated { path, source },
        403 => Error::PermissionDenied { path, source },
        404 => Error::NotFound { path, source },
        409 => Error::AlreadyExists { path, source },
        412 => Error::Precondition { path, source },
        _ => generic(HttpErrorKind::Unknown, failure.clone()),
    }
}

fn generic(kind: HttpErrorKind, cause: impl StdError + Send + Sync + 'static) -> Error {
    Error::Generic {
        store: STORE,
        source: Box::new(HttpError::new(kind, cause)),
    }
}

/// The name in the errors, so that an injected failure is never taken for a real one.
const STORE: &str = "FaultyStore";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use undaunted::{Retryable, Verdict};

    use super::*;

    fn http(error: &Error) -> &HttpError {
        error.source().unwrap().downcast_ref().unwrap()
    }

    #[test]
    fn a_broken_connection_has_its_kind_and_its_io_error() {
        let cases = [
            (
                Failure::Closed,
                HttpErrorKind::Request,
                io::ErrorKind::UnexpectedEof,
            ),
            (
                Failure::Connect,
                HttpErrorKind::Connect,
                io::ErrorKind::ConnectionRefused,
            ),
            (
                Failure::Reset,
                HttpErrorKind::Interrupted,
                io::ErrorKind::ConnectionReset,
            ),
            (
                Failure::Timeout,
                HttpErrorKind::Timeout,
                io::ErrorKind::TimedOut,
            ),
        ];
        for (failure, kind, io) in cases {
            let error = failure.to_error("k");
            assert!(error.to_string().starts_with("Generic FaultyStore error"));
            assert_eq!(http(&error).kind(), kind, "{failure}");
            let cause = http(&error).source().unwrap();
            assert_eq!(cause.downcast_ref::<io::Error>().unwrap().kind(), io);
            assert_eq!(error.verdict(), Verdict::TRANSIENT, "{failure}");
        }
    }

    #[test]
    fn a_status_becomes_the_variant_of_a_real_client() {
        let variant = |status| match Failure::status(status).to_error("a/b") {
            Error::NotModified { path, .. } => format!("NotModified {path}"),
            Error::Unauthenticated { path, .. } => format!("Unauthenticated {path}"),
            Error::PermissionDenied { path, .. } => format!("PermissionDenied {path}"),
            Error::NotFound { path, .. } => format!("NotFound {path}"),
            Error::AlreadyExists { path, .. } => format!("AlreadyExists {path}"),
            Error::Precondition { path, .. } => format!("Precondition {path}"),
            Error::Generic { .. } => "Generic".to_owned(),
            error => panic!("{error}"),
        };
        assert_eq!(variant(304), "NotModified a/b");
        assert_eq!(variant(401), "Unauthenticated a/b");
        assert_eq!(variant(403), "PermissionDenied a/b");
        assert_eq!(variant(404), "NotFound a/b");
        assert_eq!(variant(409), "AlreadyExists a/b");
        assert_eq!(variant(412), "Precondition a/b");
        assert_eq!(variant(400), "Generic");
        assert_eq!(variant(503), "Generic");
    }

    #[test]
    fn every_status_carries_its_http_failure() {
        for status in [400, 401, 403, 404, 409, 412, 429, 500, 503] {
            let error = Failure::status(status).to_error("k");
            let mut link = error.source();
            while let Some(cause) = link {
                if let Some(failure) = cause.downcast_ref::<HttpFailure>() {
                    assert_eq!(failure.status(), status);
                    break;
                }
                link = cause.source();
            }
            assert!(link.is_some(), "no HttpFailure behind {error}");
        }
    }

    #[test]
    fn a_409_that_asks_for_another_attempt_is_no_conflict() {
        let failure = HttpFailure::new(409).with_code("ConditionalRequestConflict");
        let error = Failure::from(failure).to_error("k");
        assert!(matches!(error, Error::Generic { .. }));
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
    }

    #[test]
    fn a_failure_inside_a_success_is_a_failure() {
        let failure = Failure::inside_success("InternalError");
        assert_eq!(failure.to_string(), "HTTP status 200 InternalError");
        assert_eq!(failure.to_error("k").verdict(), Verdict::TRANSIENT);
    }

    #[test]
    fn a_throttled_response_keeps_its_hint() {
        let hint = Duration::from_millis(300);
        let failure = HttpFailure::new(429).with_retry_after(hint);
        assert_eq!(
            Failure::from(failure).to_error("k").verdict(),
            Verdict::Throttled {
                retry_after: Some(hint)
            }
        );
        assert_eq!(
            Failure::slow_down().to_error("k").verdict(),
            Verdict::THROTTLED
        );
    }
}
