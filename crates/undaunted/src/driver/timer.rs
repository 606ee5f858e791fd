//! Waits and clocks: tokio's, or a wait function that the caller gives.

use std::future::Future;
use std::time::{Duration, Instant};

/// A clock, and a wait that goes by it.
#[diagnostic::on_unimplemented(
    message = "there is no timer to wait with between attempts",
    note = "enable the feature `tokio` of `undaunted`, or set a timer with `.sleep_with(|delay| ..)`"
)]
pub trait Timer {
    /// One wait.
    type Sleep: Future<Output = ()>;

    /// The time now.
    fn now(&self) -> Instant;

    /// Waits this long.
    fn sleep(&mut self, delay: Duration) -> Self::Sleep;
}

/// tokio's timer and clock, so that a paused clock pauses both. Without the feature `tokio` it is
/// not a [`Timer`], and `sleep_with` must set one.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultTimer;

#[cfg(feature = "tokio")]
mod with_tokio {
    use std::time::{Duration, Instant};

    use super::{DefaultTimer, Timer};

    impl Timer for DefaultTimer {
        type Sleep = tokio::time::Sleep;

        #[allow(clippy::disallowed_methods)]
        fn now(&self) -> Instant {
            tokio::time::Instant::now().into_std()
        }

        #[allow(clippy::disallowed_methods)]
        fn sleep(&mut self, delay: Duration) -> Self::Sleep {
            tokio::time::sleep(delay)
        }
    }
}

/// Waits by calling a function; the clock is the system's monotonic one.
#[derive(Debug)]
pub struct SleepWith<F>(pub(super) F);

impl<F, Fut> Timer for SleepWith<F>
where
    F: FnMut(Duration) -> Fut,
    Fut: Future<Output = ()>,
{
    type Sleep = Fut;

    fn now(&self) -> Instant {
        system_now()
    }

    fn sleep(&mut self, delay: Duration) -> Fut {
        (self.0)(delay)
    }
}

/// The system's monotonic clock.
#[allow(clippy::disallowed_methods)]
pub(super) fn system_now() -> Instant {
    Instant::now()
}
