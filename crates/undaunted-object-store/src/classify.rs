//! What a failed operation may have done.

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use undaunted::HttpFailure;

use crate::error::cause;

/// Whether this failure proves that the operation changed nothing.
///
/// Two things prove it: the connection was never made, or the service said that it turned
/// the request away. `Request` does not: it also stands for connections that were closed in
/// the middle of an answer.
pub(crate) fn proves_not_applied(error: &Error) -> bool {
    if let Some(failure) = cause::<HttpFailure>(error) {
        return failure.proves_not_applied();
    }
    cause::<HttpError>(error).is_some_and(|http| http.kind() == HttpErrorKind::Connect)
}

/// Whether the service refused the request because its credentials or its time had become
/// stale, which signing it anew may mend.
pub(crate) fn is_stale(error: &Error) -> bool {
    cause::<HttpFailure>(error)
        .and_then(HttpFailure::code)
        .is_some_and(|code| STALE_CODES.contains(&code))
}

/// A failure that the connector made of a status which object_store has a variant for, in
/// that variant.
pub(crate) fn with_meaning(error: Error, location: &Path) -> Error {
    if !matches!(error, Error::Generic { .. }) {
        return error;
    }
    let status = cause::<HttpFailure>(&error).map(HttpFailure::status);
    let path = location.to_string();
    match status {
        Some(401) => Error::Unauthenticated {
            path,
            source: Box::new(error),
        },
        Some(403) => Error::PermissionDenied {
            path,
            source: Box::new(error),
        },
        _ => error,
    }
}

/// S3's codes for an expired token and for a request signed too long ago.
pub(crate) const STALE_CODES: [&str; 3] =
    ["ExpiredToken", "RequestExpired", "RequestTimeTooSkewed"];
