//! Rules of the caller's own: what a status, a code, a text or a type of error means with the
//! service that is called. Pure, like all that decides.

mod builder;
mod rule;
#[cfg(feature = "serde")]
mod serde;
mod settings;
mod statuses;
mod text;

pub use builder::RulesBuilder;
pub use settings::RetrySettings;
pub use statuses::Statuses;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use self::rule::{Known, Rule};
use crate::errors::http::HttpFailure;
use crate::verdict::{Retryable, Verdict};

/// Rules that come before an error's own verdict: "our gateway's 423 is transient", "this code is
/// permanent".
///
/// ```
/// use undaunted::{HttpFailure, Rules, Verdict};
///
/// let rules = Rules::builder()
///     .retryable_status([423])
///     .retryable_status(520..=527)
///     .permanent_codes(["QuotaExceeded"])
///     .build()?;
/// let judged = |failure: HttpFailure| rules.judge(&failure);
///
/// let locked = judged(HttpFailure::new(423)).expect("a rule");
/// assert_eq!(locked.verdict, Verdict::TRANSIENT);
/// assert_eq!(locked.rule.as_deref(), Some("retryable_status 423"));
///
/// let full = judged(HttpFailure::new(503).with_code("QuotaExceeded")).expect("a rule");
/// assert_eq!(full.verdict, Verdict::Permanent);
/// // No rule: the error's own verdict decides.
/// assert!(judged(HttpFailure::new(503)).is_none());
/// # Ok::<(), undaunted::ParseConfigError>(())
/// ```
///
/// They are given to [`Retry::rules`](crate::Retry::rules), [`Session::rules`](crate::Session),
/// `#[retry(rules = ..)]`, and the `classify` of a `RetryStoreBuilder`. In a file or the environment
/// they stand beside the policy: see [`RetrySettings`]. Events, reports and log lines say which
/// rule decided.
///
/// # Which rule decides
///
/// The most specific one: a [function](RulesBuilder::classify), then a code, then a text, then a
/// status. Of several of the same kind a permanent one comes before a throttled one, and that
/// before a transient one. So `retryable_status = 500-599` can be narrowed by
/// `permanent_status = 507`, and both by a code.
///
/// Status and code are those of the first [`HttpFailure`] among the error and its causes. Errors of
/// other clients have what they know: see
/// [the table](crate::guide::other_clients#rules-of-your-own). Codes are compared without the case of
/// their letters and without underscores, so that gRPC's `RESOURCE_EXHAUSTED` is tonic's
/// `ResourceExhausted`. A wait that the service asks for is obeyed whichever rule decides.
///
/// # What no rule changes
///
/// - A success. No rule sees a response of 200 to 299, unless it holds an error document, and that
///   only by its code or text.
/// - A fact. 304 and 412 say that a condition does not hold, 404 that there is nothing, and
///   409 that there is something. They are never retried, but 404 and 409 with a code of their own:
///   name it (`retryable_codes = LockHeld`). A rule that tries is refused when it is built, and a
///   function is overruled.
/// - What shows whether a write was applied. Rules are no evidence: a store that resolves a lost
///   response does so by what is there.
/// - A time limit that cannot be enforced.
#[derive(Clone, Default)]
pub struct Rules {
    /// In the order in which they are asked.
    rules: Vec<Rule>,
}

/// What a failure was judged to be, and by which rule, if one decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the failure means.
    pub verdict: Verdict,
    /// The rule as its user wrote it, such as `retryable_status 423`. `None` where the error's own
    /// verdict counts.
    pub rule: Option<Arc<str>>,
}

impl Rules {
    /// No rules.
    pub const NONE: Self = Self { rules: Vec::new() };

    /// Starts without rules.
    pub fn builder() -> RulesBuilder {
        RulesBuilder::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the rules say of this error; `None` if they say nothing.
    #[must_use]
    pub fn judge(&self, error: &(dyn Error + 'static)) -> Option<Judgement> {
        self.judge_with(error, None)
    }

    /// [`judge`](Self::judge), of an error that does not hold the service's response, where the
    /// caller has it.
    #[must_use]
    pub fn judge_with(
        &self,
        error: &(dyn Error + 'static),
        response: Option<&HttpFailure>,
    ) -> Option<Judgement> {
        if self.rules.is_empty() {
            return None;
        }
        let known = Known::of(error, response);
        self.rules.iter().find_map(|rule| {
            let verdict = rule.verdict(&known)?;
            Some(Judgement {
                verdict,
                rule: Some(Arc::clone(&rule.name)),
            })
        })
    }

    /// [`judge`](Self::judge), of an error that knows its response by itself
    /// ([`Retryable::failed_response`]); `looked_into` is the same error.
    #[must_use]
    pub fn judge_retryable<E: Retryable>(
        &self,
        error: &E,
        looked_into: &(dyn Error + 'static),
    ) -> Option<Judgement> {
        if self.rules.is_empty() {
            return None;
        }
        let response = error.failed_response().map(HttpFailure::from);
        self.judge_with(looked_into, response.as_ref())
    }
}

impl From<Verdict> for Judgement {
    /// A judgement that no rule made.
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            rule: None,
        }
    }
}

/// Rules are equal if they are written alike; functions, if they are the same one.
impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.rules.len() == other.rules.len()
            && self
                .rules
                .iter()
                .zip(&other.rules)
                .all(|(one, other)| one.is_same(other))
    }
}

/// The rules as they are written, in the order in which they are asked.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, rule) in self.rules.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{}", rule.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.rules.iter().map(|rule| &*rule.name))
            .finish()
    }
}

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod tests;
