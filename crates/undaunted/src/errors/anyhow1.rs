//! anyhow 1: the verdict of what an error holds.

use anyhow1::Error as AnyhowError;

use super::causes::verdict_along_sources;
use crate::verdict::{Retryable, TimedOut, Verdict};

impl Retryable for AnyhowError {
    /// The verdict of the first error along `source()` that has one, below any context;
    /// otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::new(timed_out)
    }
}
