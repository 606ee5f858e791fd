//! What an error of 0.13 says: its causes, and its text.

use std::error::Error as StdError;

use object_store013::Error;

use crate::v014;

/// The first cause of this type along the error's `source()`, as
/// [`undaunted_object_store::cause`] finds it in an error of 0.14.
///
/// ```
/// use object_store013::Error;
/// use undaunted::HttpFailure;
/// use undaunted_object_store_013::cause;
///
/// let source = Box::new(HttpFailure::new(503).with_code("SlowDown"));
/// let error = Error::Generic { store: "S3", source };
/// assert_eq!(cause::<HttpFailure>(&error).and_then(HttpFailure::code), Some("SlowDown"));
/// ```
#[must_use]
pub fn cause<T: StdError + 'static>(error: &Error) -> Option<&T> {
    let mut link: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        link = error.source();
    }
    None
}

/// The text of an error with all of its causes, safe to show, as
/// [`undaunted_object_store::full_text`] makes it.
#[must_use]
pub fn full_text(error: &(dyn StdError + 'static)) -> String {
    let (Some(own), Some(source)) = (error.downcast_ref::<Error>(), error.source()) else {
        return v014::full_text(error);
    };
    let cause = v014::full_text(source);
    if matches!(own, Error::Generic { .. }) {
        // `Generic S3 error` says less than the request after it.
        return cause;
    }
    let (own, source) = (own.to_string(), source.to_string());
    match own.rfind(&source) {
        Some(start) if !source.is_empty() => {
            format!("{}{cause}{}", &own[..start], &own[start + source.len()..])
        }
        _ => own,
    }
}
