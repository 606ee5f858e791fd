//! Rules in configuration files, through serde: by themselves, and beside the policy.

use std::fmt;

use ::serde::de::{self, Deserializer, MapAccess, Visitor};
use ::serde::ser::{self, SerializeMap, Serializer};
use ::serde::{Deserialize, Serialize};

use super::rule::Test;
use super::text::Field;
use super::{RetrySettings, Rules, RulesBuilder};
use crate::config::{FIELDS, Plain, PolicyFields, RetryConfig};

/// ```
/// use undaunted::Rules;
///
/// let rules: Rules = serde_json::from_str(
///     r#"{ "retryable_status": [423, "520-527"], "permanent_codes": "QuotaExceeded" }"#,
/// )?;
/// assert_eq!(
///     rules.to_string(),
///     "permanent_codes QuotaExceeded; retryable_status 423; retryable_status 520-527",
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = deserializer.deserialize_map(Table { has_config: false })?;
        Ok(table.rules)
    }
}

/// ```
/// use undaunted::RetrySettings;
///
/// let settings: RetrySettings =
///     serde_json::from_str(r#"{ "max_retries": 5, "retryable_status": [423] }"#)?;
/// assert_eq!(settings.config.max_retries(), 5);
/// assert_eq!(settings.rules.to_string(), "retryable_status 423");
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for RetrySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table { has_config: true })
    }
}

/// A function has no text, so rules with one cannot be written.
impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for rule in &self.rules {
            if matches!(rule.test, Test::Function(_)) {
                let text = format!("the rule {:?} is a function, which has no text", rule.name);
                return Err(ser::Error::custom(text));
            }
        }
        for field in Field::ALL {
            let of_field = |name: &str| {
                let written = name.strip_prefix(field.name)?.strip_prefix(' ')?;
                Some(written.to_owned())
            };
            let items: Vec<String> = self
                .rules
                .iter()
                .filter_map(|rule| match &rule.test {
                    Test::Text(text) => of_field(&rule.name).map(|_| text.clone()),
                    _ => of_field(&rule.name),
                })
                .collect();
            if !items.is_empty() {
                map.serialize_entry(field.name, &items)?;
            }
        }
        map.end()
    }
}

/// The fields of the policy, and the lists of rules.
///
/// ```
/// use undaunted::RetrySettings;
///
/// let settings: RetrySettings = serde_json::from_str(r#"{ "retryable_status": [423] }"#)?;
/// let json = serde_json::to_string(&settings)?;
/// assert_eq!(serde_json::from_str::<RetrySettings>(&json)?, settings);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for RetrySettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both<'s> {
            #[serde(flatten)]
            config: &'s RetryConfig,
            #[serde(flatten)]
            rules: &'s Rules,
        }
        let Self { config, rules } = self;
        Both { config, rules }.serialize(serializer)
    }
}

/// Reads a table with the lists of rules, and with the fields of a policy if it has them.
struct Table {
    has_config: bool,
}

impl<'de> Visitor<'de> for Table {
    type Value = RetrySettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RetrySettings, A::Error> {
        let mut rules = Rules::builder();
        let mut policy = PolicyFields::default();
        let mut seen = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(de::Error::custom(format!("duplicate field `{name}`")));
            }
            if let Some(field) = Field::named(&name) {
                rules = add(rules, field, &map.next_value()?);
            } else if self.has_config && FIELDS.contains(&name.as_str()) {
                policy = policy
                    .with(&name, &map.next_value()?)
                    .map_err(de::Error::custom)?;
            } else {
                let mut known: Vec<&str> = Vec::new();
                if self.has_config {
                    known.extend(FIELDS);
                }
                known.extend(Field::ALL.map(|field| field.name));
                let text = format!(
                    "unknown field `{name}`, expected one of {}",
                    known.join(", ")
                );
                return Err(de::Error::custom(text));
            }
            seen.push(name);
        }
        Ok(RetrySettings {
            config: policy.build().map_err(de::Error::custom)?,
            rules: rules.build().map_err(de::Error::custom)?,
        })
    }
}

/// Adds what a field has: a list, or one value by itself. Statuses and codes may be a text with
/// commas.
fn add(rules: RulesBuilder, field: Field, value: &Plain) -> RulesBuilder {
    match value {
        Plain::Text(text) => rules.items(field, text),
        Plain::List(items) => items.iter().fold(rules, |rules, item| match item {
            Plain::Text(text) => rules.item(field, text),
            item => add_number(rules, field, item),
        }),
        value => add_number(rules, field, value),
    }
}

