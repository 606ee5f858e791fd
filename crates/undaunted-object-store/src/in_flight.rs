//! How many attempts of a store run at the same time.
//!
//! Its size is that of the core's [`Window`]; here attempts wait for room, first come, first served.
//! It only ever delays. Attempts that nobody polls, such as those of a buffered stream whose reader
//! is busy, never leave; so where none leaves for a while, one more may enter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use undaunted::Window;

/// The window of a store.
#[derive(Debug)]
pub(crate) struct InFlight {
    room: Semaphore,
    window: Window,
    /// Attempts that have left, and those that were let in because none left.
    left: AtomicUsize,
}

/// Room for one attempt, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    in_flight: &'a InFlight,
    _permit: SemaphorePermit<'a>,
    /// How long it was waited for.
    pub(crate) waited: Duration,
}

impl InFlight {
    /// A window that grows up to `most`, at least 1.
    pub(crate) fn growing_to(most: usize) -> Self {
        Self::new(Window::growing_to(most.min(MOST_PERMITS)))
    }

    /// A window of this size, at least 1, from the start.
    pub(crate) fn fixed(most: usize) -> Self {
        Self::new(Window::fixed(most.min(MOST_PERMITS)))
    }

    fn new(window: Window) -> Self {
        Self {
            room: Semaphore::new(window.size()),
            window,
            left: AtomicUsize::new(0),
        }
    }

    /// Waits for room for one attempt, first come, first served.
    pub(crate) async fn enter(&self) -> Option<Room<'_>> {
        if let Some(room) = self.try_enter() {
            return Some(room);
        }
        let began = Instant::now();
        let mut entering = std::pin::pin!(self.room.acquire());
        loop {
            let left = self.left.load(Ordering::Relaxed);
            if let Ok(permit) = timeout(Window::PATIENCE, entering.as_mut()).await {
                // The semaphore is never closed.
                return Some(Room {
                    in_flight: self,
                    _permit: permit.ok()?,
                    waited: began.elapsed(),
                });
            }
            // One of those that wait lets one in.
            let is_stuck = self.left.compare_exchange(
                left,
                left.wrapping_add(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if is_stuck.is_ok() {
                self.window.on_stuck();
                self.room.add_permits(1);
            }
        }
    }

    /// Room for one attempt, if there is any and nobody waits for it.
    pub(crate) fn try_enter(&self) -> Option<Room<'_>> {
        Some(Room {
            in_flight: self,
            _permit: self.room.try_acquire().ok()?,
            waited: Duration::ZERO,
        })
    }

    /// An attempt that has not left yet was a success.
    pub(crate) fn succeeded(&self) {
        if self.window.on_success(self.room.available_permits()) {
            self.room.add_permits(1);
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.in_flight.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// Half of what a semaphore takes, so that letting one more in can never be too many.
const MOST_PERMITS: usize = Semaphore::MAX_PERMITS / 2;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_window_grows_only_while_it_is_used_up_and_to_its_limit() {
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

    #[tokio::test(start_paused = true)]
    async fn where_none_leaves_one_more_enters_at_a_time() {
        let in_flight = InFlight::fixed(2);
        let _inside = (in_flight.enter().await, in_flight.enter().await);
        let start = Instant::now();
        let waiting: Vec<_> = (0..3).map(|_| in_flight.enter()).collect();
        let rooms = futures::future::join_all(waiting).await;
        assert_eq!(rooms.len(), 3);
        assert_eq!(
            start.elapsed().as_millis() / Window::PATIENCE.as_millis(),
            3
        );
        assert!(in_flight.enter().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn at_least_one_may_enter() {
        let in_flight = InFlight::fixed(0);
        assert!(in_flight.enter().now_or_never().flatten().is_some());
    }
}
