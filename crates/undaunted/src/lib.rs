//! Retries that make operations survive transient failure.

mod backoff;
mod budget;
mod classify;
mod config;
#[allow(unreachable_pub)] // names in public signatures that nobody needs to write
mod driver;
mod event;
mod foreign;
mod http_failure;
mod retry_after;
mod state;
mod storage_error;
mod sync;

pub use budget::RetryBudget;
pub use classify::{Retryable, TimedOut, Verdict};
pub use config::{
    ConfigError, Jitter, ParseConfigError, RetryConfig, RetryConfigBuilder, parse_duration,
};
pub use driver::{FailedAttempt, Retry, RetryReport, blocking};
#[cfg(feature = "tokio")]
pub use driver::{Session, with_retry, with_retry_mut};
pub use event::Event;
pub use http_failure::HttpFailure;
pub use retry_after::parse_retry_after;
pub use state::{Cut, Decision, RetryState, StopReason};
pub use storage_error::{StorageError, StorageErrorKind};

#[cfg(feature = "macros")]
pub use undaunted_macros::retry;

/// For the expansion of `#[retry]` only; not covered by semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::blocking::with_named_retry;
    pub use std::{borrow::Borrow, clone::Clone, result::Result};
}
