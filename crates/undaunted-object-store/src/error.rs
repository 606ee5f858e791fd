//! Errors of the store's own.

use object_store::Error;
use object_store::path::Path;

use crate::operation::Operation;

/// A write whose answer was lost, of which it cannot be told whether it took effect.
///
/// The operation ended with a conflict after an earlier attempt that may have been applied,
/// and what is there now proves neither. The caller decides: read what is there, or write
/// under another condition. It comes as the source of an [`Error::Generic`]:
///
/// ```
/// use std::error::Error as _;
/// use undaunted_object_store::Ambiguous;
///
/// fn is_undecided(error: &object_store::Error) -> bool {
///     error.source().is_some_and(|source| source.is::<Ambiguous>())
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error(
    "{operation} of {location} may or may not have taken effect: {reason}; it ended with: {source}"
)]
pub struct Ambiguous {
    operation: Operation,
    location: Path,
    reason: String,
    // A conflict, and so permanent: a retry further out must not repeat the write.
    source: Error,
}

impl Ambiguous {
    /// The operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The object that it was to write.
    #[must_use]
    pub const fn location(&self) -> &Path {
        &self.location
    }

    pub(crate) fn error(
        operation: Operation,
        location: &Path,
        reason: impl Into<String>,
        source: Error,
    ) -> Error {
        generic(Self {
            operation,
            location: location.clone(),
            reason: reason.into(),
            source,
        })
    }
}

/// Why a list that broke was not gone on with.
#[derive(Debug, thiserror::Error)]
#[error(
    "the list broke, and {store} is not known to list in order, so that going on after the \
     last key could leave out others: {source}"
)]
pub(crate) struct OutOfOrder {
    pub(crate) store: String,
    pub(crate) source: Error,
}

/// An error of ours as one of the trait's.
pub(crate) fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic {
        store: "RetryStore",
        source: source.into(),
    }
}
