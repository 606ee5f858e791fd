//! Hedges: when the second request is sent, and which response counts.

use std::time::Duration;

use undaunted::{HedgedResponse, TimedOut, Turn};

use super::{Call, Engine, Heard};
use crate::queue::EventKind;
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
    /// How it is answered, if it is.
    pub(super) response: HedgedResponse,
}

impl Engine<'_> {
    /// There is no response yet: a second request is sent, and the first response counts.
    pub(super) fn hedge(&mut self, now: Nanos, id: u32) {
        let instant = self.is_timed.then(|| self.clock.instant(now));
        let Call {
            process,
            heard: first,
            ..
        } = self.calls[id as usize];
        // The attempt may be another than the one that this event was meant for.
        let Hedging {
            sent: began,
            due,
            ends,
            ..
        } = self.hedges[id as usize];
        if due != now || ends <= now {
            return;
        }
        self.hedges[id as usize].response = HedgedResponse::Late;
        self.processes.on_overdue(process);
        if !(self.has_room_for_hedge(process) && self.processes.may_hedge(process)) {
            return;
        }
        self.enter_hedge(id);
        let call = &mut self.calls[id as usize];
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
        let (used_at, unused, unused_at) = if is_better {
            self.hedges[id as usize].response = HedgedResponse::ByHedge;
            self.expect(id, second, patience);
            (second.at, first, ends)
        } else {
            (ends, Heard::Response(second.kind), second.at)
        };
        // What comes after the one that counts is heard by nobody.
        if unused == Heard::Response(ResponseKind::Throttled) && unused_at < used_at {
            self.push(unused_at, id, EventKind::UnusedThrottle);
        }
    }

    /// The response to the other request of a hedged attempt said "slow down".
    pub(super) fn unused_throttle(&mut self, now: Nanos, id: u32) {
        let process = self.calls[id as usize].process;
        if let Some(hedger) = self.processes.hedger(process) {
            hedger.on_throttled();
        }
        if let (Some(pacer), true) = (self.processes.pacer(process), self.is_timed) {
            if Turn::new(pacer).throttled(self.clock.instant(now)) {
                pacer.seed(self.seeds.next());
            }
        }
    }

    /// The hedger is told what the service made of a request.
    pub(super) fn observe(&self, now: Nanos, id: u32, kind: ResponseKind) {
        let process = self.calls[id as usize].process;
        let Some(hedger) = self.processes.hedger(process) else {
            return;
        };
        let Hedging { sent, response, .. } = self.hedges[id as usize];
        match kind {
            ResponseKind::Success => {
                hedger.on_response(Duration::from_nanos(now - sent), response);
            }
            ResponseKind::Throttled => hedger.on_throttled(),
            ResponseKind::Error => {}
        }
    }

    /// Whether the end of an attempt is that of the one on its way.
    pub(super) fn is_current(&self, now: Nanos, id: u32) -> bool {
        let hedging = self.hedges.get(id as usize);
        hedging.is_none_or(|hedging| hedging.ends == now)
    }
}
