//! The retry policy as plain, validated data.

mod env;
mod error;
mod hedge;
#[cfg(feature = "serde")]
mod serde;
mod text;

pub(crate) use env::{FIELDS, from_lookup, refuse_unknown, variable};
pub use error::ConfigError;
pub use hedge::{Hedge, HedgeAfter};
#[cfg(feature = "serde")]
pub(crate) use serde::{Plain, PolicyFields};
pub use text::{ParseConfigError, parse_duration};

use error::{Value, zero_limit};

use std::time::Duration;

/// How often and how patiently to retry.
///
/// Plain data: a value that exists is valid. The default is 3 retries (so at most 4
/// attempts), waiting 1 s, 2 s and 4 s, each ±25 %, never more than 60 s before jitter.
///
/// ```
/// use std::time::Duration;
/// use undaunted::RetryConfig;
///
/// let config = RetryConfig::builder()
///     .max_retries(5)
///     .base_delay(Duration::from_millis(500))
///     .build()?;
/// assert_eq!(config.delay(0), Duration::from_millis(500));
/// assert_eq!(config.delay(1), Duration::from_secs(1));
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
///
/// The builder works in a constant too, where a bad value fails the build:
///
/// ```
/// use undaunted::RetryConfig;
///
/// static CRITICAL: RetryConfig = match RetryConfig::builder().max_retries(10).build() {
///     Ok(config) => config,
///     Err(_) => panic!("CRITICAL is not a valid RetryConfig"),
/// };
/// assert_eq!(CRITICAL.max_retries(), 10);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryConfig {
    max_retries: u32,
    base_delay: Duration,
    throttled_base_delay: Option<Duration>,
    max_delay: Duration,
    exponential_base: f64,
    jitter: Jitter,
    max_retry_after: Duration,
    attempt_timeout: Option<Duration>,
    total_timeout: Option<Duration>,
}

/// The random part of a delay, which keeps clients that failed together from coming back
/// together. Every call draws from its own stream.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// Uniform on `base_delay` to three times the previous delay, capped by `max_delay`.
    Decorrelated,
    /// Half the nominal delay, plus uniform on nothing to the other half.
    Equal,
    /// Uniform on nothing to the nominal delay: the widest spread for its mean.
    Full,
    /// The nominal delay itself. Clients that fail together retry together.
    None,
    /// The nominal delay times a uniform factor within this fraction of 1, in 0 to 1.
    ///
    /// The default is `Proportional(0.25)`. It is applied after the cap, so a wait may
    /// reach `(1 + fraction) * max_delay`; all other kinds stay within `max_delay`.
    Proportional(f64),
}

impl RetryConfig {
    /// The default: 3 retries, 1 s, doubling, at most 60 s, ±25 %.
    ///
    /// With attempts that fail immediately it rides out an interruption of 7 s (5.25 to 8.75 s).
    pub const DEFAULT: Self = Self {
        max_retries: 3,
        base_delay: Duration::from_secs(1),
        throttled_base_delay: None,
        max_delay: Duration::from_secs(60),
        exponential_base: 2.0,
        jitter: Jitter::Proportional(0.25),
        max_retry_after: MAX_RETRY_AFTER,
        attempt_timeout: None,
        total_timeout: None,
    };

    /// Starts from the default.
    pub const fn builder() -> RetryConfigBuilder {
        RetryConfigBuilder(Self::DEFAULT)
    }

    /// Starts from this policy, to change some of it.
    ///
    /// ```
    /// use undaunted::RetryConfig;
    ///
    /// let patient = RetryConfig::storage().to_builder().max_retries(20).build()?;
    /// # Ok::<(), undaunted::ConfigError>(())
    /// ```
    pub const fn to_builder(&self) -> RetryConfigBuilder {
        RetryConfigBuilder(Self { ..*self })
    }

    /// For an operation that a person waits for: 1 retry after 500 ms ±25 %, 5 s in all.
    ///
    /// With attempts that fail immediately it rides out an interruption of 0.5 s (0.38 to 0.63 s).
    #[must_use]
    pub const fn interactive() -> Self {
        Self {
            max_retries: 1,
            base_delay: Duration::from_millis(500),
            total_timeout: Some(Duration::from_secs(5)),
            ..Self::DEFAULT
        }
    }

    /// For work that nobody waits for: 10 retries from 5 s, doubling to at most 60 s, ±25 %.
    ///
    /// With attempts that fail immediately it rides out an interruption of 7 min 15 s (326 to
    /// 544 s at the outermost).
    #[must_use]
    pub const fn background() -> Self {
        Self {
            max_retries: 10,
            base_delay: Duration::from_secs(5),
            ..Self::DEFAULT
        }
    }

    /// For operations of an object store: 10 retries from 100 ms (1 s when throttled),
    /// doubling to at most 20 s, full jitter, 3 min in all.
    ///
    /// With attempts that fail immediately it rides out an interruption of 33 s in the median (at
    /// most 65.5 s), and 65 s (at most 131 s) where the service throttles.
    #[must_use]
    pub const fn storage() -> Self {
        Self {
            max_retries: 10,
            base_delay: Duration::from_millis(100),
            throttled_base_delay: Some(Duration::from_secs(1)),
            max_delay: Duration::from_secs(20),
            jitter: Jitter::Full,
            total_timeout: Some(Duration::from_secs(180)),
            ..Self::DEFAULT
        }
    }

