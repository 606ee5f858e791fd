//! From the number of a retry to a delay: growth, cap and jitter. The only float arithmetic.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::{Jitter, RetryConfig};

impl RetryConfig {
    /// The nominal delay before retry `n`, where 0 is the first:
    /// `min(base_delay * exponential_base^n, max_delay)`, without jitter.
    ///
    /// Defined for every `n`: growth past the cap, or past what a number can hold, is the cap.
    ///
    /// ```
    /// use std::time::Duration;
    /// use undaunted::RetryConfig;
    ///
    /// let config = RetryConfig::default();
    /// let seconds: Vec<u64> = (0..8).map(|n| config.delay(n).as_secs()).collect();
    /// assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    /// assert_eq!(config.delay(10_000), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn delay(&self, n: u32) -> Duration {
        if self.base_delay().is_zero() {
            return Duration::ZERO;
        }
        let (base, cap) = (nanos(self.base_delay()), nanos(self.max_delay()));
        capped(nominal(self, base, cap, n), self.max_delay())
    }

    /// The nominal delays of all retries, in order: `max_retries` of them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use undaunted::RetryConfig;
    ///
    /// let total: Duration = RetryConfig::default().schedule().sum();
    /// assert_eq!(total, Duration::from_secs(1 + 2 + 4));
    /// ```
    pub fn schedule(&self) -> impl Iterator<Item = Duration> + '_ {
        (0..self.max_retries()).map(|n| self.delay(n))
    }

    /// The shortest and the longest delay before retry `n`, where 0 is the first: what jitter
    /// makes of [`delay`](Self::delay). Without a hint of the service, which may make it longer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use undaunted::RetryConfig;
    ///
    /// let second = RetryConfig::default().delay_range(1);
    /// assert_eq!(second, Duration::from_millis(1500)..=Duration::from_millis(2500));
    /// ```
    #[must_use]
    pub fn delay_range(&self, n: u32) -> RangeInclusive<Duration> {
        let delay = self.delay(n);
        let nominal = nanos(delay);
        match self.jitter() {
            Jitter::None => delay..=delay,
            Jitter::Proportional(fraction) => {
                to_duration(nominal * (1.0 - fraction))..=to_duration(nominal * (1.0 + fraction))
            }
            Jitter::Full => Duration::ZERO..=delay,
            Jitter::Equal => to_duration(nominal / 2.0)..=delay,
            Jitter::Decorrelated => {
                let (base, cap) = (nanos(self.base_delay()), self.max_delay());
                let longest = base * power(DECORRELATED_GROWTH, n.saturating_add(1));
                capped(base, cap)..=capped(longest, cap)
            }
        }
    }
}

/// One call's random stream: SplitMix64, four instructions a draw and good enough to spread
/// clients in time. A seed repeats it.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed with which [`new`](Self::new) continues this stream.
    pub(crate) const fn state(&self) -> u64 {
        self.0
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform on 0 to 1.
    fn unit(&mut self) -> f64 {
        // 53 random bits are every double that [0, 1) has at this spacing.
        #[allow(clippy::cast_precision_loss)]
        let unit = (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
        unit
    }

    /// Uniform on `low` to `high`.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// What a jittered delay is drawn from, kept between the retries of one call.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    rng: Rng,
    /// The last delay in nanoseconds, for `Decorrelated`; 0 before the first.
    previous: f64,
}

impl Backoff {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            previous: 0.0,
        }
    }

    /// The jittered delay before retry `n`, growing from `base`.
    pub(crate) fn draw(&mut self, config: &RetryConfig, base: Duration, n: u32) -> Duration {
        if base.is_zero() {
            return Duration::ZERO;
        }
        let (base, cap) = (nanos(base), nanos(config.max_delay()));
        let nominal = nominal(config, base, cap, n);
        let drawn = match config.jitter() {
            Jitter::None => nominal,
            Jitter::Proportional(fraction) => {
                let factor = self.rng.between(1.0 - fraction, 1.0 + fraction);
                // The one kind that may pass the cap, by its fraction.
                return to_duration(nominal * factor);
            }
            Jitter::Full => nominal * self.rng.unit(),
            Jitter::Equal => self.rng.between(nominal / 2.0, nominal),
            Jitter::Decorrelated => {
                let previous = self.previous.max(base);
                let drawn = self.rng.between(base, previous * DECORRELATED_GROWTH);
                self.previous = drawn.min(cap);
                self.previous
            }
        };
        capped(drawn, config.max_delay())
    }

    /// `wait` and up to a quarter more: all callers got the same hint, so none of them should come
    /// back exactly then, and none before.
    pub(crate) fn spread_upwards(&mut self, wait: Duration) -> Duration {
        let spread = to_duration(nanos(wait) * self.rng.between(0.0, HINT_SPREAD));
        wait.saturating_add(spread)
    }
}

