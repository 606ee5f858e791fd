//! Where a call's seed comes from when the caller gives none.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use crate::backoff::Rng;

/// A seed that no other call has: each thread draws from a stream of its own, which starts
/// from the operating system's randomness.
#[inline(never)]
#[must_use]
pub fn seed() -> u64 {
    STREAM.with(|stream| {
        let state = match stream.get() {
            UNSEEDED => from_the_system(),
            state => state,
        };
        let mut rng = Rng::new(state);
        let seed = rng.next();
        stream.set(rng.state());
        seed
    })
}

/// Starts this thread's stream from a new seed. After a fork the child has a copy of its parent's
/// streams, and would draw what its parent and all its siblings draw. The one thread that the
/// child has must call this.
pub fn reseed() {
    STREAM.with(|stream| stream.set(from_the_system()));
}

/// A process that was forked also has its parent's keys for `RandomState`, hence the process id.
#[cold]
#[inline(never)]
fn from_the_system() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

thread_local! {
    static STREAM: Cell<u64> = const { Cell::new(UNSEEDED) };
}

/// A stream that reaches this state is seeded again, which does no harm.
const UNSEEDED: u64 = 0;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    /// As after a fork, which copies the stream.
    #[test]
    fn a_stream_that_is_seeded_again_is_another() {
        let copied = 7;
        let drawn_from = |is_seeded_again: bool| {
            super::STREAM.with(|stream| stream.set(copied));
            if is_seeded_again {
                super::reseed();
            }
            super::seed()
        };
        assert_eq!(drawn_from(false), drawn_from(false));
        assert_ne!(drawn_from(true), drawn_from(false));
    }

    #[test]
    fn seeds_differ_within_and_between_threads() {
        let draw = || (0..1000).map(|_| super::seed()).collect::<Vec<_>>();
        let mut seeds: HashSet<u64> = draw().into_iter().collect();
        let other = std::thread::spawn(draw).join().unwrap();
        seeds.extend(other);
        assert_eq!(seeds.len(), 2000);
    }
}
