//! What the transfers of one command share: settings, memory, counters, and the request to stop.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::memory::{Memory, Reserve, Room};
use crate::error::FailedObject;
use crate::progress::Progress;
use crate::report::Tally;
use crate::resume::Journals;
use crate::selection::Selection;
use crate::settings::CopySettings;
use crate::signals::{Stop, StopCause};
use crate::slots::{Slot, Slots, Waiting};

/// A copy under way.
#[derive(Debug)]
pub(super) struct Copier {
    pub(super) settings: Arc<CopySettings>,
    pub(super) selection: Selection,
    pub(super) memory: Memory,
    /// For parts of objects of more than one.
    parts: Slots,
    pub(super) progress: Progress,
    pub(super) stop: Stop,
    pub(super) journals: Journals,
    has_warned: AtomicBool,
    /// One for each local file that is read for `--update` at the same time.
    pub(super) comparisons: Semaphore,
    waiting: Waiting,
    tally: Mutex<Tally>,
}

/// An object that was copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) is_verified: bool,
    /// Bytes that had arrived in an earlier run.
    pub(super) resumed_bytes: u64,
}

/// Why an object was not copied.
#[derive(Debug)]
pub(super) enum NotCopied {
    /// It exists at the destination, and `--no-clobber` keeps it.
    Skipped,
    /// Its content is at the destination, as `--update` has found.
    Unchanged,
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
        waiting: Waiting,
    ) -> Self {
        Self {
            memory: Memory::new(settings.memory(), waiting.clone()),
            parts: Slots::for_parts(
                settings.concurrency,
                // The room of one is left to small objects, where there is some for more than a few.
                settings.parts_at_a_time().saturating_sub(1).max(1),
                waiting.clone(),
            ),
            waiting,
            tally: Mutex::default(),
            journals: Journals::new(&settings),
            has_warned: AtomicBool::new(false),
            comparisons: Semaphore::new(COMPARISONS),
            settings,
            selection,
            progress,
            stop,
        }
    }

    /// Returns when it is of use to begin with one more object.
    pub(super) async fn is_ready(&self) {
        let most = self.settings.objects_at_a_time().min(LOOKAHEAD);
        self.waiting.fewer_than(most).await;
    }

    /// Waits until one more part of a large object is worth its room. That is waited for
    /// afterwards.
    pub(super) async fn part_slot(&self) -> Result<Slot, NotCopied> {
        self.unless_stopped(self.parts.take()).await
    }

    /// Waits for room in memory.
    pub(super) async fn room(&self, bytes: u64) -> Result<Room, NotCopied> {
        self.unless_stopped(self.memory.room(bytes)).await
    }

    /// Waits for room in memory for some parts of one object.
    pub(super) async fn reserve(&self, size: u64, parts: u32) -> Result<Reserve, NotCopied> {
        self.unless_stopped(self.memory.reserve(size, parts)).await
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

    /// Prints the first of the warnings that each object would repeat.
    pub(super) fn warn_once(&self, warning: &str) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            self.progress.note(&format!("warning: {warning}"));
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

/// Objects that wait for a slot or for memory, so that what becomes free is used immediately.
const LOOKAHEAD: usize = 16;

/// An MD5 occupies a core; a disk is no faster with more.
const COMPARISONS: usize = 4;

/// Most requests that are under way end within it.
const GRACE: Duration = Duration::from_secs(2);
