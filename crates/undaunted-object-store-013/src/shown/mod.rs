//! What is of one version of object_store, shown as the same of the other.
//!
//! The versions have the same traits, so each implementation is one text for both directions.

mod parts;
#[cfg(feature = "cloud")]
mod signer;
mod store;
mod upload;

use std::fmt;
use std::sync::Arc;

/// Implements 0.13's traits by those of 0.14.
pub(crate) struct As013<T: ?Sized>(pub(crate) Arc<T>);

/// Implements 0.14's traits by those of 0.13.
pub(crate) struct As014<T: ?Sized>(pub(crate) Arc<T>);

impl<T: ?Sized> As013<T> {
    fn other(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> As014<T> {
    fn other(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for As013<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for As014<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for As013<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for As014<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
