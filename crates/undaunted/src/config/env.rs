//! A policy from environment variables.

use std::env::VarError;
use std::str::FromStr;
use std::time::Duration;

use super::text::{ParseConfigError, parse_duration};
use super::{Jitter, RetryConfig, RetryConfigBuilder};

impl RetryConfig {
    /// The default, with what environment variables of this prefix say.
    ///
    /// With the prefix `UNDAUNTED`:
    ///
    /// | variable | value |
    /// |---|---|
    /// | `UNDAUNTED_MAX_RETRIES` | a whole number |
    /// | `UNDAUNTED_BASE_DELAY`, `UNDAUNTED_MAX_DELAY`, `UNDAUNTED_THROTTLED_BASE_DELAY`, `UNDAUNTED_MAX_RETRY_AFTER`, `UNDAUNTED_ATTEMPT_TIMEOUT`, `UNDAUNTED_TOTAL_TIMEOUT` | `500ms`, `2m`, or a number of seconds |
    /// | `UNDAUNTED_EXPONENTIAL_BASE` | a number of at least 1 |
    /// | `UNDAUNTED_JITTER` | `none`, `full`, `equal`, `decorrelated`, or a fraction |
    ///
    /// # Errors
    ///
    /// [`ParseConfigError`] names the variable, its value, and what would be right. A variable
    /// of this prefix that is none of these is an error too, since it may be a misspelt one. Those
    /// of rules are read by [`RetrySettings::from_env`](crate::RetrySettings::from_env).
    ///
    /// ```
    /// use undaunted::RetryConfig;
    ///
    /// let config = RetryConfig::from_env("MY_APP_RETRY")?;
    /// assert_eq!(config, RetryConfig::default());
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Self, ParseConfigError> {
        refuse_unknown(prefix, &FIELDS)?;
        from_lookup(prefix, variable)
    }
}

/// Refuses a variable of this prefix that is none of these fields.
pub(crate) fn refuse_unknown(prefix: &str, fields: &[&str]) -> Result<(), ParseConfigError> {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    match first_unknown(variables, prefix, fields) {
        Some(name) => {
            let expected = format!("one of {prefix}_{{{}}}", fields.join(", ").to_uppercase());
            Err(ParseConfigError::new("a variable", &name, expected))
        }
        None => Ok(()),
    }
}

/// The first variable of this prefix, by name, that is none of these fields. Another case of its
/// letters is another name.
fn first_unknown(
    variables: impl Iterator<Item = String>,
    prefix: &str,
    fields: &[&str],
) -> Option<String> {
    let is_field = |name: &str| fields.iter().any(|field| field.to_uppercase() == name);
    let unknown = variables.filter(|name| {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|field| !is_field(field))
    });
    unknown.min()
}

/// The value of an environment variable, if it is set.
pub(crate) fn variable(name: &str) -> Result<Option<String>, ParseConfigError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(value)) => {
            let value = value.to_string_lossy();
            Err(ParseConfigError::new(name, &value, "text"))
        }
    }
}

/// A policy from variables of this prefix, which may come from anywhere.
pub(crate) fn from_lookup(
    prefix: &str,
    lookup: impl Fn(&str) -> Result<Option<String>, ParseConfigError>,
) -> Result<RetryConfig, ParseConfigError> {
    let mut builder = RetryConfig::builder();
    for field in FIELDS {
        let name = format!("{prefix}_{}", field.to_uppercase());
        if let Some(value) = lookup(&name)? {
            builder = set(builder, field, &value).map_err(|error| error.named(&name))?;
        }
    }
    builder.build().map_err(|error| {
        let name = format!("{prefix}_{}", error.field().to_uppercase());
        ParseConfigError::from(error).named(name)
    })
}

/// Sets a field to what a text says.
pub(crate) fn set(
    builder: RetryConfigBuilder,
    field: &str,
    value: &str,
) -> Result<RetryConfigBuilder, ParseConfigError> {
    let duration = || parse_duration(value);
    let limit = || -> Result<Option<Duration>, ParseConfigError> { duration().map(Some) };
    Ok(match field {
        "max_retries" => builder.max_retries(number(value, "a whole number from 0")?),
        "base_delay" => builder.base_delay(duration()?),
        "throttled_base_delay" => builder.throttled_base_delay(limit()?),
        "max_delay" => builder.max_delay(duration()?),
        "exponential_base" => builder.exponential_base(number(value, "a number of at least 1")?),
        "jitter" => builder.jitter(value.parse::<Jitter>()?),
        "max_retry_after" => builder.max_retry_after(duration()?),
        "attempt_timeout" => builder.attempt_timeout(limit()?),
        _ => builder.total_timeout(limit()?),
    })
}

fn number<T: FromStr>(value: &str, expected: &str) -> Result<T, ParseConfigError> {
    value
        .trim()
        .parse()
        .map_err(|_| ParseConfigError::new("the number", value, expected))
}

/// The fields of a policy, under the names that they have everywhere.
pub(crate) const FIELDS: [&str; 9] = [
    "max_retries",
    "base_delay",
    "throttled_base_delay",
    "max_delay",
    "exponential_base",
    "jitter",
    "max_retry_after",
    "attempt_timeout",
    "total_timeout",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<RetryConfig, ParseConfigError> {
        from_lookup("APP", |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn every_variable_is_read() {
        let config = from(&[
            ("APP_MAX_RETRIES", "7"),
            ("APP_BASE_DELAY", "250ms"),
            ("APP_THROTTLED_BASE_DELAY", "2"),
            ("APP_MAX_DELAY", "1m"),
            ("APP_EXPONENTIAL_BASE", "1.5"),
            ("APP_JITTER", "full"),
            ("APP_MAX_RETRY_AFTER", "10s"),
            ("APP_ATTEMPT_TIMEOUT", "3s"),
            ("APP_TOTAL_TIMEOUT", "5m"),
        ]);
        let expected = RetryConfig::builder()
            .max_retries(7)
            .base_delay(Duration::from_millis(250))
            .throttled_base_delay(Some(Duration::from_secs(2)))
            .exponential_base(1.5)
            .jitter(Jitter::Full)
            .max_retry_after(Duration::from_secs(10))
            .attempt_timeout(Some(Duration::from_secs(3)))
            .total_timeout(Some(Duration::from_secs(300)))
            .build();
        assert_eq!(config, Ok(expected.unwrap()));
        assert_eq!(from(&[]), Ok(RetryConfig::default()));
    }

    #[test]
    fn a_variable_in_another_case_is_not_taken_for_one_that_is_read() {
        let unknown = |name: &str| first_unknown([name.to_owned()].into_iter(), "APP", &FIELDS);
        for name in ["APP_MAX_RETRIES", "APPLE_max_retries", "OTHER"] {
            assert_eq!(unknown(name), None);
        }
        for name in ["APP_max_retries", "APP_Max_Retries", "APP_MAX_RETRYS"] {
            assert_eq!(unknown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_bad_value_names_variable_value_and_what_would_be_right() {
        for (name, value, expected) in [
            ("APP_MAX_RETRIES", "-1", "a whole number"),
            ("APP_MAX_RETRIES", "3.5", "a whole number"),
            ("APP_BASE_DELAY", "soon", "500ms"),
            ("APP_EXPONENTIAL_BASE", "x", "at least 1"),
            ("APP_EXPONENTIAL_BASE", "0.5", "at least 1"),
            ("APP_JITTER", "2", "from 0 to 1"),
            ("APP_TOTAL_TIMEOUT", "0", "longer than zero"),
        ] {
            let message = from(&[(name, value)]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name} is ")), "{message}");
            assert!(message.contains(value), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }
}
