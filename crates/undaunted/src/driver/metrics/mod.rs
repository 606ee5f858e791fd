//! Metrics of events: through the `metrics` facade where that feature is on, else none.

#[cfg(feature = "metrics")]
mod enabled;
#[cfg(feature = "metrics")]
pub(super) use enabled::{IS_ON, record};

#[cfg(not(feature = "metrics"))]
mod disabled;
#[cfg(not(feature = "metrics"))]
pub(super) use disabled::{IS_ON, record};
