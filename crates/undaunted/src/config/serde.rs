//! Policies in configuration files, through serde.
//!
//! Fields have their names, unset ones their defaults, and an unknown one is an error that
//! lists the known. A length of time is written `"500ms"` or `"2m"`, or as a number of
//! seconds; jitter as a word, a fraction, or `true` (the default) and `false` (none).

use std::fmt;
use std::time::Duration;

use ::serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use ::serde::{Deserialize, Serialize, Serializer};

use super::env::{FIELDS, set};
use super::text::ParseConfigError;
use super::{ConfigError, Jitter, RetryConfig, RetryConfigBuilder};

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
        deserializer.deserialize_struct("RetryConfig", &FIELDS, PolicyVisitor)
    }
}

struct PolicyVisitor;

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = RetryConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings of a retry policy")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RetryConfig, A::Error> {
        let mut policy = PolicyFields::default();
        let mut seen = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !FIELDS.contains(&name.as_str()) {
                return Err(de::Error::unknown_field(&name, &FIELDS));
            }
            if seen.contains(&name) {
                return Err(de::Error::custom(format!("duplicate field `{name}`")));
            }
            policy = policy
                .with(&name, &map.next_value()?)
                .map_err(de::Error::custom)?;
            seen.push(name);
        }
        policy.build().map_err(de::Error::custom)
    }
}

/// A policy of which the fields are read one by one.
pub(crate) struct PolicyFields(RetryConfigBuilder);

impl Default for PolicyFields {
    fn default() -> Self {
        Self(RetryConfig::builder())
    }
}

impl PolicyFields {
    /// Sets a field to a value: text, or what it stands for.
    pub(crate) fn with(self, field: &str, value: &Plain) -> Result<Self, ParseConfigError> {
        let is_optional = OPTIONAL.contains(&field);
        let text = match value {
            Plain::Nothing if is_optional => return Ok(self),
            value => value.to_string(),
        };
        if field == "jitter" {
            let jitter = match &*text {
                "true" => Some(RetryConfig::DEFAULT.jitter()),
                "false" => Some(Jitter::None),
                _ => None,
            };
            if let Some(jitter) = jitter {
                return Ok(Self(self.0.jitter(jitter)));
            }
        }
        let set = set(self.0, field, &text).map_err(|error| error.named(field))?;
        Ok(Self(set))
    }

    pub(crate) fn build(self) -> Result<RetryConfig, ConfigError> {
        self.0.build()
    }
}

impl Serialize for RetryConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields::of(self).serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename = "RetryConfig")]
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

/// A length of time as a person writes it.
struct Time(Duration);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
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
        let policy = PolicyFields::default();
        let policy = policy
            .with("jitter", &Plain::deserialize(deserializer)?)
            .map_err(de::Error::custom)?;
        let policy = policy.build().map_err(de::Error::custom)?;
        Ok(policy.jitter())
    }
}

/// A value of any plain type, and a list of such. What it is for is known by its field, whose errors
/// can say so.
#[derive(Debug)]
pub(crate) enum Plain {
    Flag(bool),
    List(Vec<Plain>),
    Nothing,
    Number(f64),
    Table,
    Text(String),
    Whole(i128),
}

/// As in an error, and as the text that stands for it.
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Nothing => f.write_str("nothing"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Table => f.write_str("a table"),
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
        }
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, a truth value, or a list")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Flag(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain::Whole(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Whole(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Plain, E> {
        Ok(Plain::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain::Text(value.to_owned()))
    }

    fn visit_none<E: de::Error>(self) -> Result<Plain, E> {
        Ok(Plain::Nothing)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Plain, E> {
        Ok(Plain::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Plain, D::Error> {
        Plain::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Plain, D::Error> {
        Plain::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Plain, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Plain::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Plain::Table)
    }
}

/// The fields that need not have a value.
const OPTIONAL: [&str; 3] = ["attempt_timeout", "throttled_base_delay", "total_timeout"];

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

    /// JSON has no bytes, but other formats do.
    #[test]
    fn what_no_setting_can_be_is_refused_with_what_it_can() {
        use ::serde::de::value::{BytesDeserializer, Error};
        let error = Plain::deserialize(BytesDeserializer::<Error>::new(b"1s")).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("expected text, a number, a truth value, or a list"),
            "{message}"
        );
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
            ("5", "expected a table of settings of a retry policy"),
            (
                r#"{"max_retry": 1}"#,
                "unknown field `max_retry`, expected one of `max_retries`",
            ),
            (
                r#"{"max_retries": -1}"#,
                "max_retries is \"-1\", but must be a whole number from 0",
            ),
            (
                r#"{"max_retries": true}"#,
                "max_retries is \"true\", but must be a whole number from 0",
            ),
            (
                r#"{"base_delay": ["1s"]}"#,
                "base_delay is \"[1s]\", but must be a length of time",
            ),
            (r#"{"max_delay": null}"#, "max_delay is \"nothing\""),
            (r#"{"jitter": {}}"#, "jitter is \"a table\""),
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
