//! Attempts, retries and waits of the whole command, counted from the events of its stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use undaunted::Event;

use crate::progress::Progress;

/// The counters; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    counts: Arc<Mutex<RetryCounts>>,
    progress: Progress,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryCounts {
    /// Attempts of all operations, first attempts included.
    pub(crate) attempts: u64,
    /// The sum of all delays. Operations that wait side by side count each.
    pub(crate) waited: Duration,
    /// Retries by operation and verdict.
    retries: BTreeMap<(&'static str, &'static str), u64>,
}

impl RetryCounts {
    pub(crate) fn all_retries(&self) -> u64 {
        self.retries.values().sum()
    }

    pub(crate) fn retries_by_operation(&self) -> BTreeMap<&'static str, u64> {
        let mut by_operation = BTreeMap::new();
        for ((operation, _), count) in &self.retries {
            *by_operation.entry(*operation).or_default() += count;
        }
        by_operation
    }

    /// Retries after failures of this verdict.
    pub(crate) fn retries_after(&self, verdict: &str) -> u64 {
        let after = self.retries.iter().filter(|((_, of), _)| *of == verdict);
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

    /// Counts the attempt that ended with this event.
    pub(crate) fn record(&self, operation: &'static str, event: &Event<'_>) {
        let mut counts = self.lock();
        counts.attempts += 1;
        if let Event::Retry { delay, verdict, .. } = *event {
            counts.waited = counts.waited.saturating_add(delay);
            let retries = counts.retries.entry((operation, verdict.as_str()));
            *retries.or_default() += 1;
            let retries = counts.all_retries();
            drop(counts);
            self.progress.retries(retries);
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
    async fn attempts_retries_and_waits_are_counted() {
        let stats = Stats::new(Progress::hidden(true));
        let config = RetryConfig::builder().max_retries(2).build().unwrap();
        let failing =
            Retry::new(|| async { Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)) })
                .config(&config)
                .on_event(|event| stats.record("get", event))
                .run();
        assert!(failing.await.is_err());
        let counts = stats.counts();
        assert_eq!(counts.attempts, 3);
        assert_eq!(counts.all_retries(), 2);
        assert_eq!(counts.retries_by_operation(), BTreeMap::from([("get", 2)]));
        assert_eq!(counts.retries_after("transient"), 2);
        assert_eq!(counts.retries_after("throttled"), 0);
        assert!(counts.waited >= Duration::from_millis(2_250));
    }
}
