//! How many attempts of a client run at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many attempts of a client run at the same time, beginning small: the law of it, for those who
/// wait for room themselves, such as a store or a simulation.
///
/// It grows by one with each attempt that succeeds while others wait, so that it doubles with each
/// round trip, as TCP's does. A crowd of a thousand operations that meets a service with a rate limit
/// then has a hundred requests throttled and not nine hundred; on one without a limit it waits for a
/// round trip or two.
///
/// ```
/// use undaunted::Window;
///
/// let window = Window::growing_to(Window::MOST);
/// assert_eq!(window.size(), 64);
/// assert!(window.on_success(0), "all 64 are in flight, so it grows");
/// assert!(!window.on_success(1), "what is not used up proves nothing about a larger one");
/// assert_eq!(window.size(), 65);
/// ```
#[derive(Debug)]
pub struct Window {
    size: AtomicUsize,
    most: usize,
}

impl Window {
    /// Room for so many attempts at most, unless a client says otherwise: a process that may have 1,024
    /// files open does not run out of connections.
    pub const MOST: usize = 512;

    /// Where none of the attempts ends for so long, [one more may begin](Self::on_stuck): those that
    /// nobody polls, such as those of a buffered stream whose reader is busy, never end. Longer than most
    /// requests take; a person hardly notices it.
    pub const PATIENCE: Duration = Duration::from_millis(250);

    /// Begins with 64 attempts, or fewer if `most` is less, and grows up to `most`, at least 1.
    #[must_use]
    pub const fn growing_to(most: usize) -> Self {
        let first = if most < FIRST { most } else { FIRST };
        Self::new(first, most)
    }

    /// Has this size from the start, at least 1. For a client without a pacer, which never learns what
    /// the service's limit is.
    #[must_use]
    pub const fn fixed(most: usize) -> Self {
        Self::new(most, most)
    }

    const fn new(first: usize, most: usize) -> Self {
        Self {
            size: AtomicUsize::new(at_least_1(first)),
            most: at_least_1(most),
        }
    }

    /// How many attempts may run at the same time.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// An attempt that is in flight was a success, and there is room for so many others meanwhile. Returns
    /// whether there is now room for one more.
    #[must_use]
    pub fn on_success(&self, room: usize) -> bool {
        let grow = |size: usize| (size < self.most).then_some(size + 1);
        let grown = || {
            self.size
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow)
        };
        room == 0 && grown().is_ok()
    }

    /// None of the attempts has ended for [`PATIENCE`](Self::PATIENCE), and another waits: there is room
    /// for one more, beyond the limit too.
    pub fn on_stuck(&self) {
        self.size.fetch_add(1, Ordering::Relaxed);
    }
}

const fn at_least_1(size: usize) -> usize {
    if size == 0 { 1 } else { size }
}

/// Fewer than the burst that services with a rate limit usually admit.
const FIRST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_while_it_is_used_up_and_to_its_limit() {
        let window = Window::growing_to(66);
        assert!(!window.on_success(1));
        let grows = [window.on_success(0), window.on_success(0)];
        assert_eq!((grows, window.size()), ([true, true], 66));
        assert!(!window.on_success(0));
        window.on_stuck();
        assert_eq!(
            window.size(),
            67,
            "attempts that never end keep nobody back"
        );
        assert!(!window.on_success(0));
    }

    #[test]
    fn it_begins_as_small_as_its_limit_and_has_room_for_one() {
        assert_eq!(Window::growing_to(3).size(), 3);
        assert_eq!(Window::growing_to(0).size(), 1);
        assert_eq!(Window::fixed(0).size(), 1);
        let fixed = Window::fixed(100);
        assert!(!fixed.on_success(0));
        assert_eq!(fixed.size(), 100);
    }
}
