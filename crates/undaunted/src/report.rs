//! What retried calls did, for callers that ask.

use std::time::Duration;

use crate::event::{AttemptOutcome, Event};
use crate::state::StopReason;
use crate::verdict::Verdict;

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
///
/// It can be made from events too, also from those of several calls: attempts, waits and
/// failures are then those of all of them, in the order in which they were recorded, and
/// [`operation`](Self::operation) and [`stop_reason`](Self::stop_reason) are those of the last.
///
/// ```
/// use undaunted::{AttemptOutcome, Event, RetryReport, StopReason, Verdict};
///
/// let mut report = RetryReport::default();
/// report.record(&Event::new("head", 1, 3, AttemptOutcome::Succeeded));
/// let failed = AttemptOutcome::Stopped {
///     reason: StopReason::Permanent,
///     verdict: Verdict::Permanent,
///     error: &"access denied",
/// };
/// report.record(&Event::new("get", 1, 3, failed));
/// assert_eq!((report.operation(), report.attempts()), ("get", 2));
/// assert_eq!(report.stop_reason(), Some(StopReason::Permanent));
/// assert_eq!(report.failures()[0].error, "access denied");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    operation: String,
    attempts: u32,
    delays: Vec<Duration>,
    queued: Duration,
    stop_reason: Option<StopReason>,
    elapsed: Duration,
    failures: Vec<FailedAttempt>,
}

/// One attempt that failed, in a [`RetryReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// The operation's name.
    pub operation: String,
    /// Which attempt of the operation it was, from 1.
    pub attempt: u32,
    /// What the failure was judged to be.
    pub verdict: Verdict,
    /// The rule of the caller's [`Rules`](crate::Rules) that said so, if one did.
    pub rule: Option<String>,
    /// The error's text, in its alternate form (`{:#}`).
    pub error: String,
    /// Why no other attempt followed; `None` if one did.
    pub stop_reason: Option<StopReason>,
}

impl RetryReport {
    /// The name of the operation that was recorded last; empty if none was.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

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

    /// How long the attempts waited for their turns at a [`Pacer`](crate::Pacer), in all. It is no
    /// part of [`delays`](Self::delays).
    #[must_use]
    pub const fn queued(&self) -> Duration {
        self.queued
    }

    /// Why there was no further attempt of the call that ended last; `None` after a success.
    #[must_use]
    pub const fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// From the first attempt to the end, waits included; the sum where several calls were
    /// recorded.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The failed attempts: the first 8 and, of what came after, the last 8.
    #[must_use]
    pub fn failures(&self) -> &[FailedAttempt] {
        &self.failures
    }

    /// Adds an event.
    pub fn record(&mut self, event: &Event<'_>) {
        self.attempts = self.attempts.saturating_add(1);
        self.queued = self.queued.saturating_add(event.queued);
        if self.operation != event.operation {
            event.operation.clone_into(&mut self.operation);
        }
        let (verdict, error, stop_reason) = match event.outcome {
            AttemptOutcome::Retrying {
                delay,
                verdict,
                error,
            } => {
                self.delays.push(delay);
                (verdict, error, None)
            }
            AttemptOutcome::Stopped {
                reason,
                verdict,
                error,
            } => {
                self.end(event, Some(reason));
                (verdict, error, Some(reason))
            }
            AttemptOutcome::Succeeded => return self.end(event, None),
        };
        if self.failures.len() == 2 * KEPT_AT_EACH_END {
            self.failures.remove(KEPT_AT_EACH_END);
        }
        self.failures.push(FailedAttempt {
            operation: event.operation.to_owned(),
            attempt: event.attempt,
            verdict,
            rule: event.rule.map(str::to_owned),
            error: format!("{error:#}"),
            stop_reason,
        });
    }

    /// Corrects the number of attempts, which is the number of events that were recorded: a driver
    /// may tell of one attempt twice, of its response and of the body that broke afterwards.
    pub fn set_attempts(&mut self, attempts: u32) {
        self.attempts = attempts;
    }

    /// A call has ended.
    fn end(&mut self, event: &Event<'_>, stop_reason: Option<StopReason>) {
        self.stop_reason = stop_reason;
        let elapsed = event.elapsed.unwrap_or_default();
        self.elapsed = self.elapsed.saturating_add(elapsed);
    }
}

/// The first failures tell how it began and the last how it ended; a call with thousands of
/// retries must not keep thousands of texts.
const KEPT_AT_EACH_END: usize = 8;
