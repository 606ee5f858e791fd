//! What a call did, for callers that ask.

use std::time::Duration;

use super::settings::Hook;
use crate::classify::Verdict;
use crate::event::Event;
use crate::state::StopReason;

/// What a call did: attempts, waits, why it stopped, and the errors on the way.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{blocking::Retry, Jitter, RetryConfig, StopReason};
///
/// let config = RetryConfig::builder()
///     .base_delay(Duration::from_millis(1))
///     .jitter(Jitter::None)
///     .build()?;
/// let (result, report) = Retry::new(|_| Err::<(), _>(std::io::Error::from(std::io::ErrorKind::TimedOut)))
///     .config(&config)
///     .run_with_report();
/// assert!(result.is_err());
/// assert_eq!(report.attempts(), 4);
/// assert_eq!(report.delays(), [1, 2, 4].map(Duration::from_millis));
/// assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));
/// assert_eq!(report.failures().len(), 4);
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    attempts: u32,
    delays: Vec<Duration>,
    stop_reason: Option<StopReason>,
    elapsed: Duration,
    failures: Vec<FailedAttempt>,
}

/// One attempt that failed, in a [`RetryReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// What the failure was judged to be.
    pub verdict: Verdict,
    /// The error's text.
    pub error: String,
}

impl RetryReport {
    /// Attempts made, the successful one included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Every wait, in order.
    #[must_use]
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// Why there was no further attempt; `None` after a success.
    #[must_use]
    pub const fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// From the first attempt to the end, waits included.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The failed attempts: the first 8 and, of what came after, the last 8.
    #[must_use]
    pub fn failures(&self) -> &[FailedAttempt] {
        &self.failures
    }

    /// Says how long it all took: for those who read a clock themselves.
    #[must_use]
    pub const fn with_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Adds an event: for those who have events and want a report of them.
    pub fn record(&mut self, event: &Event<'_>) {
        let (attempt, verdict, error) = match *event {
            Event::Retry {
                retry,
                delay,
                verdict,
                error,
                ..
            } => {
                self.delays.push(delay);
                (retry, verdict, error)
            }
            Event::Stopped {
                attempts,
                reason,
                verdict,
                error,
                ..
            } => {
                self.stop_reason = Some(reason);
                (attempts, verdict, error)
            }
            Event::Succeeded { attempts, .. } => {
                self.attempts = attempts;
                return;
            }
        };
        self.attempts = attempt;
        if self.failures.len() == 2 * KEPT_AT_EACH_END {
            self.failures.remove(KEPT_AT_EACH_END);
        }
        self.failures.push(FailedAttempt {
            attempt,
            verdict,
            error: error.to_string(),
        });
    }
}

/// Writes a report while it passes events on.
pub(super) struct Recording<H> {
    pub(super) inner: H,
    pub(super) report: RetryReport,
}

impl<H> Recording<H> {
    pub(super) fn of(inner: H) -> Self {
        Self {
            inner,
            report: RetryReport::default(),
        }
    }

    pub(super) fn finish(&mut self, elapsed: Duration) -> RetryReport {
        std::mem::take(&mut self.report).with_elapsed(elapsed)
    }
}

impl<H: Hook> Hook for Recording<H> {
    fn is_watching(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &Event<'_>) {
        self.report.record(event);
        self.inner.observe(event);
    }
}

/// The first failures tell how it began and the last how it ended; a call with thousands of
/// retries must not keep thousands of texts.
const KEPT_AT_EACH_END: usize = 8;
