//! Retries of the whole command, counted from the events of its stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use undaunted::{AttemptOutcome, Event};

use crate::progress::Progress;

/// The counters; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    counts: Arc<Mutex<RetryCounts>>,
    progress: Progress,
}

/// Retries by operation and verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryCounts(BTreeMap<(&'static str, &'static str), u64>);

impl RetryCounts {
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn by_operation(&self) -> BTreeMap<&'static str, u64> {
        let mut by_operation = BTreeMap::new();
        for ((operation, _), count) in &self.0 {
            *by_operation.entry(*operation).or_default() += count;
        }
        by_operation
    }

    /// Retries after failures of this verdict.
    pub(crate) fn after(&self, verdict: &str) -> u64 {
        let after = self.0.iter().filter(|((_, of), _)| *of == verdict);
        after.map(|(_, count)| count).sum()
    }
}

impl Stats {
    pub(crate) fn new(progress: Progress) -> Self {
        Self {
            counts: Arc::default(),
            progress,
        }
    }

    pub(crate) fn counts(&self) -> RetryCounts {
        self.lock().clone()
    }

    /// Counts the event if it is a retry of this operation.
    pub(crate) fn record(&self, operation: &'static str, event: &Event<'_>) {
        if let AttemptOutcome::Retrying { verdict, .. } = event.outcome {
            let mut counts = self.lock();
            *counts.0.entry((operation, verdict.as_str())).or_default() += 1;
            let total = counts.total();
            drop(counts);
            self.progress.retries(total);
        }
    }

    fn lock(&self) -> MutexGuard<'_, RetryCounts> {
        // A panic elsewhere leaves the counts valid.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use undaunted::{Retry, RetryConfig};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retries_are_counted() {
        let stats = Stats::new(Progress::hidden(true));
        let config = RetryConfig::builder().max_retries(2).build().unwrap();
        let failing =
            Retry::new(|| async { Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)) })
                .config(&config)
                .on_event(|event| stats.record("get", event))
                .run();
        assert!(failing.await.is_err());
        let counts = stats.counts();
        assert_eq!(counts.total(), 2);
        assert_eq!(counts.by_operation(), BTreeMap::from([("get", 2)]));
        assert_eq!(counts.after("transient"), 2);
        assert_eq!(counts.after("throttled"), 0);
    }
}
