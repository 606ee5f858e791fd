//! Random numbers that mean the same on every machine and in every version.

use crate::Operation;

/// What makes one series of calls: the operation on a key, and for a part its number. Parts
/// have series of their own because they go up at the same time, in no order.
///
/// FNV-1a with a good finish; std's hasher may change between releases, and then seeds would
/// mean something else.
pub(crate) fn identity(operation: Operation, key: &str, part: Option<usize>) -> u64 {
    let part = part.map(|part| part as u64);
    let bytes = operation
        .as_str()
        .bytes()
        // No key and no name has this byte in it: both are UTF-8.
        .chain([0xff])
        .chain(key.bytes())
        .chain([0xff])
        .chain(part.into_iter().flat_map(u64::to_le_bytes));
    let hash = bytes.fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
    });
    finish(hash)
}

/// The random numbers of one call (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, identity: u64, nth: u64) -> Self {
        Self(finish(seed ^ finish(identity ^ finish(nth))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        finish(self.0)
    }

    /// A number from 0 up to, but without, 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what an f64 holds exactly"
    )]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the choices. (The bias of the remainder is far below anything countable.)
    pub(crate) fn pick<T: Clone, const N: usize>(&mut self, choices: &[T; N]) -> T {
        const { assert!(N > 0, "there must be something to pick") };
        let index = usize::try_from(self.next() % N as u64).unwrap_or_default();
        choices[index].clone()
    }
}

const fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

// The published constants of FNV-1a and of splitmix64.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn parts_have_series_of_their_own() {
        let identities: BTreeSet<_> = [None, Some(0), Some(1), Some(256)]
            .into_iter()
            .map(|part| identity(Operation::PutPart, "k", part))
            .collect();
        assert_eq!(identities.len(), 4);
    }

    /// If this fails, every seed that anybody wrote down has changed its meaning.
    #[test]
    fn the_numbers_are_the_same_for_ever() {
        let identity = identity(Operation::PutPart, "a/b", Some(1));
        assert_eq!(identity, 2_344_060_164_195_750_855);
        let mut random = Random::new(42, identity, 1);
        assert_eq!(random.next(), 11_768_150_745_754_596_824);
        assert_eq!(random.next(), 2_339_227_562_998_074_248);
    }

    #[test]
    fn units_fill_the_interval_and_stay_in_it() {
        let mut random = Random::new(1, 2, 3);
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
            let tenth = (1..10).filter(|n| unit >= f64::from(*n) / 10.0).count();
            tenths[tenth] += 1;
        }
        // Five standard deviations are 150.
        assert!(
            tenths.iter().all(|n| (850..1_150).contains(n)),
            "{tenths:?}"
        );
    }
}
