//! Requests to a store, and what is known of those that fail.

use std::fmt;
use std::future::Future;

use object_store::Error;
use undaunted_object_store::{Operation, full_text, observe};

use crate::text;

/// Waits for an operation of a store. If it fails, the error says which operation it was and
/// after how many attempts.
pub(crate) async fn request<T>(
    operation: impl Future<Output = Result<T, Error>>,
) -> Result<T, FailedRequest> {
    let (result, observed) = observe(operation).await;
    result.map_err(|error| FailedRequest {
        error,
        gave_up: observed
            .failed_operation
            .map(|failed| (failed.operation, failed.report.attempts())),
    })
}

/// An operation of a store that failed for good.
#[derive(Debug)]
pub(crate) struct FailedRequest {
    pub(crate) error: Error,
    /// The operation that gave up, and its attempts.
    gave_up: Option<(Operation, u32)>,
}

impl FailedRequest {
    pub(crate) fn attempts(&self) -> Option<u32> {
        self.gave_up.map(|(_, attempts)| attempts)
    }

    pub(crate) const fn is_not_found(&self) -> bool {
        matches!(self.error, Error::NotFound { .. })
    }
}

impl fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((operation, attempts)) = self.gave_up {
            let attempts = text::count(u64::from(attempts), "attempt");
            write!(f, "{operation} failed after {attempts}: ")?;
        }
        f.write_str(&full_text(&self.error))
    }
}
