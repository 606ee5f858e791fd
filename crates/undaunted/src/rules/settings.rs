//! A policy and the rules beside it, as a file or the environment has them.

use super::Rules;
use super::text::Field;
use crate::config::{FIELDS, ParseConfigError, RetryConfig, from_lookup, refuse_unknown, variable};

/// A policy and the rules beside it: what a configuration file or the environment says.
///
/// The policy is plain data that a constant can hold; rules have lists. So they are two, and this is
/// both, for where they are written in one place. With the feature `serde` it is read from a table
/// that has the fields of [`RetryConfig`] and the lists of [`Rules`]:
///
/// ```toml
/// [retry]
/// max_retries = 5
/// retryable_status = [423, "520-527"]
/// retryable_codes = ["LockHeld"]
/// permanent_codes = ["QuotaExceeded"]
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RetrySettings {
    /// How often and how patiently to retry.
    pub config: RetryConfig,
    /// What failures mean.
    pub rules: Rules,
}

impl RetrySettings {
    /// The default, with what environment variables of this prefix say: those of
    /// [`RetryConfig::from_env`], and with the prefix `UNDAUNTED`:
    ///
    /// | variable | value |
    /// |---|---|
    /// | `UNDAUNTED_RETRYABLE_STATUS`, `UNDAUNTED_THROTTLED_STATUS`, `UNDAUNTED_PERMANENT_STATUS` | `423, 520-527` |
    /// | `UNDAUNTED_RETRYABLE_CODES`, `UNDAUNTED_THROTTLED_CODES`, `UNDAUNTED_PERMANENT_CODES` | `LockHeld, WarmingUp` |
    /// | `UNDAUNTED_RETRYABLE_TEXT`, `UNDAUNTED_THROTTLED_TEXT`, `UNDAUNTED_PERMANENT_TEXT` | `upstream is warming up, try later`: one text, with its commas; several are one a line |
    ///
    /// # Errors
    ///
    /// As for [`RetryConfig::from_env`], and as for [`RulesBuilder::build`](super::RulesBuilder::build).
    ///
    /// ```
    /// use undaunted::{RetryConfig, RetrySettings, Rules};
    ///
    /// let settings = RetrySettings::from_env("MY_APP_RETRY")?;
    /// assert_eq!((settings.config, settings.rules), (RetryConfig::default(), Rules::NONE));
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Self, ParseConfigError> {
        let known: Vec<&str> = FIELDS
            .into_iter()
            .chain(Field::ALL.map(|field| field.name))
            .collect();
        refuse_unknown(prefix, &known)?;
        Self::from_lookup(prefix, variable)
    }

    fn from_lookup(
        prefix: &str,
        lookup: impl Fn(&str) -> Result<Option<String>, ParseConfigError>,
    ) -> Result<Self, ParseConfigError> {
        let variable = {
            let prefix = prefix.to_owned();
            move |field: &str| format!("{prefix}_{}", field.to_uppercase())
        };
        let mut rules = Rules::builder().spelled(variable.clone());
        for field in Field::ALL {
            let Some(text) = lookup(&variable(field.name))? else {
                continue;
            };
            // A text may have commas, so several are one a line.
            rules = if field.is_text() && !text.trim().is_empty() {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                lines.fold(rules, |rules, line| rules.items(field, line))
            } else {
                rules.items(field, &text)
            };
        }
        Ok(Self {
            config: from_lookup(prefix, lookup)?,
            rules: rules.build()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<RetrySettings, ParseConfigError> {
        RetrySettings::from_lookup("APP", |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn policy_and_rules_are_read_together() {
        let settings = from(&[
            ("APP_MAX_RETRIES", "7"),
            ("APP_RETRYABLE_STATUS", "423, 520-527"),
            ("APP_PERMANENT_CODES", "QuotaExceeded,"),
            ("APP_THROTTLED_TEXT", "calm down"),
        ])
        .unwrap();
        assert_eq!(settings.config.max_retries(), 7);
        assert_eq!(
            settings.rules.to_string(),
            "permanent_codes QuotaExceeded; throttled_text \"calm down\"; \
             retryable_status 423; retryable_status 520-527"
        );
        assert_eq!(from(&[]), Ok(RetrySettings::default()));
    }

    #[test]
    fn a_text_keeps_its_commas_and_several_are_one_a_line() {
        let rules = |text| from(&[("APP_RETRYABLE_TEXT", text)]).unwrap().rules;
        assert_eq!(
            rules("warming up, try later").to_string(),
            "retryable_text \"warming up, try later\""
        );
        assert_eq!(
            rules("one, two\nthree\n").to_string(),
            "retryable_text \"one, two\"; retryable_text \"three\""
        );
    }

    #[test]
    fn a_bad_rule_names_its_variable() {
        for (name, value, words) in [
            ("APP_RETRYABLE_STATUS", "200", "from 300 to 599"),
            ("APP_RETRYABLE_STATUS", "soon", "such as 520-527"),
            // Only texts are one a line.
            ("APP_RETRYABLE_STATUS", "423\n520", "such as 520-527"),
            ("APP_THROTTLED_STATUS", "412", "states a fact"),
            ("APP_RETRYABLE_CODES", "NoSuchKey", "states a fact"),
            ("APP_RETRYABLE_STATUS", "404", "code in APP_RETRYABLE_CODES"),
            ("APP_THROTTLED_STATUS", "409", "code in APP_THROTTLED_CODES"),
            ("APP_RETRYABLE_STATUS", "", "such as 520-527"),
            ("APP_RETRYABLE_CODES", " , ", "such as SlowDown"),
            ("APP_RETRYABLE_CODES", "___", "such as SlowDown"),
            ("APP_PERMANENT_TEXT", " ", "a part of an error's text"),
        ] {
            let message = from(&[(name, value)]).unwrap_err().to_string();
            let start = format!("{name} is {value:?}, but must be ");
            assert!(message.starts_with(&start), "{message}");
            assert!(message.contains(words), "{message}");
        }
    }
}
