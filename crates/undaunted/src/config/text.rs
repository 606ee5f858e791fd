//! Policies as text: read from files, variables and flags, and said in a sentence.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use humantime::format_duration;

use super::{ConfigError, Jitter, RetryConfig};

/// Text that is no value for a [`RetryConfig`]. It names what was read, the value, and what
/// would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseConfigError {
    name: String,
    value: String,
    expected: String,
}

impl ParseConfigError {
    pub(crate) fn new(name: &str, value: &str, expected: impl fmt::Display) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            expected: expected.to_string(),
        }
    }

    /// The same under another name: the variable, flag or field that the value came from.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl fmt::Display for ParseConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:?}, but must be {}",
            self.name, self.value, self.expected
        )
    }
}

impl Error for ParseConfigError {}

impl From<ConfigError> for ParseConfigError {
    fn from(error: ConfigError) -> Self {
        let value = error.value.to_string();
        Self::new(error.field(), &value, error.expected)
    }
}

/// A length of time as a person writes it: `500ms`, `2m 30s`, or a number of seconds.
///
/// # Errors
///
/// [`ParseConfigError`] for anything else, a negative number among it.
///
/// ```
/// use std::time::Duration;
/// use undaunted::parse_duration;
///
/// assert_eq!(parse_duration("500ms")?, Duration::from_millis(500));
/// assert_eq!(parse_duration("2m 30s")?, Duration::from_secs(150));
/// assert_eq!(parse_duration("0.5")?, Duration::from_millis(500));
/// assert!(parse_duration("-1").is_err());
/// # Ok::<(), undaunted::ParseConfigError>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, ParseConfigError> {
    let text = text.trim();
    let read = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    read.ok_or_else(|| ParseConfigError::new("the duration", text, DURATION))
}

/// `none`, `full`, `equal`, `decorrelated`, or a fraction such as `0.25` for
/// [`Jitter::Proportional`].
///
/// ```
/// use undaunted::Jitter;
///
/// assert_eq!("full".parse(), Ok(Jitter::Full));
/// assert_eq!("0.25".parse(), Ok(Jitter::Proportional(0.25)));
/// assert!("0.25 %".parse::<Jitter>().is_err());
/// ```
impl FromStr for Jitter {
    type Err = ParseConfigError;

    fn from_str(text: &str) -> Result<Self, ParseConfigError> {
        match text.trim() {
            "none" => Ok(Self::None),
            "full" => Ok(Self::Full),
            "equal" => Ok(Self::Equal),
            "decorrelated" => Ok(Self::Decorrelated),
            text => match text.parse::<f64>() {
                Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(Self::Proportional(fraction)),
                _ => Err(ParseConfigError::new("jitter", text, JITTER)),
            },
        }
    }
}

/// The form that [`FromStr`] reads.
impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decorrelated => f.write_str("decorrelated"),
            Self::Equal => f.write_str("equal"),
            Self::Full => f.write_str("full"),
            Self::None => f.write_str("none"),
            Self::Proportional(fraction) => write!(f, "{fraction}"),
        }
    }
}

/// The policy in a sentence.
///
/// ```
/// use undaunted::RetryConfig;
///
/// assert_eq!(
///     RetryConfig::default().to_string(),
///     "at most 3 retries, after 1s, then 2 times as long each up to 1m, ±25 %",
/// );
/// assert_eq!(
///     RetryConfig::storage().to_string(),
///     "at most 10 retries, after 100ms (1s if throttled), then 2 times as long each up to 20s, \
///      full jitter, within 3m in all",
/// );
/// ```
impl fmt::Display for RetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max_retries() {
            0 => f.write_str("no retries")?,
            1 => write!(
                f,
                "at most 1 retry, after {}",
                format_duration(self.delay(0))
            )?,
            n => write!(
                f,
                "at most {n} retries, after {}",
                format_duration(self.delay(0))
            )?,
        }
        if self.max_retries() > 0 {
            if let Some(throttled) = self.throttled_base_delay() {
                write!(f, " ({} if throttled)", format_duration(throttled))?;
            }
        }
        if self.max_retries() > 1 {
            let base = self.exponential_base();
            // Not in hundreds of digits.
            let base = if base < 1e9 {
                base.to_string()
            } else {
                format!("{base:e}")
            };
            write!(
                f,
                ", then {base} times as long each up to {}",
                format_duration(self.max_delay())
            )?;
        }
        if self.max_retries() > 0 {
            match self.jitter() {
                Jitter::Proportional(fraction) => write!(f, ", ±{} %", fraction * 100.0)?,
                Jitter::None => f.write_str(", no jitter")?,
                jitter => write!(f, ", {jitter} jitter")?,
            }
        }
        if let Some(limit) = self.attempt_timeout() {
            write!(f, ", {} an attempt", format_duration(limit))?;
        }
        if let Some(limit) = self.total_timeout() {
            write!(f, ", within {} in all", format_duration(limit))?;
        }
        Ok(())
    }
}

const DURATION: &str = "a length of time such as 500ms or 2m, or a number of seconds";
const JITTER: &str = "none, full, equal, decorrelated, or a fraction from 0 to 1 such as 0.25";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_base_is_short() {
        let config = RetryConfig::builder()
            .exponential_base(1e300)
            .build()
            .unwrap();
        assert!(
            config
                .to_string()
                .contains(", then 1e300 times as long each")
        );
    }

    #[test]
    fn what_is_no_duration_is_refused_by_name() {
        for text in ["", "soon", "-1", "-1s", "NaN", "inf", "1e300", "1 parsec"] {
            let error = parse_duration(text)
                .unwrap_err()
                .named("UNDAUNTED_BASE_DELAY");
            let message = error.to_string();
            assert!(message.starts_with("UNDAUNTED_BASE_DELAY is "), "{message}");
            assert!(message.contains(&format!("{text:?}")), "{message}");
            assert!(message.contains("500ms"), "{message}");
        }
    }

    #[test]
    fn jitter_is_read_back_as_it_is_written() {
        for jitter in [
            Jitter::Decorrelated,
            Jitter::Equal,
            Jitter::Full,
            Jitter::None,
            Jitter::Proportional(0.25),
            Jitter::Proportional(0.0),
        ] {
            assert_eq!(jitter.to_string().parse(), Ok(jitter));
        }
        for text in ["", "some", "1.1", "-0.1", "NaN"] {
            assert!(text.parse::<Jitter>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_policy_without_retries_says_so() {
        let config = RetryConfig::builder().max_retries(0).build().unwrap();
        assert_eq!(config.to_string(), "no retries");
        let storage = |retries| {
            let config = RetryConfig::storage().to_builder().max_retries(retries);
            config.build().unwrap().to_string()
        };
        assert_eq!(storage(0), "no retries, within 3m in all");
        assert_eq!(
            storage(1),
            "at most 1 retry, after 100ms (1s if throttled), full jitter, within 3m in all"
        );
        assert_eq!(
            RetryConfig::interactive().to_string(),
            "at most 1 retry, after 500ms, ±25 %, within 5s in all"
        );
    }
}
