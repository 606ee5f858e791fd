//! Retries and pace of the whole command, from the events of its stores.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use undaunted::{AttemptOutcome, Event, Pacer};

use crate::progress::Progress;

/// The counters; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    counts: Arc<Mutex<RetryCounts>>,
    pacers: Arc<Mutex<Vec<Arc<Pacer>>>>,
    is_pace_shown: Arc<AtomicBool>,
    progress: Progress,
}

/// Numbers of retries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryCounts {
    by_operation_and_verdict: BTreeMap<(&'static str, &'static str), u64>,
    /// Those that a rule of the user's own decided.
    by_rule: BTreeMap<String, u64>,
}

impl RetryCounts {
    pub(crate) fn total(&self) -> u64 {
        self.by_operation_and_verdict.values().sum()
    }

    pub(crate) fn by_operation(&self) -> BTreeMap<&'static str, u64> {
        let mut by_operation = BTreeMap::new();
        for ((operation, _), count) in &self.by_operation_and_verdict {
            *by_operation.entry(*operation).or_default() += count;
        }
        by_operation
    }

    /// Retries after failures of this verdict.
    pub(crate) fn after(&self, verdict: &str) -> u64 {
        let counts = self.by_operation_and_verdict.iter();
        let after = counts.filter(|((_, of), _)| *of == verdict);
        after.map(|(_, count)| count).sum()
    }

    /// Retries by the rule of the user's own that decided.
    pub(crate) const fn by_rule(&self) -> &BTreeMap<String, u64> {
        &self.by_rule
    }
}

impl Stats {
    pub(crate) fn new(progress: Progress) -> Self {
        Self {
            counts: Arc::default(),
            pacers: Arc::default(),
            is_pace_shown: Arc::default(),
            progress,
        }
    }

    pub(crate) fn counts(&self) -> RetryCounts {
        self.lock().clone()
    }

    /// A pacer for a store, whose rate is shown while it is active.
    pub(crate) fn paced(&self) -> Arc<Pacer> {
        let pacer = Arc::new(Pacer::new());
        self.pacers().push(Arc::clone(&pacer));
        pacer
    }

    /// Counts the event if it is a retry of this operation, and shows retries and pace.
    pub(crate) fn record(&self, operation: &'static str, event: &Event<'_>) {
        let is_retry = if let AttemptOutcome::Retrying { verdict, .. } = event.outcome {
            let mut counts = self.lock();
            let key = (operation, verdict.as_str());
            *counts.by_operation_and_verdict.entry(key).or_default() += 1;
            if let Some(rule) = event.rule {
                *counts.by_rule.entry(rule.to_owned()).or_default() += 1;
            }
            true
        } else {
            false
        };
        let pace = self.pace();
        let was_shown = self.is_pace_shown.swap(pace.is_some(), Ordering::Relaxed);
        if is_retry || was_shown || pace.is_some() {
            self.progress.retries(self.lock().total(), pace);
        }
    }

    /// The rate of the slowest store that throttles, in requests a second.
    fn pace(&self) -> Option<f64> {
        let pacers = self.pacers();
        let rates = pacers.iter().filter_map(|pacer| pacer.rate());
        rates.min_by(f64::total_cmp)
    }

    fn pacers(&self) -> MutexGuard<'_, Vec<Arc<Pacer>>> {
        self.pacers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, RetryCounts> {
        // A panic elsewhere leaves the counts valid.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use undaunted::{Retry, RetryConfig, Turn};

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

    #[test]
    fn the_pace_is_shown_while_a_store_throttles() {
        let stats = Stats::new(Progress::hidden(true));
        let (source, _destination) = (stats.paced(), stats.paced());
        assert_eq!(stats.pace(), None);
        let mut turn = Turn::new(&*source);
        turn.throttled(std::time::Instant::now());
        assert_eq!(stats.pace(), source.rate());
        assert!(stats.pace().is_some());
    }
}