    /// Retries after the first attempt. 3 means at most 4 attempts, 0 means one attempt.
    #[must_use]
    pub const fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// The nominal delay before the first retry.
    #[must_use]
    pub const fn base_delay(&self) -> Duration {
        self.base_delay
    }

    /// The nominal delay before the first retry of a throttled failure, where it differs.
    #[must_use]
    pub const fn throttled_base_delay(&self) -> Option<Duration> {
        self.throttled_base_delay
    }

    /// The cap on nominal delays.
    #[must_use]
    pub const fn max_delay(&self) -> Duration {
        self.max_delay
    }

    /// What each nominal delay is multiplied by to give the next.
    #[must_use]
    pub const fn exponential_base(&self) -> f64 {
        self.exponential_base
    }

    /// The random part of each delay.
    #[must_use]
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// The longest hint from a service that is obeyed; a longer one stops the call.
    #[must_use]
    pub const fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    /// The time one attempt may take.
    #[must_use]
    pub const fn attempt_timeout(&self) -> Option<Duration> {
        self.attempt_timeout
    }

    /// The time all attempts and waits together may take.
    #[must_use]
    pub const fn total_timeout(&self) -> Option<Duration> {
        self.total_timeout
    }

    /// Whether a clock must be read before the first attempt.
    pub(crate) const fn has_time_limit(&self) -> bool {
        self.total_timeout.is_some() || self.attempt_timeout.is_some()
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Builds a [`RetryConfig`]. Fields that are not set keep the value they started from.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RetryConfigBuilder(RetryConfig);

impl RetryConfigBuilder {
    /// Retries after the first attempt. Default 3; 0 means a single attempt.
    pub const fn max_retries(mut self, max_retries: u32) -> Self {
        self.0.max_retries = max_retries;
        self
    }

    /// The nominal delay before the first retry. Default 1 s; zero retries immediately.
    /// One above [`max_delay`](Self::max_delay) is cut to it.
    pub const fn base_delay(mut self, base_delay: Duration) -> Self {
        self.0.base_delay = base_delay;
        self
    }

    /// The nominal delay before the first retry of a throttled failure. Default: the same
    /// as [`base_delay`](Self::base_delay).
    pub const fn throttled_base_delay(mut self, base_delay: Option<Duration>) -> Self {
        self.0.throttled_base_delay = base_delay;
        self
    }

    /// The cap on nominal delays. Default 60 s. [`Jitter::Proportional`] may exceed it by
    /// its fraction.
    pub const fn max_delay(mut self, max_delay: Duration) -> Self {
        self.0.max_delay = max_delay;
        self
    }

    /// What each nominal delay is multiplied by to give the next. Default 2; must be finite
    /// and at least 1, where 1 keeps the delay constant.
    pub const fn exponential_base(mut self, exponential_base: f64) -> Self {
        self.0.exponential_base = exponential_base;
        self
    }

    /// The random part of each delay. Default `Proportional(0.25)`.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.0.jitter = jitter;
        self
    }

    /// The longest hint from a service that is obeyed. Default 5 min. A longer one stops the
    /// call immediately with its own error, since waiting would only delay that.
    pub const fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.0.max_retry_after = max_retry_after;
        self
    }

    /// The time one attempt may take before it is cut and counts as failed. Default none;
    /// must be longer than zero.
    pub const fn attempt_timeout(mut self, attempt_timeout: Option<Duration>) -> Self {
        self.0.attempt_timeout = attempt_timeout;
        self
    }

    /// The time all attempts and waits together may take. Default none; must be longer than
    /// zero. A wait that would end later is not begun, and a running attempt is cut.
    pub const fn total_timeout(mut self, total_timeout: Option<Duration>) -> Self {
        self.0.total_timeout = total_timeout;
        self
    }

    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first field whose value cannot be used, and the value.
    pub const fn build(self) -> Result<RetryConfig, ConfigError> {
        let config = self.0;
        let base = config.exponential_base;
        if !base.is_finite() || base < 1.0 {
            return Err(ConfigError {
                field: "exponential_base",
                value: Value::Number(base),
                expected: "a finite number of at least 1",
            });
        }
        if let Jitter::Proportional(fraction) = config.jitter {
            if !(fraction >= 0.0 && fraction <= 1.0) {
                return Err(ConfigError {
                    field: "jitter",
                    value: Value::Number(fraction),
                    expected: "a fraction from 0 to 1",
                });
            }
        }
        if let Some(limit) = config.attempt_timeout {
            if limit.is_zero() {
                return Err(zero_limit("attempt_timeout"));
            }
        }
        if let Some(limit) = config.total_timeout {
            if limit.is_zero() {
                return Err(zero_limit("total_timeout"));
            }
        }
        Ok(config)
    }
}

/// Long enough for a service that is being restarted, short enough that a wrong clock or a
/// date far away is noticed today.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
