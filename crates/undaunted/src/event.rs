//! What happened in a call, in one type that logs, metrics and hooks are all fed from.

use std::fmt;
use std::time::Duration;

use crate::classify::Verdict;
use crate::state::StopReason;

/// Something that happened in a retried call.
///
/// Hooks get it by reference, before the wait it speaks of, and exactly once per retry plus
/// once at the end of the call.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt failed and another follows after `delay`.
    #[non_exhaustive]
    Retry {
        /// The operation's name.
        operation: &'a str,
        /// What it is about, such as a key.
        subject: Option<&'a dyn fmt::Display>,
        /// Which retry follows, from 1.
        retry: u32,
        /// The most that the policy allows.
        max_retries: u32,
        /// The wait that begins now.
        delay: Duration,
        /// What the failure was judged to be, and the service's hint.
        verdict: Verdict,
        /// The failure.
        error: &'a dyn fmt::Display,
    },
    /// An attempt failed and the caller gets the error.
    #[non_exhaustive]
    Stopped {
        /// The operation's name.
        operation: &'a str,
        /// What it is about, such as a key.
        subject: Option<&'a dyn fmt::Display>,
        /// Attempts made, from 1.
        attempts: u32,
        /// The most retries that the policy allows.
        max_retries: u32,
        /// Why there is no further attempt.
        reason: StopReason,
        /// What the failure was judged to be, and the service's hint.
        verdict: Verdict,
        /// The failure that the caller gets.
        error: &'a dyn fmt::Display,
    },
    /// The call succeeded.
    #[non_exhaustive]
    Succeeded {
        /// The operation's name.
        operation: &'a str,
        /// What it is about, such as a key.
        subject: Option<&'a dyn fmt::Display>,
        /// Attempts made, from 1.
        attempts: u32,
    },
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The log line of this event.
///
/// ```
/// use undaunted::{blocking, RetryConfig};
///
/// let config = RetryConfig::builder().base_delay(std::time::Duration::ZERO).build()?;
/// let mut lines = Vec::new();
/// let result: Result<(), std::io::Error> = blocking::Retry::new(|_| Err(std::io::ErrorKind::TimedOut.into()))
///     .config(&config)
///     .name("upload")
///     .on_event(|event| lines.push(event.to_string()))
///     .run();
/// assert!(result.is_err());
/// assert_eq!(lines[0], "Retry attempt 1/3 for upload after 0.00s: timed out");
/// assert_eq!(lines[3], "All 3 retries exhausted for upload");
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry {
                operation,
                subject,
                retry,
                max_retries,
                delay,
                error,
                ..
            } => write!(
                f,
                "Retry attempt {retry}/{max_retries} for {} after {:.2}s: {error}",
                Of(operation, *subject),
                delay.as_secs_f64()
            ),
            Self::Stopped {
                operation,
                subject,
                attempts,
                max_retries,
                reason,
                error,
                ..
            } => match reason {
                StopReason::RetriesExhausted => write!(
                    f,
                    "All {max_retries} retries exhausted for {}",
                    Of(operation, *subject)
                ),
                reason => write!(
                    f,
                    "Gave up on {} after attempt {attempts}, {reason}: {error}",
                    Of(operation, *subject)
                ),
            },
            Self::Succeeded {
                operation,
                subject,
                attempts,
            } => write!(
                f,
                "{} succeeded at attempt {attempts}",
                Of(operation, *subject)
            ),
        }
    }
}

/// An operation and what it is about: `put a/b.bin`.
struct Of<'a>(&'a str, Option<&'a dyn fmt::Display>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        match self.1 {
            Some(subject) => write!(f, " {subject}"),
            None => Ok(()),
        }
    }
}

impl StopReason {
    /// The reason in one word, for logs and metrics: `budget_exhausted`,
    /// `deadline_exceeded`, `permanent`, `retries_exhausted` or `retry_after_too_long`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BudgetExhausted => "budget_exhausted",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::RetryAfterTooLong => "retry_after_too_long",
        }
    }
}

/// The reason in words that complete "gave up, …".
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BudgetExhausted => "the retry budget is exhausted",
            Self::DeadlineExceeded => "total_timeout leaves no time for another",
            Self::Permanent => "the failure is permanent",
            Self::RetriesExhausted => "all retries are used",
            Self::RetryAfterTooLong => "the service asked for a wait beyond max_retry_after",
        })
    }
}
