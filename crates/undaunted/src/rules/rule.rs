//! One rule, and what it is compared with.

use std::error::Error;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::errors::{self, along_causes, http::HttpFailure};
use crate::verdict::{TimedOut, Verdict};

/// A rule: what it applies to, and what that means.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) test: Test,
    pub(super) outcome: Outcome,
    /// As its user wrote it.
    pub(super) name: Arc<str>,
}

/// What a rule applies to, the most specific first.
#[derive(Clone)]
pub(super) enum Test {
    Function(Arc<Function>),
    /// In any case of its letters, with underscores or without.
    Code(String),
    /// A part of the text of the error or of a cause, in any case of its letters.
    Text(String),
    Status(RangeInclusive<u16>),
}

/// What a function of the caller's says of an error.
pub(super) type Function = dyn Fn(&(dyn Error + 'static)) -> Option<Verdict> + Send + Sync;

/// What a rule makes of a failure, in the order in which rules of one kind are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Permanent,
    Throttled,
    Transient,
}

impl Rule {
    /// The order in which rules are asked.
    pub(super) fn rank(&self) -> (u8, Outcome) {
        let kind = match self.test {
            // In the order in which they were added.
            Test::Function(_) => return (0, Outcome::Permanent),
            Test::Code(_) => 1,
            Test::Text(_) => 2,
            Test::Status(_) => 3,
        };
        (kind, self.outcome)
    }

    /// What the rule makes of an error; nothing if it does not apply.
    pub(super) fn verdict(&self, known: &Known<'_>) -> Option<Verdict> {
        let retry_after = known.retry_after;
        let verdict = match &self.test {
            Test::Function(function) => {
                along_causes(known.error).find_map(|link| function(link))?
            }
            test if test.applies_to(known) => match self.outcome {
                Outcome::Permanent => Verdict::Permanent,
                Outcome::Throttled => Verdict::Throttled { retry_after },
                Outcome::Transient => Verdict::Transient { retry_after },
            },
            _ => return None,
        };
        let is_by_code = matches!(self.test, Test::Code(_));
        let is_allowed = !verdict.is_retryable() || known.may_be_retried(is_by_code);
        is_allowed.then_some(verdict)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.test, &other.test) {
            (Test::Function(one), Test::Function(other)) => Arc::ptr_eq(one, other),
            _ => self.name == other.name,
        }
    }
}

impl Test {
    fn applies_to(&self, known: &Known<'_>) -> bool {
        match self {
            Self::Function(_) => false,
            Self::Code(code) => known.code.is_some_and(|of| is_same_code(of, code)),
            Self::Text(text) => {
                let text = text.to_ascii_lowercase();
                let said = |link: &dyn Error| link.to_string().to_ascii_lowercase();
                along_causes(known.error).any(|link| said(link).contains(&text))
            }
            Self::Status(statuses) => known
                .status
                .is_some_and(|status| statuses.contains(&status)),
        }
    }
}

/// What is known of a failure.
pub(super) struct Known<'e> {
    error: &'e (dyn Error + 'static),
    status: Option<u16>,
    code: Option<&'e str>,
    retry_after: Option<Duration>,
    /// Whether the failure is a limit that cannot be enforced.
    is_refused_limit: bool,
}

impl<'e> Known<'e> {
    pub(super) fn of(error: &'e (dyn Error + 'static), response: Option<&'e HttpFailure>) -> Self {
        let mut links = along_causes(error);
        let failure = links
            .find_map(|link| link.downcast_ref::<HttpFailure>())
            .or(response);
        let by_type = || along_causes(error).find_map(errors::status);
        let code_by_type = || along_causes(error).find_map(errors::code);
        let hint_by_type = || along_causes(error).find_map(errors::retry_after);
        let limit = along_causes(error).find_map(|link| link.downcast_ref::<TimedOut>());
        Self {
            error,
            status: failure.map(HttpFailure::status).or_else(by_type),
            code: failure.and_then(HttpFailure::code).or_else(code_by_type),
            retry_after: failure
                .and_then(HttpFailure::retry_after)
                .or_else(hint_by_type),
            is_refused_limit: matches!(limit, Some(TimedOut::CannotCut { .. })),
        }
    }

    /// Whether the failure may be retried because a rule says so. A fact may not.
    fn may_be_retried(&self, is_by_code: bool) -> bool {
        match self.status {
            _ if self.is_refused_limit => false,
            Some(304 | 412) => false,
            Some(404 | 409) => is_by_code && !self.code.is_some_and(states_fact),
            _ => true,
        }
    }
}

/// Whether a code says that something is there, or not, or is not what a condition wants.
pub(super) fn states_fact(code: &str) -> bool {
    FACTS.iter().any(|fact| is_same_code(fact, code))
}

/// Whether two codes are the same but for the case of their letters and for underscores.
fn is_same_code(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

/// Whether nothing is left of a code that could be compared.
pub(super) fn is_empty_code(code: &str) -> bool {
    letters(code.trim()).next().is_none()
}

fn letters(code: &str) -> impl Iterator<Item = u8> {
    let bytes = code.bytes().filter(|byte| *byte != b'_');
    bytes.map(|byte| byte.to_ascii_lowercase())
}

/// The codes by which S3, Google Cloud Storage, Azure, gRPC and OpenDAL state a fact.
pub(super) const FACTS: [&str; 14] = [
    "AlreadyExists",
    "BlobAlreadyExists",
    "BlobNotFound",
    "conditionNotMet",
    "ConditionNotMatch",
    "InvalidBlobOrBlock",
    "NoSuchKey",
    "NoSuchVersion",
    "NotFound",
    "NotModified",
    "PreconditionFailed",
    "SourceConditionNotMet",
    "TargetConditionNotMet",
    "UnmodifiedSinceConditionNotMet",
];
