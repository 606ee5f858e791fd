//! No metrics.

use crate::budget::RetryBudget;
use crate::event::Event;

pub(in crate::driver) fn record(_: &Event<'_>, _: Option<&RetryBudget>) {}

/// Whether anything is counted.
pub(in crate::driver) const IS_ON: bool = false;
