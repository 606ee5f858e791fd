//! Hedges: when the second request is sent, and which response counts.

use undaunted::TimedOut;

use super::{Engine, Heard};
use crate::service::ResponseKind;
use crate::time::{NEVER, Nanos, nanos};

/// The attempt on its way of a call that may be hedged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hedging {
    pub(super) sent: Nanos,
    /// When a hedge is due.
    pub(super) due: Nanos,
    /// When it ends. An event of another time is out of date.
    pub(super) ends: Nanos,
}

impl Engine<'_> {
    /// There is no response yet: a second request is sent, and the first response counts.
    pub(super) fn hedge(&mut self, now: Nanos, id: u32) {
        let instant = self.is_timed.then(|| self.clock.instant(now));
        let call = &mut self.calls[id as usize];
        let (process, first) = (call.process, call.heard);
        let Some(hedger) = self.processes.hedger(process) else {
            return;
        };
        // The attempt may be another than the one that this event was meant for.
        let Hedging {
            sent: began,
            due,
            ends,
        } = self.hedges[id as usize];
        if due != now || ends <= now || !hedger.withdraw() {
            return;
        }
        let cut = call.state.on_attempt(&self.policy.config, instant);
        let patience = cut.map_or(NEVER, |cut| match cut.because {
            TimedOut::Attempt { limit } => began.saturating_add(nanos(limit)),
            _ => now.saturating_add(nanos(cut.after)),
        });
        self.recorder.totals.hedges += 1;
        let second = self.send(now, patience);
        let success = Heard::Response(ResponseKind::Success);
        let is_better = match (first == success, second.kind == ResponseKind::Success) {
            (true, true) | (false, false) => (second.at < ends) == (first == success),
            (was_success, _) => !was_success,
        };
        if is_better {
            self.expect(id, second, patience);
        }
    }

    /// Whether the end of an attempt is that of the one on its way.
    pub(super) fn is_current(&self, now: Nanos, id: u32) -> bool {
        let hedging = self.hedges.get(id as usize);
        hedging.is_none_or(|hedging| hedging.ends == now)
    }
}
