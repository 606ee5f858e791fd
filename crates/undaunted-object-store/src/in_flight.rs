//! How many attempts of a store run at the same time.
//!
//! The window begins small and grows by one with each attempt that succeeds while others wait for
//! it, so that it doubles with each round trip, as TCP's does. A crowd of a thousand operations
//! that meets a service with a rate limit then has a hundred requests throttled and not nine
//! hundred; on one without a limit it waits for a round trip or two.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The window of a store.
#[derive(Debug)]
pub(crate) struct InFlight {
    room: Semaphore,
    window: AtomicUsize,
    most: usize,
}

impl InFlight {
    /// A window that grows up to `most`, at least 1.
    pub(crate) fn growing_to(most: usize) -> Self {
        Self::new(FIRST_WINDOW, most)
    }

    /// A window of this size, at least 1, from the start.
    pub(crate) fn fixed(most: usize) -> Self {
        Self::new(most, most)
    }

    fn new(first: usize, most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let window = first.clamp(1, most);
        Self {
            room: Semaphore::new(window),
            window: AtomicUsize::new(window),
            most,
        }
    }

    /// Waits for room for one attempt, first come, first served. Dropping the permit frees it.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.room.acquire().await.ok()
    }

    /// An attempt that has not left yet was a success.
    pub(crate) fn succeeded(&self) {
        // What is not used up need not grow, and proves nothing about a larger one.
        if self.room.available_permits() > 0 {
            return;
        }
        let grow = |window: usize| (window < self.most).then_some(window + 1);
        let grown = self
            .window
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow);
        if grown.is_ok() {
            self.room.add_permits(1);
        }
    }
}

/// What a service without a limit worth the name takes, and a limit has saved up.
const FIRST_WINDOW: usize = 64;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_window_grows_only_while_it_is_used_up_and_to_its_limit() {
        let in_flight = InFlight::growing_to(66);
        let enter = || in_flight.enter().now_or_never().flatten();
        let mut inside: Vec<_> = (0..63).map_while(|_| enter()).collect();
        in_flight.succeeded();
        inside.push(enter().unwrap());
        assert!(enter().is_none(), "64 are inside, and it has not grown");
        for room in [1, 1, 0] {
            in_flight.succeeded();
            assert_eq!(in_flight.room.available_permits(), room);
            inside.extend(enter());
        }
        assert_eq!(inside.len(), 66);
        inside.clear();
        assert_eq!(in_flight.room.available_permits(), 66);
    }

    #[test]
    fn at_least_one_may_enter() {
        let in_flight = InFlight::fixed(0);
        assert!(in_flight.enter().now_or_never().flatten().is_some());
    }
}
