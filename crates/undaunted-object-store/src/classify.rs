//! What a failed operation may have done.

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
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
