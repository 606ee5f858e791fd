//! Log lines for events: through `tracing` where that feature is on, else nowhere.

#[cfg(feature = "tracing")]
mod enabled;
#[cfg(feature = "tracing")]
pub(super) use enabled::{is_on, write};

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(not(feature = "tracing"))]
pub(super) use disabled::{is_on, write};
