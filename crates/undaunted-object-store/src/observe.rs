//! What the operations within a future did, for whoever asks.
//!
//! A result cannot always carry what is worth knowing beside it: a failed operation returns an
//! error of object_store's, a delete nothing at all, and the connector's findings pass through a
//! client that keeps them as text. So they are left here, for the task that observes: in the
//! task-locals of this crate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use object_store::path::Path;
use tokio::time::Instant;
use undaunted::{Event, HttpFailure, RetryReport};

use crate::measure;
use crate::operation::Operation;
use crate::skipped::SkippedKey;

/// Runs `future`, and returns beside its result what the operations of
/// [`RetryStore`](crate::RetryStore)s within it did: those that failed, too.
///
/// Operations that run one after another or side by side add up. One `observe` may be within
/// another; both see what is within the inner one. What a stream does counts where it is polled.
///
/// The findings are kept in a task-local, so operations that are spawned within `future` onto other
/// tasks are not seen. Requests may be: a [`RetryConnector`](crate::RetryConnector) around
/// object_store's `SpawnedReqwestConnector` checks their responses on the task that waits for them.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
/// use undaunted::{RetryConfig, StopReason};
/// use undaunted_object_store::{Operation, RetryStore, observe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = RetryStore::new(InMemory::new(), RetryConfig::storage());
/// let (result, observed) = observe(store.get(&Path::from("a"))).await;
/// assert!(result.is_err());
/// assert_eq!(observed.report.attempts(), 1);
/// let failed = observed.failed_operation.expect("one that failed");
/// assert_eq!(failed.operation, Operation::Get);
/// assert_eq!(failed.report.stop_reason(), Some(StopReason::Permanent));
/// // A store in memory sends no HTTP responses.
/// assert_eq!(observed.last_failure, None);
/// # }
/// ```
pub async fn observe<T>(future: impl Future<Output = T>) -> (T, Observed) {
    let start = Instant::now();
    let observer = Arc::new(Observer {
        seen: Mutex::default(),
        outer: OBSERVER.try_with(Arc::clone).ok(),
    });
    let result = OBSERVER.scope(Arc::clone(&observer), future).await;
    let Seen { report, rest } = std::mem::take(&mut *observer.lock());
    let seen = Observed {
        report: report.report,
        elapsed: start.elapsed(),
        ..rest
    };
    (result, seen)
}

/// What [`observe`] saw.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// All operations together: their attempts, their waits, and their failures, numbered through.
    /// The stop reason is that of the [`failed_operation`](Self::failed_operation), also where
    /// others succeeded after it.
    pub report: RetryReport,
    /// How long the future took, however many operations ran in it side by side.
    pub elapsed: Duration,
    /// The operation that gave up last, if any did.
    pub failed_operation: Option<FailedOperation>,
    /// The last HTTP response that was a permanent failure. It has the code that object_store
    /// keeps as text only: whether "permission denied" means that these credentials may not, or
    /// that nobody knows them. It takes a [`RetryConnector`](crate::RetryConnector), which
    /// [`open`](crate::open) installs.
    pub last_failure: Option<HttpFailure>,
    /// The keys that lists left out, because no path can hold them.
    pub skipped_keys: Vec<SkippedKey>,
    /// How many marks of folders lists left out: empty objects whose keys end in `/`. Where there
    /// is nothing else, the folder exists and is empty.
    pub folder_markers: usize,
    /// How many reads were sent a second time, see [`RetryStoreBuilder::hedge`](crate::RetryStoreBuilder::hedge).
    pub hedges: u64,
    /// How many of those were answered by the second request.
    pub hedges_won: u64,
    /// What the service said of single keys of a bulk delete, by key.
    pub(crate) delete_failures: HashMap<String, HttpFailure>,
}

/// An operation that gave its error to its caller.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedOperation {
    /// The operation.
    pub operation: Operation,
    /// The object, or the prefix that was listed.
    pub location: Path,
    /// Its attempts and waits, and why it gave up.
    pub report: RetryReport,
}

