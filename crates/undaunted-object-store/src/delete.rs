//! Deletes: every key is retried, and reported once, in the order it came.
//!
//! Keys go to the store many at a time, since some stores delete a thousand in a request. Such
//! a store may report one error for a whole batch, so results are counted: keys without a result
//! of their own are unknown, not failed, and are retried.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, Result};
use undaunted::HttpFailure;

use crate::call::Recorder;
use crate::error::generic;
use crate::evidence::proves_not_applied;
use crate::full_text::full_text;
use crate::observe::{Observed, observe};
use crate::operation::Operation;
use crate::policy::Policy;

/// Deletes one object. "Not found" is an error at the first attempt, and a success once an
/// earlier attempt may have deleted it.
pub(crate) async fn one<S: ObjectStore>(inner: &S, policy: &Policy, location: &Path) -> Result<()> {
    let recorder = Recorder::new(policy, Operation::Delete, location);
    let on_event = recorder.on_event();
    let mut attempts = recorder.attempts(&on_event);
    loop {
        let maybe_applied = attempts.maybe_applied();
        let attempt = async {
            let (result, seen) = observe(inner.delete(location)).await;
            outcome(result, maybe_applied, location, &seen)
        };
        match attempts.attempt(attempt).await {
            Ok(()) => return Ok(()),
            Err(error) => attempts.failed(error).await?,
        }
    }
}

/// Deletes many, in the order they come.
pub(crate) fn stream<S: ObjectStore>(
    inner: Arc<S>,
    policy: Arc<Policy>,
    locations: BoxStream<'static, Result<Path>>,
) -> BoxStream<'static, Result<Path>> {
    locations
        .ready_chunks(BATCH)
        .map(move |chunk| {
            let inner = Arc::clone(&inner);
            let policy = Arc::clone(&policy);
            async move { stream::iter(chunk_of(&*inner, &policy, chunk).await) }
        })
        .buffered(BATCHES)
        .flatten()
        .boxed()
}

/// Deletes a chunk of the caller's stream; its errors keep their places.
async fn chunk_of<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    chunk: Vec<Result<Path>>,
) -> Vec<Result<Path>> {
    let locations = chunk.iter().filter_map(|location| location.as_ref().ok());
    let locations = locations.cloned().collect();
    let mut deleted = batch(inner, policy, locations).await.into_iter();
    chunk
        .into_iter()
        .map(|location| match location {
            Ok(location) => deleted.next().unwrap_or(Ok(location)),
            Err(error) => Err(error),
        })
        .collect()
}

/// Deletes these keys; one result each, in their order.
async fn batch<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    locations: Vec<Path>,
) -> Vec<Result<Path>> {
    match &locations[..] {
        [] => return Vec::new(),
        [location] => {
            return vec![
                one(inner, policy, location)
                    .await
                    .map(|()| location.clone()),
            ];
        }
        _ => {}
    }
    let first = locations[0].clone();
    let mut keys: Vec<PendingDelete> = locations.into_iter().map(PendingDelete::new).collect();
    let recorder = Recorder::new(policy, Operation::Delete, &first);
    let on_event = recorder.on_event();
    let mut attempts = recorder.attempts(&on_event);
    loop {
        match attempts.attempt(attempt(inner, policy, &mut keys)).await {
            Ok(()) => break,
            Err(error) => {
                if let Err(error) = attempts.failed(error).await {
                    give_up(&mut keys, error);
                    break;
                }
            }
        }
    }
    keys.into_iter().map(PendingDelete::into_result).collect()
}

