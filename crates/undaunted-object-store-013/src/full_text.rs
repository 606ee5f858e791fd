//! An error of 0.13 as text.

use std::error::Error as StdError;

use object_store013::Error;

use crate::v014;

/// The text of an error with all of its causes, safe to show, as
/// [`undaunted_object_store::full_text`] makes it.
#[must_use]
pub fn full_text(error: &(dyn StdError + 'static)) -> String {
    v014::bridge::full_text_with(error, |error| {
        let of_013 = error.downcast_ref()?;
        Some(matches!(of_013, Error::Generic { .. }))
    })
}
