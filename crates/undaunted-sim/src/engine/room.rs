//! How attempts wait for room in the window of their process, as `in_flight.rs` and `call.rs` of the
//! object-store crate have it.
//!
//! ```text
//!              no pace                          room
//!   attempt ─────────────► waits for room ──────────────► begins
//!      │                         │ a pace began meanwhile   ▲
//!      │ a pace                  ▼                          │ room
//!      └──────────────────► waits for its turn ──► waits for room, with its turn
//! ```
//!
//! Left out: under a pace the wait for room counts against the limit of an attempt's time.

use std::collections::VecDeque;
use std::time::Instant;

use undaunted::{Pacer, Window};

use super::Engine;
use crate::queue::EventKind;
use crate::time::{Nanos, nanos};

/// What an attempt has of what it needs to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Room for an attempt, and for its hedge.
    rooms: u8,
    /// Its turn, and now it waits for room.
    has_turn: bool,
}

/// The window of a process, and who waits for room in it, first come, first served.
#[derive(Debug)]
pub(super) struct Rooms {
    window: Window,
    inside: usize,
    waiting: VecDeque<u32>,
    /// When an attempt left, or was let in because none left.
    changed: Nanos,
    /// Whether somebody looks later whether attempts still leave.
    is_watched: bool,
}

impl Rooms {
    pub(super) const fn new(window: Window) -> Self {
        Self {
            window,
            inside: 0,
            waiting: VecDeque::new(),
            changed: 0,
            is_watched: false,
        }
    }

    /// How many others may begin.
    fn room(&self) -> usize {
        self.window.size().saturating_sub(self.inside)
    }

    /// Takes room, if there is any and nobody waits for it.
    fn try_enter(&mut self) -> bool {
        let enters = self.waiting.is_empty() && self.room() > 0;
        self.inside += usize::from(enters);
        enters
    }

    /// The next of those that wait, if there is room for it.
    fn let_in(&mut self) -> Option<u32> {
        let next = (self.room() > 0)
            .then(|| self.waiting.pop_front())
            .flatten();
        self.inside += usize::from(next.is_some());
        next
    }
}

impl Engine<'_> {
    /// Whether the attempt begins now. If not it asks again later, or its call has ended.
    pub(super) fn may_begin(&mut self, now: Nanos, instant: Option<Instant>, id: u32) -> bool {
        if self.rooms.is_empty() {
            return self.may_be_sent(now, instant, id);
        }
        let process = self.calls[id as usize].process;
        if !self.calls[id as usize].held.has_turn {
            if self.is_paced(process) {
                // It keeps no room from others while it waits for its turn.
                self.leave(now, id);
            } else if !self.enter(now, id) {
                return false;
            }
            if !self.may_be_sent(now, instant, id) {
                return false;
            }
            self.calls[id as usize].held.has_turn = true;
        }
        let enters = self.enter(now, id);
        if enters {
            self.calls[id as usize].held.has_turn = false;
        }
        enters
    }

    fn may_be_sent(&mut self, now: Nanos, instant: Option<Instant>, id: u32) -> bool {
        match instant {
            Some(instant) if !self.turns.is_empty() => self.has_turn(now, instant, id),
            _ => true,
        }
    }

    fn is_paced(&self, process: u32) -> bool {
        self.processes.pacer(process).is_some_and(Pacer::is_active)
    }

    /// Whether the attempt has room, or gets it now. If not it waits for it.
    fn enter(&mut self, now: Nanos, id: u32) -> bool {
        let call = &mut self.calls[id as usize];
        if call.held.rooms > 0 {
            return true;
        }
        let rooms = &mut self.rooms[call.process as usize];
        if rooms.try_enter() {
            call.held.rooms = 1;
            return true;
        }
        if rooms.waiting.is_empty() {
            // Patience begins with the wait.
            rooms.changed = now;
        }
        rooms.waiting.push_back(id);
        let process = call.process;
        self.watch(process);
        false
    }

    /// Whether there is room for a hedge: whoever waits for it is not overtaken.
    pub(super) fn has_room_for_hedge(&self, process: u32) -> bool {
        let rooms = self.rooms.get(process as usize);
        rooms.is_none_or(|rooms| rooms.waiting.is_empty() && rooms.room() > 0)
    }

    /// Takes room for the hedge of an attempt.
    pub(super) fn enter_hedge(&mut self, id: u32) {
        let call = &mut self.calls[id as usize];
        if let Some(rooms) = self.rooms.get_mut(call.process as usize) {
            rooms.inside += 1;
            call.held.rooms += 1;
        }
    }

    /// The attempt of the call was a success, and has not left yet.
    pub(super) fn grow(&mut self, now: Nanos, id: u32) {
        let process = self.calls[id as usize].process;
        let Some(rooms) = self.rooms.get_mut(process as usize) else {
            return;
        };
        if rooms.window.on_success(rooms.room()) {
            self.let_in(now, process);
        }
    }

    /// The attempt of the call has ended, or does not begin.
    pub(super) fn leave(&mut self, now: Nanos, id: u32) {
        let call = &mut self.calls[id as usize];
        let Some(rooms) = self.rooms.get_mut(call.process as usize) else {
            return;
        };
        let held = std::mem::take(&mut call.held);
        if held.rooms == 0 {
            return;
        }
        rooms.inside -= usize::from(held.rooms);
        rooms.changed = now;
        let process = call.process;
        self.let_in(now, process);
    }

    /// Where none of the attempts of a process leaves for a while, one more enters.
    pub(super) fn look(&mut self, now: Nanos, process: u32) {
        let rooms = &mut self.rooms[process as usize];
        rooms.is_watched = false;
        if rooms.waiting.is_empty() {
            return;
        }
        if now >= rooms.changed + nanos(Window::PATIENCE) {
            rooms.window.on_stuck();
            rooms.changed = now;
            self.let_in(now, process);
        }
        self.watch(process);
    }

    fn let_in(&mut self, now: Nanos, process: u32) {
        while let Some(id) = self.rooms[process as usize].let_in() {
            self.calls[id as usize].held.rooms = 1;
            self.push(now, id, EventKind::Attempt);
        }
    }

    fn watch(&mut self, process: u32) {
        let rooms = &mut self.rooms[process as usize];
        if !rooms.is_watched && !rooms.waiting.is_empty() {
            rooms.is_watched = true;
            let at = rooms.changed + nanos(Window::PATIENCE);
            self.push(at, process, EventKind::Look);
        }
    }
}
