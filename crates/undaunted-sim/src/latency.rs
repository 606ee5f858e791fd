//! How long something takes: constant, or drawn from a distribution.

use std::time::Duration;

use crate::random::Random;
use crate::time::{Nanos, from_seconds, nanos, seconds};

/// How long a response takes, or a client thinks.
///
/// ```
/// use std::time::Duration;
/// use undaunted_sim::Latency;
///
/// let usual = Latency::constant(Duration::from_millis(20));
/// let with_a_tail = Latency::LogNormal { median: Duration::from_millis(20), sigma: 1.0 };
/// assert_eq!(usual.mean(), Duration::from_millis(20));
/// assert_eq!(with_a_tail.mean().as_millis(), 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Exponential of this mean: the gaps between independent events.
    Exponential(Duration),
    /// Normal of this mean and deviation; a negative draw counts as its positive.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// The logarithm is normal: a long tail, as the latencies of services have.
    LogNormal {
        /// Half of the draws are shorter.
        median: Duration,
        /// The deviation of the logarithm. With 1, one in a hundred takes ten medians.
        sigma: f64,
    },
    /// Uniform between the two.
    Uniform(Duration, Duration),
}

impl Latency {
    /// Nothing takes any time.
    pub const ZERO: Self = Self::Constant(Duration::ZERO);

    /// Always the same.
    #[must_use]
    pub const fn constant(duration: Duration) -> Self {
        Self::Constant(duration)
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Constant(mean) | Self::Exponential(mean) | Self::Normal { mean, .. } => mean,
            Self::LogNormal { median, sigma } => {
                let mean = median.as_secs_f64() * (sigma * sigma / 2.0).exp();
                Duration::try_from_secs_f64(mean).unwrap_or(Duration::MAX)
            }
            Self::Uniform(low, high) => (low + high) / 2,
        }
    }

    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> Nanos {
        match *self {
            Self::Constant(duration) => nanos(duration),
            Self::Exponential(mean) => from_seconds(mean.as_secs_f64() * random.exponential()),
            Self::Normal { mean, deviation } => {
                let drawn = mean.as_secs_f64() + deviation.as_secs_f64() * random.normal();
                from_seconds(drawn.abs())
            }
            Self::LogNormal { median, sigma } => {
                from_seconds(median.as_secs_f64() * (sigma * random.normal()).exp())
            }
            Self::Uniform(low, high) => {
                let width = seconds(nanos(high).saturating_sub(nanos(low)));
                nanos(low).saturating_add(from_seconds(width * random.unit()))
            }
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::ZERO
    }
}
