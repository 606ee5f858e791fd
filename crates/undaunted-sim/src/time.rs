//! Virtual time: nanoseconds since the beginning of a simulation.

use std::time::{Duration, Instant};

/// Nanoseconds since the beginning, which last for 584 years.
pub(crate) type Nanos = u64;

/// A response that never comes.
pub(crate) const NEVER: Nanos = Nanos::MAX;

/// The instants that the core is told. It only compares them, so that the real time at which a
/// simulation runs changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
        }
    }

    pub(crate) fn instant(self, at: Nanos) -> Instant {
        self.epoch
            .checked_add(Duration::from_nanos(at))
            .unwrap_or(self.epoch)
    }

    pub(crate) fn nanos(self, instant: Instant) -> Nanos {
        nanos(instant.saturating_duration_since(self.epoch))
    }
}

/// Saturates after 584 years.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

pub(crate) fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND
}

/// Negative ones and no numbers are zero; too many are [`NEVER`].
pub(crate) fn from_seconds(seconds: f64) -> Nanos {
    (seconds * SECOND) as u64
}

/// Nanoseconds.
const SECOND: f64 = 1e9;
