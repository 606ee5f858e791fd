//! Policies in configuration files, through serde.
//!
//! Fields have their names, unset ones their defaults, and an unknown one is an error that
//! lists the known. A length of time is written `"500ms"` or `"2m"`, or as a number of
//! seconds; jitter as a word, a fraction, or `true` (the default) and `false` (none).

use std::fmt;
use std::time::Duration;

use ::serde::de::{self, Deserializer, Visitor};
use ::serde::{Deserialize, Serialize, Serializer};

use super::text::parse_duration;
use super::{Jitter, RetryConfig};

/// ```
/// use undaunted::{Jitter, RetryConfig};
///
/// let config: RetryConfig = serde_json::from_str(
///     r#"{ "max_retries": 5, "base_delay": "500ms", "max_delay": 30, "jitter": "full" }"#,
/// )?;
/// assert_eq!(config.max_retries(), 5);
/// assert_eq!(config.jitter(), Jitter::Full);
///
/// let error = serde_json::from_str::<RetryConfig>(r#"{ "max_retry": 5 }"#).unwrap_err();
/// assert!(error.to_string().contains("unknown field `max_retry`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for RetryConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        Self::builder()
            .max_retries(fields.max_retries)
            .base_delay(fields.base_delay.0)
            .throttled_base_delay(fields.throttled_base_delay.map(|time| time.0))
            .max_delay(fields.max_delay.0)
            .exponential_base(fields.exponential_base)
            .jitter(fields.jitter)
            .max_retry_after(fields.max_retry_after.0)
            .attempt_timeout(fields.attempt_timeout.map(|time| time.0))
            .total_timeout(fields.total_timeout.map(|time| time.0))
            .build()
            .map_err(de::Error::custom)
    }
}

impl Serialize for RetryConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields::of(self).serialize(serializer)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename = "RetryConfig")]
struct Fields {
    max_retries: u32,
    base_delay: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled_base_delay: Option<Time>,
    max_delay: Time,
    exponential_base: f64,
    jitter: Jitter,
    max_retry_after: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_timeout: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_timeout: Option<Time>,
}

impl Fields {
    fn of(config: &RetryConfig) -> Self {
        Self {
            max_retries: config.max_retries(),
            base_delay: Time(config.base_delay()),
            throttled_base_delay: config.throttled_base_delay().map(Time),
            max_delay: Time(config.max_delay()),
            exponential_base: config.exponential_base(),
            jitter: config.jitter(),
            max_retry_after: Time(config.max_retry_after()),
            attempt_timeout: config.attempt_timeout().map(Time),
            total_timeout: config.total_timeout().map(Time),
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::of(&RetryConfig::DEFAULT)
    }
}

/// A length of time as a person writes it.
struct Time(Duration);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber).and_then(|text| {
            let time = parse_duration(&text).map_err(de::Error::custom)?;
            Ok(Self(time))
        })
    }
}

impl Serialize for Jitter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Proportional(fraction) => serializer.serialize_f64(*fraction),
            jitter => serializer.collect_str(jitter),
        }
    }
}

impl<'de> Deserialize<'de> for Jitter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(TextOrNumber)
            .and_then(|text| match &*text {
                "true" => Ok(RetryConfig::DEFAULT.jitter()),
                "false" => Ok(Self::None),
                text => text.parse().map_err(de::Error::custom),
            })
    }
}

/// Reads text, a number or a truth value, each as its text.
struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RetryConfig, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_preset_is_read_back_as_it_was_written() {
        for config in [
            RetryConfig::DEFAULT,
            RetryConfig::interactive(),
            RetryConfig::background(),
            RetryConfig::storage(),
        ] {
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(read(&json).unwrap(), config, "{json}");
        }
        assert_eq!(read("{}").unwrap(), RetryConfig::DEFAULT);
    }

    #[test]
    fn jitter_may_be_a_truth_value_as_in_python() {
        assert_eq!(read(r#"{"jitter": true}"#).unwrap(), RetryConfig::DEFAULT);
        assert_eq!(read(r#"{"jitter": false}"#).unwrap().jitter(), Jitter::None);
        let half = read(r#"{"jitter": 0.5}"#).unwrap();
        assert_eq!(half.jitter(), Jitter::Proportional(0.5));
    }

    #[test]
    fn bad_input_is_an_error_that_says_what_would_be_right() {
        for (json, words) in [
            (
                r#"{"max_retry": 1}"#,
                "unknown field `max_retry`, expected one of `max_retries`",
            ),
            (r#"{"max_retries": -1}"#, "expected u32"),
            (
                r#"{"base_delay": "soon"}"#,
                "a length of time such as 500ms",
            ),
            (r#"{"base_delay": -1}"#, "a length of time such as 500ms"),
            (
                r#"{"exponential_base": 0.5}"#,
                "exponential_base is 0.5, but must be",
            ),
            (r#"{"jitter": "some"}"#, "none, full, equal"),
            (
                r#"{"total_timeout": 0}"#,
                "total_timeout is 0ns, but must be longer than zero",
            ),
        ] {
            let message = read(json).unwrap_err().to_string();
            assert!(message.contains(words), "{json}: {message}");
        }
    }
}
