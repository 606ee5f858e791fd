//! `cp`: one object after another, some at a time, and what became of them.

mod buffers;
mod object;
mod read;
mod stdio;
mod verify;
mod write;

use std::future::Future;
use std::path::Path as FsPath;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use object_store::path::Path;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::chaos::Chaos;
use crate::endpoint::{Endpoint, Setup};
use crate::error::{CliError, UsageError};
use crate::failure::Failure;
use crate::log;
use crate::options;
use crate::plan::{Plan, Step, Work};
use crate::progress::Progress;
use crate::report::{Report, Tally};
use crate::shown;
use crate::signals::{Cause, Stop};
use crate::stats::{CALLS, Calls, Stats};
use buffers::Buffers;
use read::Reader;

/// Copies, reports, and returns the exit status.
pub(crate) async fn run(settings: options::Copy) -> Result<u8, CliError> {
    let progress = Progress::new(settings.common.quiet, settings.common.verbose);
    log::start(settings.common.log, &progress);
    let stop = Stop::new();
    stop.listen(&progress).map_err(UsageError::Signals)?;
    let faults = settings.common.chaos.as_ref().map(Chaos::plan);
    let setup = Setup {
        config: settings.common.config.clone(),
        stats: Stats::new(progress.clone()),
        faults: faults.clone(),
    };
    let settings = Arc::new(settings);
    let begun = Instant::now();
    let planned = CALLS.scope(Calls::default(), Plan::make(&settings, &setup));
    let planned = tokio::select! {
        planned = planned => Some(planned),
        _ = stop.requested() => None,
    };
    let tally = match planned {
        Some(Ok(plan)) => {
            let copier = Copier {
                permits: Arc::new(Semaphore::new(settings.concurrency)),
                buffers: Buffers::default(),
                tally: Mutex::default(),
                settings: Arc::clone(&settings),
                plan,
                progress: progress.clone(),
                stop: stop.clone(),
            };
            copier.copy_all().await;
            copier
                .tally
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
        }
        Some(Err(CliError::Failed(failure))) => {
            progress.error(&failure.to_string());
            Tally::of(failure)
        }
        Some(Err(mistake)) => return Err(mistake),
        None => Tally::default(),
    };
    progress.finish();
    let report = Report::new(
        &settings,
        tally,
        &setup.stats.counts(),
        begun.elapsed(),
        stop.signal(),
        faults.as_ref(),
    );
    report.print().map_err(CliError::Stdout)?;
    Ok(report.exit_code())
}

/// A copy under way.
#[derive(Debug)]
struct Copier {
    settings: Arc<options::Copy>,
    plan: Plan,
    /// One for each part that is in memory.
    permits: Arc<Semaphore>,
    stop: Stop,
    buffers: Buffers,
    tally: Mutex<Tally>,
    progress: Progress,
}

/// How one object ended.
#[derive(Debug)]
enum Outcome {
    Copied { bytes: u64, is_verified: bool },
    Skipped,
}

