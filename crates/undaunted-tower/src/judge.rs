//! Who judges errors and responses: the tables of the core, and rules of the user's own before them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use undaunted::builder::AsError;
use undaunted::{HttpFailure, Judgement, Retryable, Rules};

/// Who judges the errors and responses of an [`HttpProtocol`](crate::HttpProtocol).
pub trait Judge<E> {
    /// What an error means.
    fn judge(&self, error: &E) -> Judgement;

    /// What a response means whose status is a failure.
    fn judge_response(&self, failure: &HttpFailure) -> Judgement;
}

/// Their own verdicts count.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByVerdict;

impl<E: Retryable> Judge<E> for ByVerdict {
    fn judge(&self, error: &E) -> Judgement {
        error.verdict().into()
    }

    fn judge_response(&self, failure: &HttpFailure) -> Judgement {
        failure.verdict().into()
    }
}

/// [`Rules`] decide, and their own verdicts count where no rule applies. `W` is the way in which an
/// error is one, see [`AsError`]; the compiler finds it.
pub struct ByRules<W> {
    rules: Arc<Rules>,
    way: PhantomData<fn() -> W>,
}

impl<W> ByRules<W> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules: Arc::new(rules),
            way: PhantomData,
        }
    }
}

impl<E: Retryable + AsError<W>, W> Judge<E> for ByRules<W> {
    fn judge(&self, error: &E) -> Judgement {
        let judged = self.rules.judge_retryable(error, error.as_error());
        judged.unwrap_or_else(|| error.verdict().into())
    }

    fn judge_response(&self, failure: &HttpFailure) -> Judgement {
        let judged = self.rules.judge(failure);
        judged.unwrap_or_else(|| failure.verdict().into())
    }
}

impl<W> Clone for ByRules<W> {
    fn clone(&self) -> Self {
        Self {
            rules: Arc::clone(&self.rules),
            way: PhantomData,
        }
    }
}

impl<W> fmt::Debug for ByRules<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByRules").field(&self.rules).finish()
    }
}
