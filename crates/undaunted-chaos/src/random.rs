//! Random numbers that mean the same on every machine and in every version.

/// The random numbers of one call (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of the `nth` call of a series.
    pub(crate) fn new(seed: u64, series: u64, nth: u64) -> Self {
        Self(finish(seed ^ finish(series ^ finish(nth))))
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

/// The finish of splitmix64: every bit of the input changes half of the output's.
pub(crate) const fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The published constant of splitmix64.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails, every seed that anybody wrote down has changed its meaning.
    #[test]
    fn the_numbers_are_the_same_for_ever() {
        let mut random = Random::new(42, 2_344_060_164_195_750_855, 1);
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
