//! tokio's timer and clock, so that a paused clock pauses both.

use std::time::{Duration, Instant};

use super::Timer;

/// Waits with tokio.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    type Sleep = ::tokio::time::Sleep;

    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Instant {
        ::tokio::time::Instant::now().into_std()
    }

    #[allow(clippy::disallowed_methods)]
    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        ::tokio::time::sleep(delay)
    }
}
