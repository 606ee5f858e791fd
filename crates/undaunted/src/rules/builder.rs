//! Builds rules, and refuses those that could not hold.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Rules;
use super::rule::{Outcome, Rule, Test, is_empty_code, states_fact};
use super::statuses::Statuses;
use crate::config::ParseConfigError;
use crate::verdict::Verdict;

/// Builds [`Rules`]. Each method may be called again, and adds to what is there.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RulesBuilder {
    rules: Vec<Rule>,
    /// The first rule that was refused.
    refused: Option<ParseConfigError>,
    spelling: Option<Arc<Spelling>>,
}

/// How a field such as `retryable_status` is called where the user wrote it.
type Spelling = dyn Fn(&str) -> String + Send + Sync;

/// The methods for one outcome: `$outcome_status`, `$outcome_codes`, `$outcome_text`.
macro_rules! lists {
    ($($outcome:ident, $meaning:literal: $statuses:ident, $codes:ident, $texts:ident;)*) => {
        impl RulesBuilder {
            $(
                #[doc = concat!("Responses with these statuses are ", $meaning, ": `[423, 425]`, or `520..=527`.")]
                ///
                /// A range leaves the facts in it as they are; one that is named is refused.
                pub fn $statuses(self, statuses: impl Statuses) -> Self {
                    statuses.ranges().into_iter().fold(self, |builder, range| {
                        builder.status(stringify!($statuses), Outcome::$outcome, range)
                    })
                }

                #[doc = concat!("Failures with these codes of the service, in any case of their letters, are ", $meaning, ".")]
                pub fn $codes<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
                    codes.into_iter().fold(self, |builder, code| {
                        builder.code(stringify!($codes), Outcome::$outcome, &code.into())
                    })
                }

                #[doc = concat!("Errors whose text, or that of a cause, contains one of these, in any case of its letters, are ", $meaning, ".")]
                ///
                /// Texts change from release to release, and may have names of objects in them: use
                /// one where there is neither a status nor a code.
                pub fn $texts<T: Into<String>>(self, texts: impl IntoIterator<Item = T>) -> Self {
                    texts.into_iter().fold(self, |builder, text| {
                        builder.text(stringify!($texts), Outcome::$outcome, text.into())
                    })
                }
            )*
        }
    };
}

lists! {
    Transient, "transient": retryable_status, retryable_codes, retryable_text;
    Throttled, "throttled": throttled_status, throttled_codes, throttled_text;
    Permanent, "permanent": permanent_status, permanent_codes, permanent_text;
}

impl RulesBuilder {
    /// A function decides: it is asked of the error, and of each of its causes, until it gives a
    /// verdict. `name` is what events call the rule.
    ///
    /// ```
    /// use std::io;
    /// use undaunted::{Rules, Verdict};
    ///
    /// let rules = Rules::builder()
    ///     .classify("busy files", |error| {
    ///         let error = error.downcast_ref::<io::Error>()?;
    ///         (error.kind() == io::ErrorKind::ExecutableFileBusy).then_some(Verdict::TRANSIENT)
    ///     })
    ///     .build()?;
    /// let busy = io::Error::from(io::ErrorKind::ExecutableFileBusy);
    /// let judged = rules.judge(&busy).expect("a rule");
    /// assert_eq!(judged.rule.as_deref(), Some("classify busy files"));
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    pub fn classify(
        mut self,
        name: &str,
        function: impl Fn(&(dyn Error + 'static)) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(Rule {
            test: Test::Function(Arc::new(function)),
            outcome: Outcome::Permanent,
            name: format!("classify {name}").into(),
        });
        self
    }

    /// Adds these rules, such as those of a configuration file to those of the program.
    pub fn and(mut self, rules: &Rules) -> Self {
        self.rules.extend(rules.rules.iter().cloned());
        self
    }

    /// Lets errors call the fields as their user knows them: by a flag, or a variable.
    ///
    /// ```
    /// use undaunted::Rules;
    ///
    /// let flags = Rules::builder().spelled(|field| format!("--{}", field.replace('_', "-")));
    /// let error = flags.retryable_status([200]).build().unwrap_err();
    /// assert!(error.to_string().starts_with("--retryable-status is \"200\", but must be"));
    /// ```
    pub fn spelled(mut self, spelling: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.spelling = Some(Arc::new(spelling));
        self
    }

