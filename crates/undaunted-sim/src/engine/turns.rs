//! How a call waits for its turns at the pacer, as `driver/call/turns.rs` of the core does it.

use std::time::Instant;

use undaunted::{Admission, StopReason, Turn};

use super::Engine;
use crate::queue::EventKind;
use crate::time::Nanos;

impl Engine<'_> {
    /// Whether the pacer lets the call send its request. If not, it asks again later, or is cut.
    pub(super) fn has_turn(&mut self, now: Nanos, instant: Instant, id: u32) -> bool {
        let (call, turn) = (&mut self.calls[id as usize], &mut self.turns[id as usize]);
        let since = turn.since().unwrap_or(instant);
        let restarts = self.policy.clock_starts_at_failure;
        let taken = turn.last_taken().filter(|taken| restarts && *taken > since);
        let Admission::WaitUntil(then) = turn.poll(instant) else {
            return true;
        };
        if let (Some(taken), Some(_)) = (taken, call.state.start()) {
            call.state.start_clock(taken);
        }
        let start = call.state.start().or(turn.since()).max(taken);
        let limit = self.policy.config.total_timeout();
        let deadline = start
            .zip(limit)
            .and_then(|(start, limit)| start.checked_add(limit));
        if deadline.is_some_and(|deadline| deadline <= instant) {
            if let Some(pacer) = self.processes.pacer(call.process) {
                // Dropping the old turn frees its place in the queue.
                *turn = Turn::new(pacer);
            }
            self.finish(now, id, Err(StopReason::DeadlineExceeded));
            return false;
        }
        let until = deadline.map_or(then, |deadline| deadline.min(then));
        let at = self.clock.nanos(until);
        self.push(at, id, EventKind::Attempt);
        false
    }
}