/// Deletes the keys that have no outcome yet; fails as long as some are to be retried.
async fn attempt<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    keys: &mut [PendingDelete],
) -> Result<()> {
    let mut open: Vec<&mut PendingDelete> = keys
        .iter_mut()
        .filter(|key| key.outcome.is_none())
        .collect();
    for key in &mut open {
        key.asked_again();
    }
    let asked: Vec<Result<Path>> = open.iter().map(|key| Ok(key.location.clone())).collect();
    let stream = inner.delete_stream(stream::iter(asked).boxed());
    let (results, seen) = observe(stream.collect::<Vec<_>>()).await;
    for key in &mut open {
        key.has_no_response = false;
    }

    let mut failure = None;
    if results.len() == open.len() {
        // Of several keys, nothing says whose response it was.
        let response = seen.last_failure.as_ref().filter(|_| open.len() == 1);
        for (key, result) in open.into_iter().zip(results) {
            let again = key.record(result.map(drop), policy, &seen, response);
            failure = again.or(failure);
        }
    } else {
        // Not a result for each: those that were deleted say so by name, and one error
        // speaks for all the others.
        for result in results {
            match result {
                Ok(location) => {
                    let deleted = open.iter_mut().find(|key| key.location == location);
                    if let Some(key) = deleted {
                        key.outcome = Some(Ok(()));
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        let error = failure.get_or_insert_with(|| generic("the store left some of the keys out"));
        let maybe_applied = !proves_not_applied(error);
        for key in open {
            key.maybe_applied |= maybe_applied;
        }
    }
    failure.map_or(Ok(()), Err)
}

/// One key of a batch, and what became of it.
struct PendingDelete {
    location: Path,
    maybe_applied: bool,
    /// Whether an attempt has been begun whose results are not there: one that a limit cuts has
    /// none, and may have deleted the key.
    has_no_response: bool,
    outcome: Option<Result<()>>,
}

impl PendingDelete {
    const fn new(location: Path) -> Self {
        Self {
            location,
            maybe_applied: false,
            has_no_response: false,
            outcome: None,
        }
    }

    /// An attempt begins.
    fn asked_again(&mut self) {
        self.maybe_applied |= std::mem::replace(&mut self.has_no_response, true);
    }

    /// Records a result of this key's own. It is the outcome, unless it is a failure that may be
    /// retried: that comes back, and the key stays open.
    fn record(
        &mut self,
        result: Result<()>,
        policy: &Policy,
        seen: &Observed,
        response: Option<&HttpFailure>,
    ) -> Option<Error> {
        match outcome(result, self.maybe_applied, &self.location, seen) {
            Err(error) if policy.is_retryable(&error, response) => {
                self.maybe_applied |= !proves_not_applied(&error);
                Some(error)
            }
            outcome => {
                self.outcome = Some(outcome);
                None
            }
        }
    }

    fn into_result(self) -> Result<Path> {
        match self.outcome {
            Some(outcome) => outcome.map(|()| self.location),
            None => Err(generic(
                "a delete ended without an outcome: internal error, please report it",
            )),
        }
    }
}

/// What the result of a delete means: "not found" is a success once an earlier attempt may have
/// deleted it, and an error has the code that the service gave this key.
fn outcome(
    result: Result<()>,
    maybe_applied: bool,
    location: &Path,
    seen: &Observed,
) -> Result<()> {
    match result {
        Err(Error::NotFound { .. }) if maybe_applied => Ok(()),
        result => result.map_err(|error| explain(location, error, seen)),
    }
}

/// The error of one key, with the service's code in place of what the client made of it.
fn explain(location: &Path, error: Error, seen: &Observed) -> Error {
    match seen.delete_failures.get(location.as_ref()) {
        Some(failure) if !matches!(error, Error::NotFound { .. }) => generic(KeyFailed {
            location: location.clone(),
            source: failure.clone(),
        }),
        _ => error,
    }
}

/// A key of a bulk delete that the service refused.
#[derive(Debug, thiserror::Error)]
#[error("deleting {location} failed")]
struct KeyFailed {
    location: Path,
    source: HttpFailure,
}

/// Every key that is still open fails with this error: the first with the error itself, the
/// others with its text.
fn give_up(keys: &mut [PendingDelete], error: Error) {
    let text = full_text(&error);
    let mut error = Some(error);
    for key in keys.iter_mut().filter(|key| key.outcome.is_none()) {
        let error = error.take().unwrap_or_else(|| generic(text.clone()));
        key.outcome = Some(Err(error));
    }
}

/// Keys handed to the store at a time: what S3 deletes in one request.
const BATCH: usize = 1000;

/// Batches under way at a time.
const BATCHES: usize = 4;

#[cfg(test)]
mod tests;