/// Nanoseconds before retry `n`. No overflow: a power too large is infinite, and the cap wins.
fn nominal(config: &RetryConfig, base: f64, cap: f64, n: u32) -> f64 {
    (base * power(config.exponential_base(), n)).min(cap)
}

/// `base^n` by squaring. Not `powi`, whose last digit a platform may choose: the same policy
/// gives the same schedule everywhere.
fn power(base: f64, mut n: u32) -> f64 {
    let mut square = base;
    let mut power = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            power *= square;
        }
        n >>= 1;
        square *= square;
    }
    power
}

/// Exact below 2^53 ns, which is 104 days.
fn nanos(duration: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let nanos = duration.as_nanos() as f64;
    nanos
}

/// The cap itself where it is reached, to the last nanosecond.
fn capped(drawn: f64, cap: Duration) -> Duration {
    if drawn < nanos(cap) {
        to_duration(drawn)
    } else {
        cap.min(LONGEST)
    }
}

/// Never negative and never NaN, by the validation of the config; saturates at [`LONGEST`].
fn to_duration(nanos: f64) -> Duration {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let nanos = nanos as u64;
    Duration::from_nanos(nanos).min(LONGEST)
}

/// A decorrelated delay is at most so many of the one before.
const DECORRELATED_GROWTH: f64 = 3.0;

/// What a delay saturates at: 292 years.
const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

