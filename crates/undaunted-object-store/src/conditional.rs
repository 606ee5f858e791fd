//! Writes under a condition: repeated like any other, but a conflict after an attempt that
//! may have been applied is a question and not an answer.

use std::future::Future;

use object_store::path::Path;
use object_store::{Error, ObjectMeta, Result};
use undaunted::Retryable;

use crate::call::{Recorder, Reported};
use crate::error::Ambiguous;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::Outcome;

/// Which errors are an answer to the condition, and so a question after a lost answer.
#[derive(Clone, Copy)]
pub(crate) enum Questions {
    /// The conflicts: it exists already, it is another version.
    Conflicts,
    /// Every permanent error: services differ in what they answer to a repeated completion.
    AllPermanent,
}

/// Repeats `attempt`; asks `resolve` when an answer was lost and a question follows.
pub(crate) async fn retry<T: Reported, Fut, Res>(
    policy: &Policy,
    operation: Operation,
    location: &Path,
    questions: Questions,
    mut attempt: impl FnMut() -> Fut,
    resolve: impl FnOnce() -> Res,
    answer: impl FnOnce(ObjectMeta) -> T,
) -> Result<T>
where
    Fut: Future<Output = Result<T>>,
    Res: Future<Output = Outcome>,
{
    let recorder = Recorder::new(policy, operation, location);
    let on_event = recorder.on_event();
    let mut attempts = recorder.attempts(&on_event);
    let error = loop {
        match attempts.attempt(attempt()).await {
            Ok(value) => return Ok(recorder.report_in(value)),
            Err(error) if attempts.maybe_applied() && questions.include(&error) => break error,
            Err(error) => attempts.failed(error).await?,
        }
    };
    let error = match resolve().await {
        Outcome::Ours(meta) => {
            let value = attempts.succeed(answer(meta)).await?;
            return Ok(recorder.report_in(value));
        }
        Outcome::Conflict => error,
        Outcome::Undecided(reason) => Ambiguous::error(operation, location, reason, error),
    };
    Err(attempts.give_up(error).await)
}

impl Questions {
    fn include(self, error: &Error) -> bool {
        match self {
            Self::Conflicts => {
                matches!(
                    error,
                    Error::AlreadyExists { .. } | Error::Precondition { .. }
                )
            }
            Self::AllPermanent => !error.verdict().is_retryable(),
        }
    }
}
