//! An object that was not copied, and why.

use std::io;

use object_store::Error as StoreError;
use serde::Serialize;
use thiserror::Error;
use undaunted_object_store::full_text;

use crate::shown;
use crate::stats::Calls;

#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize)]
#[error("{object}: {reason}")]
pub(crate) struct Failure {
    /// The object as messages name it.
    pub(crate) object: String,
    pub(crate) reason: String,
    /// Attempts of the operation that failed, if it was one that is retried.
    pub(crate) attempts: Option<u32>,
}

impl Failure {
    pub(crate) fn new(object: impl Into<String>, reason: impl AsRef<str>) -> Self {
        Self {
            object: object.into(),
            reason: shown::line(reason.as_ref()),
            attempts: None,
        }
    }

    pub(crate) fn io(object: impl Into<String>, error: &io::Error) -> Self {
        Self::new(object, error.to_string())
    }

    /// The failure of a store's operation. To be made right where the error came out: the
    /// number of attempts is that of the object's last call that failed.
    pub(crate) fn store(object: impl Into<String>, error: &StoreError) -> Self {
        let Some(stopped) = Calls::last_stopped() else {
            return Self::new(object, full_text(error));
        };
        let attempts = shown::count(u64::from(stopped.attempts), "attempt");
        let operation = &stopped.operation;
        Self {
            attempts: Some(stopped.attempts),
            ..Self::new(
                object,
                format!("{operation} failed after {attempts}: {}", full_text(error)),
            )
        }
    }

    /// The same failure, with what else is to be known.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.reason.push_str("; ");
        self.reason.push_str(&shown::line(more));
        self
    }
}
