//! Rules of the user's own: what a status, a code or a text means with the service at hand.

use clap::Args;
use undaunted::{ParseConfigError, Rules};

/// A flag for each list of rules, under the names that they have in configuration files.
#[derive(Args, Debug, Default)]
#[command(
    next_help_heading = "Rules (before what a response means by itself; a LIST has commas, a TEXT is one)"
)]
pub(crate) struct RuleArgs {
    /// Statuses that are retried, such as 423,520-527.
    ///
    /// The most specific rule decides: a code before a text, and that before a status. Of several of
    /// the same kind a permanent one comes first, then a throttled one. With -v the log says which
    /// rule decided. 304, 404, 409 and 412 state facts and are not retried, but 404 and 409 by a
    /// code of their own.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    retryable_status: Vec<String>,

    /// Codes of the service that are retried, such as LockHeld.
    #[arg(long, value_name = "LIST")]
    retryable_codes: Vec<String>,

    /// Retries failures whose text contains this (repeatable).
    #[arg(long, value_name = "TEXT")]
    retryable_text: Vec<String>,

    /// Statuses by which the service asks to slow down.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    throttled_status: Vec<String>,

    /// Codes by which the service asks to slow down.
    #[arg(long, value_name = "LIST")]
    throttled_codes: Vec<String>,

    /// Text by which the service asks to slow down (repeatable).
    #[arg(long, value_name = "TEXT")]
    throttled_text: Vec<String>,

    /// Statuses that are not retried, such as 500.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    permanent_status: Vec<String>,

    /// Codes of the service that are not retried, such as QuotaExceeded.
    #[arg(long, value_name = "LIST")]
    permanent_codes: Vec<String>,

    /// Does not retry failures whose text contains this (repeatable).
    #[arg(long, value_name = "TEXT")]
    permanent_text: Vec<String>,
}

impl RuleArgs {
    /// The rules. An error names the flag.
    pub(crate) fn rules(&self) -> Result<Rules, ParseConfigError> {
        let flag = |field: &str| format!("--{}", field.replace('_', "-"));
        let mut rules = Rules::builder().spelled(flag);
        for (field, given) in [
            ("retryable_status", &self.retryable_status),
            ("retryable_codes", &self.retryable_codes),
            ("retryable_text", &self.retryable_text),
            ("throttled_status", &self.throttled_status),
            ("throttled_codes", &self.throttled_codes),
            ("throttled_text", &self.throttled_text),
            ("permanent_status", &self.permanent_status),
            ("permanent_codes", &self.permanent_codes),
            ("permanent_text", &self.permanent_text),
        ] {
            for value in given {
                rules = rules.field(field, value)?;
            }
        }
        rules.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn flags_become_rules() {
        let args = RuleArgs {
            retryable_status: vec!["423,520-527".to_owned(), "418".to_owned()],
            throttled_codes: one("Calm"),
            permanent_codes: one("A, B"),
            permanent_text: one("no, never"),
            ..RuleArgs::default()
        };
        assert_eq!(
            args.rules().unwrap().to_string(),
            "permanent_codes A; permanent_codes B; throttled_codes Calm; \
             permanent_text \"no, never\"; retryable_status 423; retryable_status 520-527; \
             retryable_status 418"
        );
        assert!(RuleArgs::default().rules().unwrap().is_empty());
    }

    #[test]
    fn a_rule_that_cannot_hold_names_its_flag() {
        let status = RuleArgs {
            retryable_status: one("404"),
            ..RuleArgs::default()
        };
        let text = RuleArgs {
            permanent_text: one(" "),
            ..RuleArgs::default()
        };
        let code = RuleArgs {
            retryable_codes: one(""),
            ..RuleArgs::default()
        };
        for (args, start) in [
            (
                status,
                "--retryable-status is \"404\", but must be a failure: this states a fact",
            ),
            (
                code,
                "--retryable-codes is \"\", but must be a code of the service",
            ),
            (
                text,
                "--permanent-text is \" \", but must be a part of an error's text",
            ),
        ] {
            let message = args.rules().unwrap_err().to_string();
            assert!(message.starts_with(start), "{message}");
        }
        let throttled = RuleArgs {
            throttled_status: one("404"),
            ..RuleArgs::default()
        };
        let message = throttled.rules().unwrap_err().to_string();
        assert!(
            message.ends_with("its own code in --throttled-codes"),
            "{message}"
        );
    }
}