fn add_number(rules: RulesBuilder, field: Field, value: &Plain) -> RulesBuilder {
    let written = value.to_string();
    match value {
        Plain::Whole(_) if field.has_numbers() => rules.item(field, &written),
        _ => rules.refuse(field.name, &written, field.expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RetrySettings, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_read_back_as_they_were_written() {
        let rules = Rules::builder()
            .retryable_status([423, 520, 521, 522])
            .throttled_codes(["Calm"])
            .permanent_text(["a, b"])
            .build()
            .unwrap();
        let json = serde_json::to_string(&rules).unwrap();
        assert_eq!(
            serde_json::from_str::<Rules>(&json).unwrap(),
            rules,
            "{json}"
        );
        let function = Rules::builder().classify("f", |_| None).build().unwrap();
        assert!(serde_json::to_string(&function).is_err());
    }

    #[test]
    fn the_policy_beside_them_is_read_as_ever() {
        let settings = read(
            r#"{"base_delay": "500ms", "total_timeout": 30, "jitter": false, "exponential_base": 1.5,
                "attempt_timeout": null, "permanent_status": "500, 501"}"#,
        )
        .unwrap();
        let config: RetryConfig = serde_json::from_str(
            r#"{"base_delay": "500ms", "total_timeout": 30, "jitter": false, "exponential_base": 1.5}"#,
        )
        .unwrap();
        assert_eq!(settings.config, config);
        assert_eq!(
            settings.rules.to_string(),
            "permanent_status 500; permanent_status 501"
        );
        assert_eq!(read("{}").unwrap(), RetrySettings::default());
        let message = read("5").unwrap_err();
        assert!(
            message.contains("expected a table of settings"),
            "{message}"
        );
    }

    #[test]
    fn a_text_with_commas_is_one_and_numbers_may_be_text() {
        let settings = read(
            r#"{"retryable_text": "warming up, try later", "permanent_text": ["a, b", "c"],
                "max_retries": "7", "exponential_base": "1.5", "base_delay": "2", "jitter": "0.5"}"#,
        )
        .unwrap();
        assert_eq!(
            settings.rules.to_string(),
            "permanent_text \"a, b\"; permanent_text \"c\"; retryable_text \"warming up, try later\""
        );
        assert_eq!(settings.config.max_retries(), 7);
        assert_eq!(
            settings.config,
            read(r#"{"max_retries": 7, "exponential_base": 1.5, "base_delay": 2, "jitter": 0.5}"#)
                .unwrap()
                .config
        );
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(read(&json).unwrap(), settings, "{json}");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (json, words) in [
            (
                r#"{"retryable_statuses": [423]}"#,
                "unknown field `retryable_statuses`",
            ),
            (
                r#"{"retryable_status": [404]}"#,
                "retryable_status is \"404\"",
            ),
            (r#"{"retryable_status": 200}"#, "from 300 to 599"),
            (
                r#"{"max_retries": -1}"#,
                "max_retries is \"-1\", but must be a whole number from 0",
            ),
            (
                r#"{"max_retries": [3]}"#,
                "max_retries is \"[3]\", but must be a whole number from 0",
            ),
            (
                r#"{"retryable_status": true}"#,
                "retryable_status is \"true\", but must be a status",
            ),
            (
                r#"{"retryable_status": [423, {"a": 1}]}"#,
                "retryable_status is \"a table\", but must be a status",
            ),
            (
                r#"{"retryable_codes": [7]}"#,
                "retryable_codes is \"7\", but must be a code",
            ),
            (
                r#"{"permanent_text": null}"#,
                "permanent_text is \"nothing\", but must be a part of",
            ),
            (r#"{"retryable_status": ""}"#, "retryable_status is \"\""),
            (r#"{"retryable_status": [404, 405]}"#, "is \"404\""),
            (
                r#"{"max_retries": 1, "max_retries": 2}"#,
                "duplicate field `max_retries`",
            ),
            (r#"{"exponential_base": 0.5}"#, "exponential_base is 0.5"),
        ] {
            let message = read(json).unwrap_err();
            assert!(message.contains(words), "{json}: {message}");
        }
        let message = serde_json::from_str::<Rules>(r#"{"max_retries": 1}"#).unwrap_err();
        assert!(message.to_string().contains("unknown field `max_retries`"));
    }
}
