//! Slots: how many requests to one store are in flight at the same time.
//!
//! A slot is taken beneath the retries, for each attempt, and returned when its response has
//! ended. So an operation that waits for its next attempt holds none.

mod adaptive;
mod store;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(crate) use adaptive::Outcome;
use adaptive::{Adaptive, Bounds};
pub(crate) use store::Slotted;
pub(crate) use waiting::Waiting;

/// How many requests to a store may be in flight at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concurrency {
    /// As many as help.
    Auto,
    Fixed(usize),
}

/// The slots of a store; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// First come, first served.
    semaphore: Arc<Semaphore>,
    number: Mutex<Number>,
    began: Instant,
    waiting: Waiting,
}

#[derive(Debug)]
struct Number {
    /// None if the number is fixed.
    control: Option<Adaptive>,
    /// How many permits the semaphore has, those in use included.
    permits: usize,
}

/// A request in flight. Dropped without an end, it has failed.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    permit: Option<OwnedSemaphorePermit>,
    outcome: Outcome,
}

impl Slots {
    /// Slots for the requests to a store.
    pub(crate) fn for_requests(concurrency: Concurrency, waiting: Waiting) -> Self {
        Self::new(concurrency, REQUESTS, waiting)
    }

    /// Slots for the parts of large objects, at most as many as this: each has memory too. A fixed
    /// number is kept below it as well, but for the few that are usual.
    pub(crate) fn for_parts(concurrency: Concurrency, most: usize, waiting: Waiting) -> Self {
        let first = PARTS.min(most);
        let concurrency = match concurrency {
            Concurrency::Fixed(number) => Concurrency::Fixed(number.min(most.max(PARTS))),
            Concurrency::Auto => Concurrency::Auto,
        };
        let bounds = Bounds {
            first,
            least: first,
            most,
        };
        Self::new(concurrency, bounds, waiting)
    }

    fn new(concurrency: Concurrency, bounds: Bounds, waiting: Waiting) -> Self {
        let (control, permits) = match concurrency {
            Concurrency::Auto => {
                let control = Adaptive::new(bounds);
                let limit = control.limit();
                (Some(control), limit)
            }
            Concurrency::Fixed(number) => (None, number),
        };
        Self(Arc::new(Shared {
            semaphore: Arc::new(Semaphore::new(permits)),
            number: Mutex::new(Number { control, permits }),
            began: Instant::now(),
            waiting,
        }))
    }

    /// Waits for a slot.
    pub(crate) async fn take(&self) -> Slot {
        let shared = &self.0;
        let mut permit = Arc::clone(&shared.semaphore).try_acquire_owned().ok();
        if permit.is_none() {
            if let Some(control) = &mut self.number().control {
                control.on_full();
            }
            let _waiter = shared.waiting.enter();
            // It is never closed.
            permit = Arc::clone(&shared.semaphore).acquire_owned().await.ok();
        }
        Slot {
            slots: self.clone(),
            permit,
            outcome: Outcome::Failed,
        }
    }

    /// A request that is on its way beside the slots, and says nothing about their number.
    pub(crate) fn beside(&self) -> Slot {
        Slot {
            slots: self.clone(),
            permit: None,
            outcome: Outcome::Failed,
        }
    }

    fn release(&self, permit: OwnedSemaphorePermit, outcome: Outcome) {
        let mut number = self.number();
        let Number { control, permits } = &mut *number;
        let Some(control) = control else {
            return;
        };
        control.on_end(self.0.began.elapsed(), outcome);
        let limit = control.limit();
        if *permits < limit {
            self.0.semaphore.add_permits(limit - *permits);
            *permits = limit;
        } else if *permits > limit {
            // Those in use are taken away as they come back.
            permit.forget();
            *permits -= 1;
            *permits -= self.0.semaphore.forget_permits(*permits - limit);
        }
    }

    fn number(&self) -> MutexGuard<'_, Number> {
        // A panic elsewhere leaves the number valid.
        self.0.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Returns the slot. What is said of a later end does not count.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        if let Some(permit) = self.permit.take() {
            self.slots.release(permit, outcome);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.end(self.outcome);
    }
}

/// The first number is enough for a service nearby, and few enough for a small one; the least is as
/// many as were always allowed. With the most, two stores with a connection for each request stay
/// well below the 1,024 open files that a process usually may have.
const REQUESTS: Bounds = Bounds {
    first: 16,
    least: 8,
    most: 256,
};

/// As many parts as make a service nearby busy: more only take memory, and the processor's cache.
const PARTS: usize = 4;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fixed_number_is_never_exceeded_and_whoever_is_dropped_waits_no_longer() {
        let waiting = Waiting::new();
        let slots = Slots::for_requests(Concurrency::Fixed(2), waiting.clone());
        let (first, second) = (slots.take().await, slots.take().await);
        let mut third = Box::pin(slots.take());
        assert!(third.as_mut().now_or_never().is_none());
        assert!(waiting.fewer_than(1).now_or_never().is_none());
        drop(third);
        assert!(waiting.fewer_than(1).now_or_never().is_some());
        drop(first);
        let third = slots.take().now_or_never();
        assert!(third.is_some());
        assert!(slots.take().now_or_never().is_none());
        drop((second, third));
    }

    #[tokio::test]
    async fn parts_leave_a_place_where_there_are_more_than_a_few() {
        for (number, parts) in [(1, 1), (2, 2), (4, 4), (5, 4), (8, 7), (300, 299)] {
            let concurrency = Concurrency::Fixed(number);
            let slots = Slots::for_parts(concurrency, (number - 1).max(1), Waiting::new());
            let held = std::iter::from_fn(|| slots.take().now_or_never());
            let held: Vec<Slot> = held.collect();
            assert_eq!(held.len(), parts);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_slots_follows_the_controller() {
        let slots = Slots::for_requests(Concurrency::Auto, Waiting::new());
        let mut held = Vec::new();
        while let Some(slot) = slots.take().now_or_never() {
            held.push(slot);
        }
        let before = held.len();
        for mut slot in held.drain(..2) {
            slot.end(Outcome::Throttled);
        }
        // Those of the two that came back are not given out again.
        let limit = before * 3 / 4;
        assert!(slots.take().now_or_never().is_none());
        drop(held);
        let held: Vec<Slot> = std::iter::from_fn(|| slots.take().now_or_never()).collect();
        assert_eq!(held.len(), limit);
    }
}
