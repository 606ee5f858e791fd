//! What the transfers of one command share: settings, memory, counters, and the request to stop.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::buffers::Buffers;
use crate::error::FailedObject;
use crate::progress::Progress;
use crate::report::Tally;
use crate::selection::Selection;
use crate::settings::CopySettings;
use crate::signals::{Stop, StopCause};

/// A copy under way.
#[derive(Debug)]
pub(super) struct Copier {
    pub(super) settings: Arc<CopySettings>,
    pub(super) selection: Selection,
    pub(super) buffers: Buffers,
    pub(super) progress: Progress,
    pub(super) stop: Stop,
    /// One for each part in memory.
    permits: Arc<Semaphore>,
    tally: Mutex<Tally>,
}

/// An object that was copied.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) is_verified: bool,
}

/// Why an object was not copied.
#[derive(Debug)]
pub(super) enum NotCopied {
    /// It exists at the destination, and `--no-clobber` keeps it.
    Skipped,
    Failed(FailedObject),
    /// A stop was requested. What had been begun is undone; otherwise the failure says so.
    Interrupted(Option<FailedObject>),
}

impl From<FailedObject> for NotCopied {
    fn from(failed: FailedObject) -> Self {
        Self::Failed(failed)
    }
}

impl Copier {
    pub(super) fn new(
        settings: Arc<CopySettings>,
        selection: Selection,
        progress: Progress,
        stop: Stop,
    ) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(settings.concurrency)),
            buffers: Buffers::default(),
            tally: Mutex::default(),
            settings,
            selection,
            progress,
            stop,
        }
    }

    /// Waits for room for one part in memory.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, NotCopied> {
        let permits = Arc::clone(&self.permits);
        let permit = self.unless_stopped(permits.acquire_owned()).await?;
        // The semaphore is never closed.
        permit.map_err(|_| NotCopied::Interrupted(None))
    }

    /// Runs `work` until a stop is requested, and then drops it.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, NotCopied> {
        tokio::select! {
            biased;
            _ = self.stop.requested() => Err(NotCopied::Interrupted(None)),
            done = work => Ok(done),
        }
    }

    /// Like [`unless_stopped`](Self::unless_stopped), with some time to finish when a stop is
    /// requested: for requests that leave something behind if their response is not awaited.
    pub(super) async fn unless_stopped_for_long<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, NotCopied> {
        let mut work = pin!(work);
        tokio::select! {
            done = &mut work => Ok(done),
            _ = self.stop.requested() => match timeout(GRACE, work).await {
                Ok(done) => Ok(done),
                Err(_) => Err(NotCopied::Interrupted(None)),
            },
        }
    }

    /// Counts and prints a failure, and requests a stop under `--fail-fast`.
    pub(super) fn failed(&self, failed: FailedObject) {
        self.progress.error(&failed.to_string());
        self.tally().fail(failed);
        if self.settings.fail_fast {
            self.stop.request(StopCause::Failure);
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        // A panic elsewhere leaves the counts valid.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most requests that are under way end within it.
const GRACE: Duration = Duration::from_secs(2);
