//! Hedges as a policy: after how long, and how many.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::error::{ConfigError, Value};
use super::text::{ParseConfigError, parse_duration};

/// When a read that waits for its response is sent a second time, and how often.
///
/// Plain data: a value that exists is valid. By default the second request, the hedge, is sent when
/// the response takes longer than 95 % of the recent ones, and for at most 5 % of the reads. A
/// [`Hedger`](crate::Hedger) decides by it.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{Hedge, HedgeAfter};
///
/// let hedge = Hedge::default();
/// assert_eq!(hedge.after(), HedgeAfter::Quantile(0.95));
/// assert_eq!(hedge.most(), 0.05);
///
/// let hedge = Hedge::new(HedgeAfter::Quantile(0.99), 0.02)?
///     .with_first_delay(Duration::from_millis(200));
/// assert_eq!(hedge.to_string(), "after 99 % of responses, for at most 2 % of reads");
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    after: HedgeAfter,
    most: f64,
    first_delay: Option<Duration>,
}

/// The time without a response after which a hedge is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum HedgeAfter {
    /// Always the same. A service that becomes slower is then met with more requests, as far as the
    /// allowance goes. Where far more of the reads are late than may be hedged, none is.
    Fixed(Duration),
    /// What this share of the recent responses took at most. It moves with the service. It is never
    /// less than twice the median: until then the first response is likely to come before that to
    /// a second request.
    Quantile(f64),
}

impl Hedge {
    /// A hedge after this time, for at most this share of reads in the long run. With a share of 1
    /// there is no limit, and also where all reads are late each is sent twice.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a quantile that is not above 0 and below 1, and for a share that is not
    /// from 0 to 1.
    pub fn new(after: HedgeAfter, most: f64) -> Result<Self, ConfigError> {
        if let HedgeAfter::Quantile(quantile) = after {
            if !(quantile > 0.0 && quantile < 1.0) {
                return Err(ConfigError {
                    field: "the quantile of a hedge",
                    value: Value::Number(quantile),
                    expected: "above 0 and below 1",
                });
            }
        }
        if !(0.0..=1.0).contains(&most) {
            return Err(ConfigError {
                field: "the share of hedges",
                value: Value::Number(most),
                expected: "from 0 to 1",
            });
        }
        Ok(Self {
            after,
            most,
            first_delay: None,
        })
    }

    /// The time that counts until there are enough responses to know a quantile. Without one nothing
    /// is hedged until then.
    #[must_use]
    pub const fn with_first_delay(self, first_delay: Duration) -> Self {
        Self {
            first_delay: Some(first_delay),
            ..self
        }
    }

    /// The time without a response after which a hedge is sent.
    #[must_use]
    pub const fn after(&self) -> HedgeAfter {
        self.after
    }

    /// The share of reads that may be hedged in the long run.
    #[must_use]
    pub const fn most(&self) -> f64 {
        self.most
    }

    /// The time that counts until a quantile is known.
    #[must_use]
    pub const fn first_delay(&self) -> Option<Duration> {
        self.first_delay
    }
}

/// After the 95th percentile, for at most 5 % of reads.
impl Default for Hedge {
    fn default() -> Self {
        Self {
            after: HedgeAfter::Quantile(QUANTILE),
            most: MOST,
            first_delay: None,
        }
    }
}

impl fmt::Display for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = percent(self.most);
        match self.after {
            HedgeAfter::Fixed(delay) => write!(f, "after {delay:?}")?,
            HedgeAfter::Quantile(share) => write!(f, "after {} % of responses", percent(share))?,
        }
        write!(f, ", for at most {most} % of reads")
    }
}

/// A time such as `100ms`, or a quantile such as `95 %`.
///
/// ```
/// use std::time::Duration;
/// use undaunted::HedgeAfter;
///
/// assert_eq!("95%".parse(), Ok(HedgeAfter::Quantile(0.95)));
/// assert_eq!("100ms".parse(), Ok(HedgeAfter::Fixed(Duration::from_millis(100))));
/// assert!("100 %".parse::<HedgeAfter>().is_err());
/// ```
impl FromStr for HedgeAfter {
    type Err = ParseConfigError;

    fn from_str(text: &str) -> Result<Self, ParseConfigError> {
        let trimmed = text.trim();
        let after = match trimmed.strip_suffix('%') {
            Some(percent) => match percent.trim().parse::<f64>() {
                Ok(percent) if percent > 0.0 && percent < 100.0 => {
                    Some(Self::Quantile(percent / 100.0))
                }
                _ => None,
            },
            None => parse_duration(trimmed).ok().map(Self::Fixed),
        };
        let expected = "a time such as \"100ms\", or a quantile such as \"95 %\"";
        after.ok_or_else(|| ParseConfigError::new("the time before a hedge", text, expected))
    }
}

/// Without the digits that a share in binary has behind the point.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

/// The customary figures ("The tail at scale"): one request in 20 costs 5 % more load, and shortens
/// what 1 in 100 and 1 in 1,000 wait for.
const QUANTILE: f64 = 0.95;
const MOST: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_bounds_are_refused_by_name() {
        for bad in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
            let error = Hedge::new(HedgeAfter::Quantile(bad), 0.05).unwrap_err();
            assert!(error.to_string().contains("the quantile of a hedge"));
        }
        for bad in [-0.1, 1.1, f64::NAN] {
            let error = Hedge::new(HedgeAfter::Quantile(0.5), bad).unwrap_err();
            assert!(error.to_string().contains("the share of hedges"));
        }
    }

    #[test]
    fn text_is_a_time_or_a_share() {
        for (text, after) in [
            ("95%", HedgeAfter::Quantile(0.95)),
            (" 0.5 % ", HedgeAfter::Quantile(0.005)),
            ("100ms", HedgeAfter::Fixed(Duration::from_millis(100))),
        ] {
            assert_eq!(text.parse(), Ok(after));
        }
        for bad in ["", "%", "0 %", "-1 %", "100 %", "101 %", "NaN%", "x", "-1"] {
            let error = bad.parse::<HedgeAfter>().unwrap_err().to_string();
            assert!(error.contains("a quantile such as"), "{error}");
        }
        let shown = Hedge::new("2s".parse().unwrap(), 0.07).unwrap();
        assert_eq!(shown.to_string(), "after 2s, for at most 7 % of reads");
        assert_eq!(
            Hedge::default().to_string(),
            "after 95 % of responses, for at most 5 % of reads"
        );
    }
}
