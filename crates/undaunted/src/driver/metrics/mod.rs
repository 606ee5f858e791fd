//! Metrics of events: through the `metrics` facade where that feature is on, else none.

#[cfg(feature = "metrics")]
mod enabled;
#[cfg(feature = "metrics")]
pub(super) use enabled::{COUNTS_SUCCESSES, record};

#[cfg(not(feature = "metrics"))]
mod disabled;
#[cfg(not(feature = "metrics"))]
pub(super) use disabled::{COUNTS_SUCCESSES, record};
