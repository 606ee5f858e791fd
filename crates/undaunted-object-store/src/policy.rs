//! What all operations of a store share: the policies, the budget, and who listens.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Attributes, Error, Result};
use undaunted::{Event, RetryBudget, RetryConfig, Retryable, Session, Verdict};

use crate::classify::{is_stale, with_meaning};
use crate::error::generic;
use crate::operation::Operation;
use crate::token::Token;
use crate::watch::{Reported, Watch};

/// Something that happened in a retried operation of a store.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoreEvent<'a> {
    /// The operation.
    pub operation: Operation,
    /// The object, or the prefix that is listed.
    pub location: &'a Path,
    /// What happened.
    pub event: &'a Event<'a>,
}

/// A function that is told what happens.
pub(crate) type Listener = Arc<dyn Fn(&StoreEvent<'_>) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) read: RetryConfig,
    pub(crate) write: RetryConfig,
    pub(crate) list: RetryConfig,
    pub(crate) delete: RetryConfig,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) listener: Option<Listener>,
    /// Whether conditional writes and uploads carry a token to be known by.
    pub(crate) put_token: bool,
    /// Whether a write of the same content counts as ours where no token can tell.
    pub(crate) resolve_by_content: bool,
    /// Whether whole objects are held against the MD5 that their ETag is.
    pub(crate) verify_reads: bool,
    /// How long a body may bring nothing while it is waited for.
    pub(crate) stall_timeout: Duration,
}

impl Policy {
    pub(crate) fn new(config: RetryConfig) -> Self {
        Self {
            read: config.clone(),
            write: config.clone(),
            list: config.clone(),
            delete: config,
            budget: Some(Arc::new(RetryBudget::new())),
            listener: None,
            put_token: true,
            resolve_by_content: false,
            verify_reads: false,
            stall_timeout: STALL_TIMEOUT,
        }
    }

    pub(crate) const fn config(&self, operation: Operation) -> &RetryConfig {
        match operation {
            Operation::Get => &self.read,
            Operation::List => &self.list,
            Operation::Delete => &self.delete,
            _ => &self.write,
        }
    }

    /// Repeats an operation that may be repeated whatever became of the attempts before.
    pub(crate) async fn retry<T, Fut>(
        &self,
        operation: Operation,
        location: &Path,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let listener = self.listener(operation, location);
        let mut call = self.call(operation, location, &listener);
        call.run(attempt).await
    }

    /// [`retry`](Self::retry) whose result carries a report of the attempts, if there was
    /// more than one.
    pub(crate) async fn retry_reported<T: Reported, Fut>(
        &self,
        operation: Operation,
        location: &Path,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let watch = Watch::new(self, operation, location);
        let see = |event: &Event<'_>| watch.see(event);
        let mut call = self.call(operation, location, &see);
        let value = call.run(attempt).await?;
        drop(call);
        Ok(watch.report_in(value))
    }

    /// A call of this operation, for a loop of its own. Its clock starts at the first
    /// failure: what goes well may take as long as it takes.
    pub(crate) fn call<'c>(
        &'c self,
        operation: Operation,
        location: &'c Path,
        listener: &'c (dyn Fn(&Event<'_>) + Send + Sync),
    ) -> Call<'c> {
        let mut session = Session::new(self.config(operation))
            .name(operation.as_str())
            .clock_starts_at_failure();
        if !location.as_ref().is_empty() {
            session = session.subject(location);
        }
        if let Some(budget) = &self.budget {
            session = session.budget(budget);
        }
        Call {
            session: session.on_event(listener),
            location,
            renewed: false,
        }
    }

    /// Tells the store's listener what a session tells.
    pub(crate) fn listener<'c>(
        &'c self,
        operation: Operation,
        location: &'c Path,
    ) -> impl Fn(&Event<'_>) + Send + Sync + 'c {
        move |event| self.tell(operation, location, event)
    }

    /// Tells the store's listener, if there is one.
    pub(crate) fn tell(&self, operation: Operation, location: &Path, event: &Event<'_>) {
        if let Some(listener) = &self.listener {
            listener(&StoreEvent {
                operation,
                location,
                event,
            });
        }
    }

    /// Adds a token to a write's attributes, if writes get one and the caller has nothing
    /// of that name.
    pub(crate) fn add_token(&self, attributes: &mut Attributes) -> Option<Token> {
        self.put_token
            .then(Token::new)
            .filter(|token| token.add_to(attributes))
    }
}

/// One call of an operation.
pub(crate) struct Call<'c> {
    session: Session<'c, Error>,
    location: &'c Path,
    /// Whether an attempt was made again because its credentials or its time were stale.
    renewed: bool,
}

impl Call<'_> {
    /// Makes attempts until one succeeds or there is none to make.
    async fn run<T, Fut>(&mut self, mut attempt: impl FnMut() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        loop {
            match self.attempt(attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) => self.failed(error).await?,
            }
        }
    }

    /// Makes one attempt.
    pub(crate) async fn attempt<T>(
        &mut self,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.session.attempt(operation).await
    }

    /// Judges a failed attempt; returns after the wait when there is another to make.
    pub(crate) async fn failed(&mut self, error: Error) -> Result<()> {
        // Every attempt signs anew, so stale credentials are worth one more.
        let verdict = if is_stale(&error) && !self.renewed {
            self.renewed = true;
            Verdict::TRANSIENT
        } else {
            error.verdict()
        };
        let judged = self.session.failed_as(error, verdict).await;
        judged.map_err(|error| with_meaning(error, self.location))
    }

    /// Gives the call up with this error, and tells everyone who listens.
    pub(crate) async fn give_up(&mut self, error: Error) -> Error {
        match self.session.failed_as(error, Verdict::Permanent).await {
            Err(error) => error,
            Ok(()) => generic("a permanent failure was not given back"),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("read", &self.read)
            .field("write", &self.write)
            .field("list", &self.list)
            .field("delete", &self.delete)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// As long as the head of an answer may take.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