    /// Checks the rules.
    ///
    /// # Errors
    ///
    /// [`ParseConfigError`] for the first rule that could not hold: a status that is no failure, a
    /// fact that is to be retried, an empty code or text. It says what to write instead.
    ///
    /// ```
    /// use undaunted::Rules;
    ///
    /// let error = Rules::builder().retryable_status([404]).build().unwrap_err();
    /// assert!(error.to_string().starts_with("retryable_status is \"404\", but must be"));
    /// ```
    pub fn build(self) -> Result<Rules, ParseConfigError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let mut rules = self.rules;
        // Stable: functions stay in the order in which they were added.
        rules.sort_by_key(Rule::rank);
        Ok(Rules { rules })
    }

    pub(super) fn status(
        self,
        field: &'static str,
        outcome: Outcome,
        statuses: RangeInclusive<u16>,
    ) -> Self {
        let (first, last) = (*statuses.start(), *statuses.end());
        let written = if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        };
        let is_status = first <= last && FAILURES.contains(&first) && FAILURES.contains(&last);
        // A range may hold them, and leaves them as they are.
        let is_fact = first == last && FACTS.contains(&first);
        if !is_status {
            return self.refuse(field, &written, STATUS);
        }
        if is_fact && outcome != Outcome::Permanent {
            let expected = self.no_fact(outcome);
            return self.refuse(field, &written, &expected);
        }
        self.with(field, &written, outcome, Test::Status(statuses))
    }

    pub(super) fn code(self, field: &'static str, outcome: Outcome, code: &str) -> Self {
        if is_empty_code(code) {
            return self.refuse(field, code, CODE);
        }
        if outcome != Outcome::Permanent && states_fact(code) {
            let expected = self.no_fact(outcome);
            return self.refuse(field, code, &expected);
        }
        let written = code.trim().to_owned();
        self.with(field, &written, outcome, Test::Code(written.clone()))
    }

    pub(super) fn text(self, field: &'static str, outcome: Outcome, text: String) -> Self {
        if text.trim().is_empty() {
            return self.refuse(field, &text, TEXT);
        }
        let written = format!("{text:?}");
        self.with(field, &written, outcome, Test::Text(text))
    }

    fn with(mut self, field: &str, written: &str, outcome: Outcome, test: Test) -> Self {
        self.rules.push(Rule {
            test,
            outcome,
            name: format!("{field} {written}").into(),
        });
        self
    }

    pub(super) fn refuse(mut self, field: &str, written: &str, expected: &str) -> Self {
        if self.refused.is_none() {
            let field = self.spell(field);
            self.refused = Some(ParseConfigError::new(&field, written, expected));
        }
        self
    }

    /// What would be right where a fact is to be retried.
    fn no_fact(&self, outcome: Outcome) -> String {
        let codes = self.spell(match outcome {
            Outcome::Throttled => "throttled_codes",
            Outcome::Permanent | Outcome::Transient => "retryable_codes",
        });
        format!("{NO_FACT} {codes}")
    }

    fn spell(&self, field: &str) -> String {
        let spelling = self.spelling.as_ref();
        spelling.map_or_else(|| field.to_owned(), |spelling| spelling(field))
    }
}

impl fmt::Debug for RulesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.rules.iter().map(|rule| &*rule.name))
            .finish()
    }
}

/// Statuses of responses that are no success and not a mere beginning of one.
const FAILURES: RangeInclusive<u16> = 300..=599;

/// Statuses that state a fact: of an object, or of a condition.
const FACTS: [u16; 4] = [304, 404, 409, 412];

pub(super) const STATUS: &str = "a status from 300 to 599, or a range such as 520-527";

const NO_FACT: &str = "a failure: this states a fact (there is such an object, there \
                         is none, or a condition does not hold), which another attempt does not \
                         change. Where the service says it of something that passes, name its own \
                         code in";

pub(super) const CODE: &str = "a code of the service such as SlowDown";

pub(super) const TEXT: &str = "a part of an error's text";
