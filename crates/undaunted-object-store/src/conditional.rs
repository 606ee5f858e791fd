//! Writes under a condition: repeated like any other, but a conflict after an attempt that
//! may have been applied is a question and not an answer.

use std::future::Future;

use object_store::path::Path;
use object_store::{Error, ObjectMeta, Result};
use undaunted::{Event, Retryable};

use crate::classify::proves_not_applied;
use crate::error::Ambiguous;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::Outcome;
use crate::watch::{Reported, Watch};

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
    let watch = Watch::new(policy, operation, location);
    let see = |event: &Event<'_>| watch.see(event);
    let mut call = policy.call(operation, location, &see);
    let mut maybe_applied = false;
    let error = loop {
        match call.attempt(attempt()).await {
            Ok(value) => {
                drop(call);
                return Ok(watch.report_in(value));
            }
            Err(error) if maybe_applied && questions.include(&error) => break error,
            Err(error) => {
                maybe_applied |= !proves_not_applied(&error);
                call.failed(error).await?;
            }
        }
    };
    let error = match resolve().await {
        Outcome::Ours(meta) => {
            let value = call.attempt(async { Ok(answer(meta)) }).await?;
            drop(call);
            return Ok(watch.report_in(value));
        }
        Outcome::Conflict => error,
        Outcome::Undecided(reason) => Ambiguous::error(operation, location, reason, error),
    };
    Err(call.give_up(error).await)
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