/// Makes one report of events, also of several operations, or of one whose retries were renewed
/// by progress: attempts are numbered through.
#[derive(Debug, Default)]
pub(crate) struct ReportBuilder {
    attempts: u32,
    report: RetryReport,
}

impl ReportBuilder {
    /// An attempt begins.
    pub(crate) fn begin_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.report.set_attempts(self.attempts);
    }

    /// An attempt ended, or what one brought broke afterwards.
    pub(crate) fn record(&mut self, event: &Event<'_>) {
        let number = self.attempts.max(1);
        let mut event = *event;
        event.attempt = number;
        self.report.record(&event);
        self.report.set_attempts(number);
    }

    pub(crate) const fn report(&self) -> &RetryReport {
        &self.report
    }
}

/// Runs an attempt, and returns beside its result the last response of the service that object_store
/// gets as such and keeps the text of. Cheaper than to observe.
pub(crate) async fn last_response<T>(attempt: impl Future<Output = T>) -> (T, Option<HttpFailure>) {
    let scope = RESPONSE.scope(RefCell::default(), attempt);
    let mut scope = pin!(scope);
    let result = scope.as_mut().await;
    (result, scope.take_value().and_then(RefCell::into_inner))
}

/// Tells the observers of this task that an attempt begins.
pub(crate) fn begin_attempt() {
    tell(|seen| seen.report.begin_attempt());
}

/// Tells the observers of this task what became of an attempt.
pub(crate) fn record(event: &Event<'_>) {
    tell(|seen| seen.report.record(event));
}

/// Tells the observers of this task of an operation that gave up.
pub(crate) fn record_failed(failed: &FailedOperation) {
    tell(|seen| seen.rest.failed_operation = Some(failed.clone()));
}

/// Tells the observers of this task of a response that was a permanent failure.
pub(crate) fn record_response(failure: &HttpFailure) {
    tell(|seen| seen.rest.last_failure = Some(failure.clone()));
    let _ = RESPONSE.try_with(|response| response.replace(Some(failure.clone())));
}

/// Tells the observers of this task of a key that a list leaves out.
pub(crate) fn record_skipped_key(key: &SkippedKey) {
    tell(|seen| seen.rest.skipped_keys.push(key.clone()));
}

/// Tells the observers of this task of marks of folders that a list leaves out.
pub(crate) fn record_folder_markers(number: usize) {
    if number > 0 {
        tell(|seen| seen.rest.folder_markers += number);
    }
}

/// Tells the observers of this task, and the metrics, of a hedge that is sent, or that was answered
/// first.
pub(crate) fn record_hedge(has_won: bool) {
    measure::hedge(has_won);
    tell(|seen| {
        let count = if has_won {
            &mut seen.rest.hedges_won
        } else {
            &mut seen.rest.hedges
        };
        *count += 1;
    });
}

/// Tells the innermost observer of this task, which is the delete's, why a key was refused.
pub(crate) fn record_delete_failure(key: String, failure: HttpFailure) {
    // Nobody observes a delete that does not go through a `RetryStore`.
    let _ = OBSERVER.try_with(|observer| observer.lock().rest.delete_failures.insert(key, failure));
}

tokio::task_local! {
    static OBSERVER: Arc<Observer>;
    static RESPONSE: RefCell<Option<HttpFailure>>;
}

struct Observer {
    seen: Mutex<Seen>,
    outer: Option<Arc<Self>>,
}

#[derive(Default)]
struct Seen {
    report: ReportBuilder,
    /// All but the report.
    rest: Observed,
}

/// Tells the innermost observer of this task and those around it. Most operations have none.
fn tell(tell: impl Fn(&mut Seen)) {
    let _ = OBSERVER.try_with(|innermost| {
        let mut next = Some(innermost);
        while let Some(observer) = next {
            tell(&mut observer.lock());
            next = observer.outer.as_ref();
        }
    });
}

impl Observer {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What was seen was seen, whoever panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
