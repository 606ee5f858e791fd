//! A call's turns at a pacer, as drivers take them.

use std::time::{Duration, Instant};

use super::{entropy, log};
use crate::pacer::{Admission, Pacer, Turn};

/// Whether a call waits for turns at a pacer. A type and not a field of every call, so that a call
/// without a pacer carries nothing of it.
pub trait Pace<'c> {
    /// The call's turns, if there is a pacer.
    #[doc(hidden)]
    fn paced(&mut self) -> Option<&mut Paced<'c>>;
}

/// The service said "slow down" to a request of which no call is told.
pub fn throttled(pacer: &Pacer, operation: &str, now: Instant) {
    if Turn::new(pacer).throttled(now) {
        pacing_began(pacer, operation);
    }
}

/// The first throttled response has come: logs and metrics say so.
pub(super) fn pacing_began(pacer: &Pacer, operation: &str) {
    pacer.seed(entropy::seed());
    log::pacing_began(operation);
}

/// No pacer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unpaced;

impl<'c> Pace<'c> for Unpaced {
    #[inline]
    fn paced(&mut self) -> Option<&mut Paced<'c>> {
        None
    }
}

/// A call's turns at a pacer.
#[derive(Debug)]
pub struct Paced<'c> {
    pub(super) pacer: &'c Pacer,
    pub(super) turn: Turn<&'c Pacer>,
    /// How long the last attempt waited for its turn.
    pub(super) queued: Duration,
    /// Whether a limit ended the last attempt, or the wait for it: its error is then an earlier one.
    pub(super) was_cut: bool,
    /// When, while the call waited, the service last took the request of another call.
    pub(super) taken: Option<Instant>,
}

impl<'c> Pace<'c> for Option<Paced<'c>> {
    #[inline]
    fn paced(&mut self) -> Option<&mut Paced<'c>> {
        self.as_mut()
    }
}

impl<'c> Paced<'c> {
    pub(super) const fn new(pacer: &'c Pacer) -> Self {
        Self {
            pacer,
            turn: Turn::new(pacer),
            queued: Duration::ZERO,
            was_cut: false,
            taken: None,
        }
    }

    /// Whether an attempt may begin without asking.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.turn.is_free()
    }

    /// Whether the call waits for its turn.
    #[inline]
    pub(super) const fn is_waiting(&self) -> bool {
        self.turn.since().is_some()
    }

    /// Asks for the turn. The result is when to ask again, if it has not come, and whether pacing
    /// has ended.
    pub(super) fn poll(&mut self, now: Instant) -> (Option<Instant>, bool) {
        let since = self.turn.since().unwrap_or(now);
        self.taken = self.turn.last_taken().filter(|taken| *taken > since);
        let (admission, has_ended) = self.turn.poll_and_tell(now);
        self.queued = now.saturating_duration_since(since);
        let until = match admission {
            Admission::WaitUntil(then) => Some(then),
            Admission::Go => None,
        };
        (until, has_ended)
    }
}
