//! Rules in configuration files, through serde: by themselves, and beside the policy.

use std::fmt;

use ::serde::de::{self, Deserializer, MapAccess, Visitor};
use ::serde::ser::{self, SerializeMap, Serializer};
use ::serde::{Deserialize, Serialize};

use super::rule::Test;
use super::text::Field;
use super::{RetrySettings, Rules, RulesBuilder};
use crate::config::{FIELDS, RetryConfig};

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
        let mut policy = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(field) = Field::named(&name) {
                rules = map.next_value::<Items>()?.add_to(rules, field);
            } else if self.has_config && FIELDS.contains(&name.as_str()) {
                policy.push((name, map.next_value::<Value>()?));
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
        }
        let fields = de::value::MapDeserializer::new(policy.into_iter());
        Ok(RetrySettings {
            config: RetryConfig::deserialize(fields)?,
            rules: rules.build().map_err(de::Error::custom)?,
        })
    }
}

/// A list, or one text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Items {
    List(Vec<Item>),
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Number(u64),
    Text(String),
}

impl Items {
    fn add_to(self, rules: RulesBuilder, field: Field) -> RulesBuilder {
        match self {
            Self::List(items) => items.into_iter().fold(rules, |rules, item| match item {
                Item::Number(number) => rules.item(field, &number.to_string()),
                Item::Text(text) => rules.item(field, &text),
            }),
            Self::Number(number) => rules.item(field, &number.to_string()),
            Self::Text(text) => rules.items(field, &text),
        }
    }
}

/// A value of a field of the policy, of any plain type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Flag(bool),
    Whole(u64),
    Negative(i64),
    Number(f64),
    Text(String),
    Nothing(()),
}

impl<E: de::Error> de::IntoDeserializer<'_, E> for Value {
    type Deserializer = ValueDeserializer<E>;

    fn into_deserializer(self) -> Self::Deserializer {
        ValueDeserializer(self, std::marker::PhantomData)
    }
}

struct ValueDeserializer<E>(Value, std::marker::PhantomData<E>);

impl<'de, E: de::Error> Deserializer<'de> for ValueDeserializer<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Value::Flag(flag) => visitor.visit_bool(flag),
            Value::Whole(number) => visitor.visit_u64(number),
            Value::Negative(number) => visitor.visit_i64(number),
            Value::Number(number) => visitor.visit_f64(number),
            Value::Text(text) => visitor.visit_string(text),
            Value::Nothing(()) => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Value::Nothing(()) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    ::serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
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
            (r#"{"max_retries": -1}"#, "expected u32"),
            (r#"{"exponential_base": 0.5}"#, "exponential_base is 0.5"),
        ] {
            let message = read(json).unwrap_err();
            assert!(message.contains(words), "{json}: {message}");
        }
        let message = serde_json::from_str::<Rules>(r#"{"max_retries": 1}"#).unwrap_err();
        assert!(message.to_string().contains("unknown field `max_retries`"));
    }
}
