//! Operations that fail as they are told, and policies without chance.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use undaunted::{Jitter, RetryConfig, RetryConfigBuilder};

/// The default policy without jitter, so that waits can be counted.
pub(crate) fn plain() -> RetryConfigBuilder {
    RetryConfig::builder().jitter(Jitter::None)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A transient failure.
pub(crate) fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// A permanent failure.
pub(crate) fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// Counts its attempts and fails the first of them.
#[derive(Default)]
pub(crate) struct Flaky {
    attempts: Cell<u32>,
    failures: u32,
}

impl Flaky {
    pub(crate) fn failing(failures: u32) -> Self {
        Self {
            attempts: Cell::new(0),
            failures,
        }
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.get()
    }

    /// One attempt: the number of attempts so far, or a transient failure.
    pub(crate) fn call(&self) -> io::Result<u32> {
        self.attempts.set(self.attempts.get() + 1);
        if self.attempts.get() <= self.failures {
            Err(reset())
        } else {
            Ok(self.attempts.get())
        }
    }
}