/// Why one object was not copied.
#[derive(Debug)]
enum Undone {
    Failed(Failure),
    /// Someone said stop. Whatever was begun is taken back; if that failed, this says so.
    Interrupted(Option<Failure>),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Copier {
    async fn copy_all(&self) {
        self.plan
            .steps()
            .take_until(self.stop.requested())
            .for_each_concurrent(self.settings.concurrency, |step| self.take(step))
            .await;
        let nothing_came = self.tally().copied == 0;
        let was_a_tree = matches!(self.plan.work, Work::Tree { .. });
        if nothing_came && !(was_a_tree && self.tally().failures.is_empty()) {
            self.plan.made.remove_if_empty();
        }
    }

    async fn take(&self, step: Step) {
        match step {
            Step::Copy { from, to } => self.copy(&from, &to).await,
            Step::EmptyFolder => self.tally().empty_folders += 1,
            Step::Failed(failure) => self.failed(failure),
            Step::Folder(folder) => {
                if let Err(error) = std::fs::create_dir_all(&folder) {
                    self.failed(Failure::io(folder.display().to_string(), &error));
                }
            }
        }
    }

    async fn copy(&self, from: &Path, to: &Path) {
        if self.stop.cause().is_some() {
            return;
        }
        let calls = Calls::default();
        let copied = CALLS
            .scope(calls.clone(), object::copy(self, from, to))
            .await;
        let name = self.name(from, to);
        let retries = match calls.retries() {
            0 => String::new(),
            retries => format!(", {}", shown::count(retries, "retry")),
        };
        match copied {
            Ok(Outcome::Copied { bytes, is_verified }) => {
                {
                    let mut tally = self.tally();
                    tally.copied += 1;
                    tally.bytes += bytes;
                    tally.verified += u64::from(is_verified);
                }
                let size = shown::size(bytes);
                let verified = if is_verified { ", verified" } else { "" };
                self.progress
                    .object(&format!("copied {name} ({size}{verified}{retries})"));
            }
            Ok(Outcome::Skipped) => {
                self.tally().skipped += 1;
                self.progress
                    .object(&format!("skipped {name} (it is there already)"));
            }
            Err(Undone::Failed(failure)) => self.failed(failure),
            Err(Undone::Interrupted(trouble)) => {
                self.tally().interrupted += 1;
                if let Some(trouble) = trouble {
                    self.failed(trouble);
                }
            }
        }
    }

    fn failed(&self, failure: Failure) {
        self.progress.error(&failure.to_string());
        self.tally().fail(failure);
        if self.settings.fail_fast {
            self.stop.request(Cause::Failure);
        }
    }

    /// What messages call this object: its source, or its destination if that is stdin.
    fn name(&self, from: &Path, to: &Path) -> String {
        match (&self.plan.source, &self.plan.destination) {
            (Some(source), _) => source.shown(from),
            (None, Some(destination)) => destination.shown(to),
            (None, None) => "-".to_owned(),
        }
    }

    /// The destination's file, if it is local.
    fn file(&self, to: &Path) -> Option<std::path::PathBuf> {
        self.plan
            .destination
            .as_ref()
            .and_then(|destination| destination.file(to))
    }

    /// Looks at an object that is to be read.
    async fn open<'a>(
        &self,
        endpoint: &'a Endpoint,
        key: &Path,
        operation: &'static str,
    ) -> object_store::Result<Reader<'a>> {
        Reader::open(endpoint, key, operation, self.buffers.clone()).await
    }

    /// Runs it, unless someone says stop: then it is dropped where it stands.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Undone> {
        tokio::select! {
            biased;
            _ = self.stop.requested() => Err(Undone::Interrupted(None)),
            done = work => Ok(done),
        }
    }

    /// Runs it, and gives it a little more time when someone says stop: for requests that
    /// leave something behind if nobody hears their answer.
    async fn unless_stopped_for_long<T>(&self, work: impl Future<Output = T>) -> Result<T, Undone> {
        let mut work = pin!(work);
        tokio::select! {
            done = &mut work => Ok(done),
            _ = self.stop.requested() => match timeout(GRACE, work).await {
                Ok(done) => Ok(done),
                Err(_) => Err(Undone::Interrupted(None)),
            },
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Counts are counts, whoever panicked.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission bits of a local file, for its copy: a key that was private stays so, and a
/// program can be run.
fn keep_permissions(source: &Endpoint, from: &Path, file: &FsPath) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let Some(original) = source.file(from) else {
        return Ok(());
    };
    let mode = std::fs::metadata(original)?.permissions().mode() & PERMISSION_BITS;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))
}

/// Not the bits that let a program run as its owner.
const PERMISSION_BITS: u32 = 0o777;
/// A request that is under way is mostly answered by then.
const GRACE: Duration = Duration::from_secs(2);
