//! No timer: `sleep_with` must bring one.

/// No timer of its own. Enable the feature `tokio`, or call `sleep_with`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTimer;
