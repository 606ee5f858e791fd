//! What a failed operation may have done.

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use undaunted::HttpFailure;

/// Whether this failure proves that the operation changed nothing.
///
/// Two things prove it: the connection was never made, or the service said that it turned
/// the request away. `Request` does not: it also stands for connections that were closed in
/// the middle of an answer.
pub(crate) fn proves_not_applied(error: &Error) -> bool {
    if let Some(failure) = find::<HttpFailure>(error) {
        return failure.proves_not_applied();
    }
    find::<HttpError>(error).is_some_and(|http| http.kind() == HttpErrorKind::Connect)
}

/// Whether the service refused the request because its credentials or its time had become
/// stale, which signing it anew may mend.
pub(crate) fn is_stale(error: &Error) -> bool {
    find::<HttpFailure>(error)
        .and_then(HttpFailure::code)
        .is_some_and(|code| STALE_CODES.contains(&code))
}

/// A failure that the connector made of a status which object_store has a variant for, in
/// that variant.
pub(crate) fn with_meaning(error: Error, location: &Path) -> Error {
    if !matches!(error, Error::Generic { .. }) {
        return error;
    }
    let status = find::<HttpFailure>(&error).map(HttpFailure::status);
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

/// The first cause of this type along `source()`.
pub(crate) fn find<T: StdError + 'static>(error: &Error) -> Option<&T> {
    let mut link: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        link = error.source();
    }
    None
}

/// S3's codes for an expired token and for a request signed too long ago.
pub(crate) const STALE_CODES: [&str; 3] =
    ["ExpiredToken", "RequestExpired", "RequestTimeTooSkewed"];