/// How far above a hint a wait may go. A quarter, as for delays: the spread that the default
/// jitter gives.
const HINT_SPREAD: f64 = 0.25;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(jitter: Jitter) -> RetryConfig {
        RetryConfig::builder().jitter(jitter).build().unwrap()
    }

    fn draws(config: &RetryConfig, n: u32, count: u64) -> Vec<f64> {
        (0..count)
            .map(|seed| {
                let mut backoff = Backoff::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                backoff.draw(config, config.base_delay(), n).as_secs_f64()
            })
            .collect()
    }

    #[allow(clippy::cast_precision_loss)]
    fn mean_and_variance(draws: &[f64]) -> (f64, f64) {
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
        (mean, variance)
    }

    #[test]
    fn no_power_overflows() {
        let steep = RetryConfig::builder()
            .exponential_base(1e300)
            .build()
            .unwrap();
        let long = RetryConfig::builder()
            .base_delay(Duration::MAX)
            .max_delay(Duration::MAX)
            .build()
            .unwrap();
        for n in [0, 1, 2, 31, 10_000, u32::MAX] {
            assert!(steep.delay(n) <= Duration::from_secs(60), "{n}");
            assert!(long.delay(n) >= Duration::from_secs(1 << 32), "{n}");
        }
        assert_eq!(steep.delay(1), Duration::from_secs(60));
    }

    #[test]
    fn a_base_above_the_cap_is_the_cap() {
        let config = RetryConfig::builder()
            .base_delay(Duration::from_secs(100))
            .max_delay(Duration::from_secs(7))
            .jitter(Jitter::None)
            .build()
            .unwrap();
        assert_eq!(config.delay(0), Duration::from_secs(7));
        let mut backoff = Backoff::new(1);
        let drawn = backoff.draw(&config, config.base_delay(), 0);
        assert_eq!(drawn, Duration::from_secs(7));
    }

    #[test]
    fn a_base_of_zero_is_always_zero() {
        let config = RetryConfig::builder()
            .base_delay(Duration::ZERO)
            .exponential_base(1e300)
            .build()
            .unwrap();
        assert_eq!(config.delay(10_000), Duration::ZERO);
    }

    #[test]
    fn proportional_is_uniform_on_its_range() {
        for n in [0, 2] {
            let nominal = config(Jitter::None).delay(n).as_secs_f64();
            let draws = draws(&config(Jitter::Proportional(0.25)), n, 100_000);
            let (mean, variance) = mean_and_variance(&draws);
            assert!(
                draws
                    .iter()
                    .all(|d| (0.75 * nominal..=1.25 * nominal).contains(d))
            );
            // Standard error of the mean is nominal * 0.144 / sqrt(100,000) = 0.0005 nominal.
            assert!((mean / nominal - 1.0).abs() < 0.002, "mean {mean}");
            let expected = nominal * nominal / 48.0;
            assert!(
                (variance / expected - 1.0).abs() < 0.02,
                "variance {variance}"
            );
            // Uniform and not merely of the right moments: each tenth holds a tenth.
            let mut tenths = [0_u32; 10];
            for draw in &draws {
                let position = (draw / nominal - 0.75) / 0.5;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let tenth = (position * 10.0) as usize;
                tenths[tenth.min(9)] += 1;
            }
            assert!(
                tenths.iter().all(|count| (9_500..10_500).contains(count)),
                "{tenths:?}"
            );
        }
    }

    #[test]
    fn the_other_kinds_have_their_means_and_stay_below_the_cap() {
        let cases = [
            (Jitter::Full, 0, 0.5),
            (Jitter::Equal, 0, 0.75),
            (Jitter::Decorrelated, 0, 2.0),
            (Jitter::Full, 40, 30.0),
            (Jitter::Equal, 40, 45.0),
        ];
        for (jitter, n, expected) in cases {
            let draws = draws(&config(jitter), n, 100_000);
            let (mean, _) = mean_and_variance(&draws);
            assert!(
                (mean / expected - 1.0).abs() < 0.01,
                "{jitter:?} {n}: {mean}"
            );
            assert!(draws.iter().all(|d| *d <= 60.0), "{jitter:?} {n}");
        }
    }

    #[test]
    fn delays_are_within_their_range_and_reach_its_ends() {
        for jitter in [
            Jitter::None,
            Jitter::Proportional(0.25),
            Jitter::Full,
            Jitter::Equal,
            Jitter::Decorrelated,
        ] {
            let config = config(jitter);
            for n in [0, 1, 5, 6, 7, 10_000] {
                let range = config.delay_range(n);
                let mut seen = (Duration::MAX, Duration::ZERO);
                for seed in 0..1000 {
                    let mut backoff = Backoff::new(seed);
                    // The range of a decorrelated delay depends on those before.
                    let before = if jitter == Jitter::Decorrelated { 0 } else { n };
                    for n in before..n.min(20) {
                        backoff.draw(&config, config.base_delay(), n);
                    }
                    let drawn = backoff.draw(&config, config.base_delay(), n);
                    assert!(
                        range.contains(&drawn),
                        "{jitter:?} {n}: {drawn:?}, {range:?}"
                    );
                    seen = (seen.0.min(drawn), seen.1.max(drawn));
                }
                let width = range.end().saturating_sub(*range.start());
                if jitter != Jitter::Decorrelated || n == 0 {
                    assert!(
                        seen.0 <= *range.start() + width / 50,
                        "{jitter:?} {n}: {seen:?}"
                    );
                    assert!(
                        seen.1 >= *range.end() - width / 50,
                        "{jitter:?} {n}: {seen:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn decorrelated_grows_from_the_previous_delay() {
        let config = config(Jitter::Decorrelated);
        let mut backoff = Backoff::new(7);
        let mut previous = config.base_delay();
        for n in 0..50 {
            let drawn = backoff.draw(&config, config.base_delay(), n);
            assert!(drawn >= config.base_delay() && drawn <= config.max_delay());
            assert!(drawn <= previous * 3 + Duration::from_nanos(1));
            previous = drawn;
        }
    }

    #[test]
    fn a_seed_repeats_its_stream_and_another_does_not() {
        let config = RetryConfig::default();
        let stream = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..10)
                .map(|n| backoff.draw(&config, config.base_delay(), n))
                .collect::<Vec<_>>()
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
    }

    #[test]
    fn a_hint_is_spread_upwards_only() {
        let hint = Duration::from_secs(10);
        let mut backoff = Backoff::new(3);
        for _ in 0..10_000 {
            let wait = backoff.spread_upwards(hint);
            assert!(wait >= hint && wait <= hint.mul_f64(1.25));
        }
        assert_eq!(backoff.spread_upwards(Duration::MAX), Duration::MAX);
    }
}
