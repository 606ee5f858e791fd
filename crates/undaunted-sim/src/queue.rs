//! What happens next: events in the order of their time.
//!
//! A hierarchical timing wheel. A heap of a million events costs a dozen cache misses for each of
//! them; here an event is appended to a slot, moved to a finer one two or three times, and sorted
//! only among those of the same 65 µs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Nanos;

/// Something that happens to a call. The order is that in which things happen; of those that happen
/// at the same time it is arbitrary, and the same in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) at: Nanos,
    /// Whose event it is: a call's, or for [`EventKind::Look`] a process's.
    pub(crate) id: u32,
    pub(crate) kind: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKind {
    /// A call arrives from outside.
    Arrive,
    /// A client begins its next call.
    Call,
    /// An attempt begins, or asks for its turn.
    Attempt,
    /// A second attempt begins if the first has no response.
    Hedge,
    /// The response to the other of two requests says "slow down".
    UnusedThrottle,
    /// An attempt ends.
    End,
    /// A process looks whether its attempts still end.
    Look,
}

/// ```text
///  far ──► levels[3] ──► levels[2] ──► levels[1] ──► levels[0] ──► near ──► pop
///          18 min a slot   4.3 s         17 ms         65 µs         sorted
/// ```
#[derive(Debug)]
pub(crate) struct EventQueue {
    /// Events of the current slot and before.
    near: BinaryHeap<Reverse<Event>>,
    levels: [Level; LEVELS],
    /// Beyond the coarsest level.
    far: Vec<Event>,
    /// The number of the current slot of the finest level.
    slot: u64,
}

#[derive(Debug)]
struct Level {
    slots: Vec<Vec<Event>>,
    /// A bit for each slot that holds events.
    occupied: [u64; SLOTS / 64],
}

impl EventQueue {
    pub(crate) fn new() -> Self {
        Self {
            near: BinaryHeap::new(),
            levels: std::array::from_fn(|_| Level {
                slots: vec![Vec::new(); SLOTS],
                occupied: [0; SLOTS / 64],
            }),
            far: Vec::new(),
            slot: 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, event: Event) {
        let slot = event.at >> RESOLUTION;
        if slot <= self.slot {
            self.near.push(Reverse(event));
            return;
        }
        // The highest digit in which the slot differs from the current one.
        let bit = (slot ^ self.slot).ilog2();
        let level = (bit / DIGIT) as usize;
        match self.levels.get_mut(level) {
            Some(at) => at.push(digit(slot, level), event),
            None => self.far.push(event),
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Event> {
        loop {
            if let Some(Reverse(event)) = self.near.pop() {
                return Some(event);
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// Goes to the next slot that holds events, and spreads them over the finer ones.
    fn advance(&mut self) -> bool {
        for level in 0..LEVELS {
            let Some(next) = self.levels[level].after(digit(self.slot, level)) else {
                continue;
            };
            let coarser = self.slot >> ((level as u32 + 1) * DIGIT);
            self.slot = ((coarser << DIGIT) | next as u64) << (level as u32 * DIGIT);
            let mut events = self.levels[level].take(next);
            if level == 0 {
                self.near.extend(events.drain(..).map(Reverse));
                // The finest slots are used again and again, and keep their room.
                self.levels[0].slots[next] = events;
            } else {
                for event in events {
                    self.push(event);
                }
            }
            return true;
        }
        let Some(earliest) = self.far.iter().map(|event| event.at).min() else {
            return false;
        };
        self.slot = earliest >> RESOLUTION;
        for event in std::mem::take(&mut self.far) {
            self.push(event);
        }
        true
    }
}

impl Level {
    fn push(&mut self, slot: usize, event: Event) {
        self.slots[slot].push(event);
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    fn take(&mut self, slot: usize) -> Vec<Event> {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        std::mem::take(&mut self.slots[slot])
    }

    /// The first slot behind this one that holds events.
    fn after(&self, slot: usize) -> Option<usize> {
        let next = slot + 1;
        (next / 64..self.occupied.len()).find_map(|word| {
            let mut bits = self.occupied[word];
            if word == next / 64 {
                bits &= u64::MAX << (next % 64);
            }
            (bits != 0).then(|| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

fn digit(slot: u64, level: usize) -> usize {
    ((slot >> (level as u32 * DIGIT)) % SLOTS as u64) as usize
}

/// Nanoseconds of the finest slot are 2 to the power of this. With a million events a second a slot
/// holds 65 of them, which is what a heap in the fastest cache is good for.
const RESOLUTION: u32 = 16;
const DIGIT: u32 = 8;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn event(at: Nanos, id: u32) -> Event {
        Event {
            at,
            id,
            kind: EventKind::End,
        }
    }

    #[test]
    fn events_come_in_the_order_of_their_time() {
        let mut random = Random::new(1, 0);
        let mut queue = EventQueue::new();
        let mut now = 0;
        let mut waiting = BinaryHeap::new();
        for id in 0..200_000 {
            // From the same moment to some months.
            let at = now + (random.next() >> (11 + random.next() % 53));
            queue.push(event(at, id));
            waiting.push(Reverse(event(at, id)));
            if random.is(0.7) {
                let next = queue.pop().unwrap();
                assert_eq!(Some(Reverse(next)), waiting.pop());
                now = next.at;
            }
        }
        while let Some(Reverse(expected)) = waiting.pop() {
            assert_eq!(queue.pop(), Some(expected));
        }
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn the_end_of_time_is_a_time() {
        let mut queue = EventQueue::new();
        queue.push(event(Nanos::MAX, 1));
        queue.push(event(0, 2));
        assert_eq!(queue.pop(), Some(event(0, 2)));
        assert_eq!(queue.pop(), Some(event(Nanos::MAX, 1)));
        queue.push(event(Nanos::MAX, 3));
        assert_eq!(queue.pop(), Some(event(Nanos::MAX, 3)));
    }
}
