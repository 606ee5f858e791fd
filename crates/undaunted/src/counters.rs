//! Counts of what retried calls did, readable in process.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::event::{AttemptOutcome, Event};
use crate::state::StopReason;

/// Counts of what retried calls did, for a health page, a log line or a test.
///
/// Feed it with the events of the calls that it should count; one may be shared by many:
///
/// ```
/// use undaunted::{blocking::Retry, RetryMetrics};
///
/// static UPLOADS: RetryMetrics = RetryMetrics::new();
///
/// Retry::new(|_| Ok::<_, std::io::Error>(()))
///     .on_event(|event| UPLOADS.record(event))
///     .run()?;
/// assert_eq!(UPLOADS.attempts(), 1);
/// assert_eq!(UPLOADS.successes(), 1);
/// assert_eq!(UPLOADS.to_string(), "1 attempt (0 retries), 1 success, 0 failures, 0ns waited");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct RetryMetrics {
    attempts: AtomicU64,
    retries: AtomicU64,
    successes: AtomicU64,
    failures: [AtomicU64; StopReason::ALL.len()],
    waited: AtomicU64,
}

impl RetryMetrics {
    /// All counts at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            attempts: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            failures: [const { AtomicU64::new(0) }; StopReason::ALL.len()],
            waited: AtomicU64::new(0),
        }
    }

    /// Counts an event.
    pub fn record(&self, event: &Event<'_>) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        match event.outcome {
            AttemptOutcome::Retrying { delay, .. } => {
                self.retries.fetch_add(1, Ordering::Relaxed);
                let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
                self.waited.fetch_add(nanos, Ordering::Relaxed);
            }
            AttemptOutcome::Stopped { reason, .. } => {
                self.failures_by(reason).fetch_add(1, Ordering::Relaxed);
            }
            AttemptOutcome::Succeeded => {
                self.successes.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Attempts made, first ones included.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Retries granted.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Calls that succeeded.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Calls that failed, for whatever reason.
    #[must_use]
    pub fn failures(&self) -> u64 {
        StopReason::ALL
            .iter()
            .map(|reason| self.failures_for(*reason))
            .sum()
    }

    /// Calls that failed for this reason.
    #[must_use]
    pub fn failures_for(&self, reason: StopReason) -> u64 {
        self.failures_by(reason).load(Ordering::Relaxed)
    }

    /// All waits together.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    fn failures_by(&self, reason: StopReason) -> &AtomicU64 {
        &self.failures[reason as usize]
    }
}

/// The counts in a line.
impl fmt::Display for RetryMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64, one: &'static str, many: &'static str| {
            format!("{count} {}", if count == 1 { one } else { many })
        };
        write!(
            f,
            "{} ({}), {}, {}, {:?} waited",
            plural(self.attempts(), "attempt", "attempts"),
            plural(self.retries(), "retry", "retries"),
            plural(self.successes(), "success", "successes"),
            plural(self.failures(), "failure", "failures"),
            self.waited()
        )
    }
}
