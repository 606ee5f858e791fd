//! No foreign error is known.

use std::error::Error;

use crate::Verdict;

/// The verdict on an error of a crate that a feature names.
pub(crate) fn verdict(_: &(dyn Error + 'static)) -> Option<Verdict> {
    None
}
