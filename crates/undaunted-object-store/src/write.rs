//! Writes: puts, copies and renames.
//!
//! An overwrite is simply repeated. A write under a condition is repeated too, but a conflict
//! after an attempt that may have been applied does not say whose write is there, and retries
//! that end without a response say nothing of it: that is found out before anything is reported.

use std::future::Future;

use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, Extensions, ObjectMeta, ObjectStore, PutMode, PutOptions,
    PutPayload, PutResult, RenameOptions, Result,
};
use undaunted::Retryable;

use crate::attributes;
use crate::call::Recorder;
use crate::error::Ambiguous;
use crate::full_text::permanent;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::{Resolution, Resolver, Write};
use crate::token::Token;

/// Writes an object in one request.
pub(crate) async fn put<S: ObjectStore>(
    store: &S,
    policy: &Policy,
    location: &Path,
    payload: PutPayload,
    mut opts: PutOptions,
) -> Result<PutResult> {
    attributes::check(&opts.attributes)?;
    let token = match opts.mode {
        PutMode::Overwrite => None,
        PutMode::Create | PutMode::Update(_) => Token::added_to(&mut opts.attributes, policy),
    };
    let attempt = || store.put_opts(location, payload.clone(), opts.clone());
    let write = match opts.mode {
        PutMode::Create => Write::Create(token, &payload),
        PutMode::Update(_) => Write::Update(token, &payload),
        PutMode::Overwrite => {
            return policy
                .retry_reported(Operation::Put, location, attempt, |put| &mut put.extensions)
                .await;
        }
    };
    let conditional = ConditionalWrite {
        store,
        policy,
        location,
        write,
    };
    conditional.run(attempt).await
}

/// Copies an object within the store.
pub(crate) async fn copy<S: ObjectStore>(
    store: &S,
    policy: &Policy,
    from: &Path,
    to: &Path,
    options: CopyOptions,
) -> Result<()> {
    let attempt = || store.copy_opts(from, to, options.clone());
    if matches!(options.mode, CopyMode::Overwrite) {
        return policy.retry(Operation::Copy, to, attempt).await;
    }
    let conditional = ConditionalWrite {
        store,
        policy,
        location: to,
        write: Write::Copy { from },
    };
    conditional.run(attempt).await
}

/// Renames an object where that is one operation of the store.
pub(crate) async fn rename<S: ObjectStore>(
    store: &S,
    policy: &Policy,
    from: &Path,
    to: &Path,
    options: RenameOptions,
) -> Result<()> {
    let conditional = ConditionalWrite {
        store,
        policy,
        location: to,
        write: Write::Rename,
    };
    conditional
        .run(|| store.rename_opts(from, to, options.clone()))
        .await
}

/// A write under a condition, which is to take effect once.
pub(crate) struct ConditionalWrite<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) policy: &'a Policy,
    pub(crate) location: &'a Path,
    pub(crate) write: Write<'a>,
}

impl<S: ObjectStore> ConditionalWrite<'_, S> {
    /// Repeats `attempt`, and finds out what became of it where a response was lost and a
    /// conflict follows.
    pub(crate) async fn run<T: WriteResult, Fut>(
        self,
        mut attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let operation = self.operation();
        let recorder = Recorder::new(self.policy, operation, self.location);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        let (last, is_over) = loop {
            match attempts.attempt(attempt()).await {
                Ok(value) => return Ok(value.with_report(&recorder)),
                Err(error)
                    if attempts.maybe_applied()
                        && !attempts.is_retryable(&error)
                        && self.is_conflict(&error) =>
                {
                    break (attempts.attempt_failed(error), false);
                }
                Err(error) => match attempts.failed(error).await {
                    Ok(()) => {}
                    // A rule may have retried a conflict until the retries ended; it still has to be
                    // resolved.
                    Err(error)
                        if attempts.lost_a_response()
                            && (attempts.was_cut()
                                || error.verdict().is_retryable()
                                || self.is_conflict(&error)) =>
                    {
                        break (error, true);
                    }
                    Err(error) => return Err(error),
                },
            }
        };
        let resolver = Resolver {
            store: self.store,
            policy: self.policy,
            location: self.location,
            is_over,
        };
        // In a box, or its room would be moved with every write, and it is hardly ever needed.
        let resolving = Box::pin(resolver.resolve(&self.write));
        let resolving = recorder.trace().resolution(resolving, Resolution::as_str);
        let error = match resolving.await {
            Resolution::Applied(meta) if is_over => {
                recorder.trace().found_to_have_succeeded();
                let location = self.location;
                tracing::info!(
                    target: "undaunted::store",
                    %location,
                    "{operation} of {location} was applied, although no response said so"
                );
                return Ok(T::of(meta).with_report(&recorder));
            }
            Resolution::Applied(meta) => {
                attempts.succeed();
                let value = T::of(meta);
                return Ok(value.with_report(&recorder));
            }
            Resolution::Conflict => last,
            Resolution::Undecided(reason) => {
                Ambiguous::error(operation, self.location, reason, permanent(last))
            }
        };
        Err(if is_over {
            error
        } else {
            attempts.give_up(error).await
        })
    }

    const fn operation(&self) -> Operation {
        match self.write {
            Write::Create(..) | Write::Update(..) => Operation::Put,
            Write::Copy { .. } => Operation::Copy,
            Write::Complete(_) => Operation::CompleteMultipart,
            Write::Rename => Operation::Rename,
        }
    }

    /// Whether this permanent failure may be what a repeated write is told that has been applied
    /// already.
    fn is_conflict(&self, error: &Error) -> bool {
        match self.write {
            Write::Create(..) | Write::Copy { .. } => matches!(
                error,
                Error::AlreadyExists { .. } | Error::Precondition { .. }
            ),
            // What S3 says where the object was deleted since.
            Write::Update(..) => matches!(
                error,
                Error::AlreadyExists { .. } | Error::NotFound { .. } | Error::Precondition { .. }
            ),
            // Services differ in what they say to a second completion.
            Write::Complete(_) | Write::Rename => true,
        }
    }
}

/// A result of a write.
pub(crate) trait WriteResult {
    /// The result of the write that left this.
    fn of(written: ObjectMeta) -> Self;

    /// The result with a report of the attempts, if it can carry one.
    fn with_report(self, recorder: &Recorder<'_>) -> Self;
}

impl WriteResult for PutResult {
    fn of(written: ObjectMeta) -> Self {
        Self {
            e_tag: written.e_tag,
            version: written.version,
            extensions: Extensions::default(),
        }
    }

    fn with_report(mut self, recorder: &Recorder<'_>) -> Self {
        recorder.report_in(&mut self.extensions);
        self
    }
}

impl WriteResult for () {
    fn of(_: ObjectMeta) -> Self {}

    fn with_report(self, _: &Recorder<'_>) -> Self {}
}

#[cfg(test)]
mod tests {
    use std::mem::size_of_val;

    use object_store::memory::InMemory;
    use undaunted::RetryConfig;

    use super::*;

    #[test]
    fn a_put_has_no_room_for_what_resolves_it() {
        let (store, location, payload) = (InMemory::new(), Path::from("a"), PutPayload::new());
        let policy = Policy::new(RetryConfig::storage());
        let resolver = Resolver {
            store: &store,
            policy: &policy,
            location: &location,
            is_over: false,
        };
        let write = Write::Create(None, &payload);
        let resolution = size_of_val(&resolver.resolve(&write));
        let opts = PutOptions::default();
        let put = size_of_val(&put(&store, &policy, &location, payload.clone(), opts));
        assert!(put < resolution, "{put} bytes of {resolution}");
    }
}
