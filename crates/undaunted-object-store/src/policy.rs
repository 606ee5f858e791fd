//! What all operations of a store share: the policies, the budget, and who listens.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, Result};
use undaunted::{Event, RetryBudget, RetryConfig, Session, Verdict};

use crate::classify::proves_not_applied;
use crate::operation::Operation;

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
        mut attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let listener = self.listener(operation, location);
        let mut session = self.session(operation, location, &listener);
        loop {
            match session.attempt(attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) => session.failed(error).await?,
            }
        }
    }

    /// Repeats an operation only after failures that prove that nothing was applied.
    pub(crate) async fn retry_if_not_applied<T, Fut>(
        &self,
        operation: Operation,
        location: &Path,
        mut attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let listener = self.listener(operation, location);
        let mut session = self.session(operation, location, &listener);
        loop {
            match session.attempt(attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) if proves_not_applied(&error) => session.failed(error).await?,
                Err(error) => session.failed_as(error, Verdict::Permanent).await?,
            }
        }
    }

    /// A call of this operation, for a loop of its own. Its clock starts at the first
    /// failure: what goes well may take as long as it takes.
    pub(crate) fn session<'c>(
        &'c self,
        operation: Operation,
        location: &'c Path,
        listener: &'c (dyn Fn(&Event<'_>) + Send + Sync),
    ) -> Session<'c, Error> {
        let mut session = Session::new(self.config(operation))
            .name(operation.as_str())
            .subject(location)
            .clock_starts_at_failure();
        if let Some(budget) = &self.budget {
            session = session.budget(budget);
        }
        if self.listener.is_some() {
            session = session.on_event(listener);
        }
        session
    }

    /// Tells the store's listener what a session tells.
    pub(crate) fn listener<'c>(
        &'c self,
        operation: Operation,
        location: &'c Path,
    ) -> impl Fn(&Event<'_>) + Send + Sync + 'c {
        move |event| {
            if let Some(listener) = &self.listener {
                listener(&StoreEvent {
                    operation,
                    location,
                    event,
                });
            }
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
