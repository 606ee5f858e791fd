//! An error of 0.13 as text.

use std::error::Error as StdError;

use object_store013::Error;

use crate::v014;

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
