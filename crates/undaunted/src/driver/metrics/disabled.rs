//! No metrics.

use crate::budget::RetryBudget;
use crate::event::Event;

pub(in crate::driver) fn record(_: &Event<'_>, _: Option<&RetryBudget>) {}

/// Whether a success at the first attempt is worth an event.
pub(in crate::driver) const COUNTS_SUCCESSES: bool = false;
