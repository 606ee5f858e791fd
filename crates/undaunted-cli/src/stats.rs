//! What the retries did: counted from the events of the library.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use undaunted::{AttemptOutcome, Event};

use crate::progress::Progress;

/// The counters of a whole command.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    counts: Arc<Mutex<Counts>>,
    progress: Progress,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Attempts of all operations, the first ones too.
    pub(crate) attempts: u64,
    /// Waits between attempts, added up; operations that wait at the same time count each.
    pub(crate) waited: Duration,
    /// Retries by operation and verdict.
    pub(crate) retries: BTreeMap<(String, &'static str), u64>,
}

impl Counts {
    pub(crate) fn all_retries(&self) -> u64 {
        self.retries.values().sum()
    }

    /// Retries after failures of this verdict.
    pub(crate) fn retries_after(&self, verdict: &str) -> u64 {
        self.retries
            .iter()
            .filter(|((_, known), _)| *known == verdict)
            .map(|(_, count)| count)
            .sum()
    }
}

impl Stats {
    pub(crate) fn new(progress: Progress) -> Self {
        Self {
            counts: Arc::default(),
            progress,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Counts an event. It must be told in the course of the object's own future, so that
    /// [`CALLS`] is the object's.
    pub(crate) fn record(&self, event: &Event<'_>) {
        self.lock().attempts += 1;
        let operation = event.operation;
        match event.outcome {
            AttemptOutcome::Retrying { delay, verdict, .. } => {
                let retries = {
                    let mut counts = self.lock();
                    counts.waited = counts.waited.saturating_add(delay);
                    let key = (operation.to_owned(), verdict.as_str());
                    *counts.retries.entry(key).or_default() += 1;
                    counts.all_retries()
                };
                self.progress.retries(retries);
                // Events outside of any object's future, such as a list's, are nobody's.
                let _ = CALLS.try_with(|calls| calls.lock().retries += 1);
            }
            AttemptOutcome::Stopped { .. } => {
                let _ = CALLS.try_with(|calls| {
                    calls.lock().stopped = Some(StoppedCall {
                        operation: operation.to_owned(),
                        attempts: event.attempt,
                    });
                });
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counts are counts, whoever panicked.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The calls of the object whose future runs.
    pub(crate) static CALLS: Calls;
}

/// What the calls of one object did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<CallsState>>);

#[derive(Debug, Default)]
struct CallsState {
    retries: u64,
    stopped: Option<StoppedCall>,
}

/// A call that gave its error to its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoppedCall {
    pub(crate) operation: String,
    pub(crate) attempts: u32,
}

impl Calls {
    pub(crate) fn retries(&self) -> u64 {
        self.lock().retries
    }

    /// The last call that failed. Asked right where the error came out, it is that error's.
    pub(crate) fn last_stopped() -> Option<StoppedCall> {
        CALLS
            .try_with(|calls| calls.lock().stopped.take())
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use undaunted::{Retry, RetryConfig};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_retries_and_waits_are_counted() {
        let stats = Stats::new(Progress::hidden(true));
        let config = RetryConfig::builder().max_retries(2).build().unwrap();
        let calls = Calls::default();
        let failing =
            Retry::new(|| async { Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)) })
                .config(&config)
                .name("get")
                .on_event(|event| stats.record(event))
                .run();
        let stopped = CALLS
            .scope(calls.clone(), async {
                assert!(failing.await.is_err());
                Calls::last_stopped()
            })
            .await;
        let counts = stats.counts();
        assert_eq!(counts.attempts, 3);
        assert_eq!(counts.all_retries(), 2);
        assert_eq!(counts.retries_after("transient"), 2);
        assert_eq!(counts.retries_after("throttled"), 0);
        assert!(counts.waited >= Duration::from_millis(2_250));
        assert_eq!(calls.retries(), 2);
        let stopped = stopped.unwrap();
        assert_eq!((stopped.operation.as_str(), stopped.attempts), ("get", 3));
    }
}
