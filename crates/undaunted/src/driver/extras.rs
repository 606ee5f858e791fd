//! What a call may bring along beside its policy: a name, a budget, someone who watches.

use std::fmt::Display;

use crate::budget::RetryBudget;
use crate::event::Event;

/// Generic and not a field, so that a call which brings nothing carries nothing.
pub trait Extras<'c> {
    /// The operation's name, for logs and events.
    fn name(&self) -> &'c str;

    /// What the operation is about, such as a key.
    fn subject(&self) -> Option<&'c Subject<'c>> {
        None
    }

    /// The shared allowance for retries.
    fn budget(&self) -> Option<&RetryBudget> {
        None
    }

    /// Whether every event is wanted, or only what logs are written from.
    fn is_watched(&self) -> bool {
        false
    }

    /// Something happened.
    fn observe(&mut self, _: &Event<'_>) {}

    /// Whether `total_timeout` runs from the first failure and not from the first attempt.
    fn clock_starts_at_failure(&self) -> bool {
        false
    }
}

/// What an operation is about; `Sync`, so that a call which has one can move to another thread.
pub type Subject<'c> = dyn Display + Sync + 'c;
