//! Where a call's seed comes from when the caller gives none.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use crate::backoff::Rng;

/// A seed that no other call has: each thread draws from a stream of its own, which starts
/// from the operating system's randomness.
pub(super) fn seed() -> u64 {
    thread_local! {
        static STREAM: Cell<Option<u64>> = const { Cell::new(None) };
    }
    STREAM.with(|stream| {
        let state = stream
            .get()
            .unwrap_or_else(|| RandomState::new().hash_one(0));
        let seed = Rng::new(state).next();
        stream.set(Some(seed));
        seed
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn seeds_differ_within_and_between_threads() {
        let draw = || (0..1000).map(|_| super::seed()).collect::<Vec<_>>();
        let mut seeds: HashSet<u64> = draw().into_iter().collect();
        let other = std::thread::spawn(draw).join().unwrap();
        seeds.extend(other);
        assert_eq!(seeds.len(), 2000);
    }
}
