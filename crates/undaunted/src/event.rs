//! The end of an attempt, in one type from which logs, metrics, reports and listeners' calls are
//! made.

use std::fmt;
use std::time::Duration;

use crate::state::StopReason;
use crate::verdict::Verdict;

/// The end of an attempt of a retried call, and what follows from it.
///
/// A listener gets one for each failed attempt that is retried, before the wait, and one at the
/// end of the call.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{AttemptOutcome, Event, Verdict};
///
/// let outcome = AttemptOutcome::Retrying {
///     delay: Duration::from_millis(1230),
///     verdict: Verdict::TRANSIENT,
///     error: &"Connection timed out",
/// };
/// let mut event = Event::new("upload", 1, 3, outcome);
/// event.subject = Some(&"a.jpg");
/// assert_eq!(
///     event.to_string(),
///     "Retry attempt 1/3 for upload a.jpg after 1.23s: Connection timed out",
/// );
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// What it is about, such as a key.
    pub subject: Option<&'a dyn fmt::Display>,
    /// The number of the attempt, from 1; and of the retry that follows it, if one does.
    pub attempt: u32,
    /// The most retries that the policy allows.
    pub max_retries: u32,
    /// The time since the call's first attempt began, waits included.
    ///
    /// Listeners and reports always get it, since a call that has one reads the clock at its
    /// start. It is `None` only for the log, and only where the call has neither a listener nor a
    /// `total_timeout`: such a call reads no clock.
    pub elapsed: Option<Duration>,
    /// How long the attempt waited for its turn at the [`Pacer`](crate::Pacer); zero without one.
    pub queued: Duration,
    /// The pacer's rate in requests a second, if there is one and it is active.
    pub pace: Option<f64>,
    /// The rule of the caller's [`Rules`](crate::Rules) that gave the verdict, as it is written:
    /// `retryable_status 423`. `None` where the error's own verdict counts.
    pub rule: Option<&'a str>,
    /// What became of the attempt.
    pub outcome: AttemptOutcome<'a>,
}

/// What became of an attempt, in an [`Event`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum AttemptOutcome<'a> {
    /// It failed, and another follows after a wait.
    Retrying {
        /// The wait that begins now.
        delay: Duration,
        /// What the failure was judged to be, and the service's hint.
        verdict: Verdict,
        /// The failure.
        error: &'a dyn fmt::Display,
    },
    /// It failed, and the caller gets the error.
    Stopped {
        /// Why there is no further attempt.
        reason: StopReason,
        /// What the failure was judged to be, and the service's hint.
        verdict: Verdict,
        /// The failure.
        error: &'a dyn fmt::Display,
    },
    /// It succeeded.
    Succeeded,
}

impl<'a> Event<'a> {
    /// An event whose subject and time are not known.
    #[must_use]
    pub const fn new(
        operation: &'a str,
        attempt: u32,
        max_retries: u32,
        outcome: AttemptOutcome<'a>,
    ) -> Self {
        Self {
            operation,
            subject: None,
            attempt,
            max_retries,
            elapsed: None,
            queued: Duration::ZERO,
            pace: None,
            rule: None,
            outcome,
        }
    }
}

/// The log line of this event. Errors are written in their alternate form (`{:#}`), in which
/// [`StorageError`](crate::StorageError), and those of some other crates, say their causes too.
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
        let Self {
            attempt,
            max_retries,
            ..
        } = self;
        let operation = Named(self.operation, self.subject);
        let rule = ByRule(self.rule);
        match self.outcome {
            // How long it waits for its turn is not known yet.
            AttemptOutcome::Retrying {
                delay: Duration::ZERO,
                error,
                ..
            } if self.pace.is_some() => write!(
                f,
                "Retry attempt {attempt}/{max_retries} for {operation} when its turn comes{rule}: \
                 {error:#}"
            ),
            AttemptOutcome::Retrying { delay, error, .. } => write!(
                f,
                "Retry attempt {attempt}/{max_retries} for {operation} after {:.2}s{rule}: {error:#}",
                delay.as_secs_f64()
            ),
            AttemptOutcome::Stopped {
                reason: StopReason::RetriesExhausted,
                ..
            } => write!(f, "All {max_retries} retries exhausted for {operation}"),
            AttemptOutcome::Stopped { reason, error, .. } => write!(
                f,
                "Gave up on {operation} after attempt {attempt}, {reason}{rule}: {error:#}"
            ),
            AttemptOutcome::Succeeded => write!(f, "{operation} succeeded at attempt {attempt}"),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for AttemptOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying { delay, error, .. } => write!(f, "Retrying after {delay:?}: {error:#}"),
            Self::Stopped { reason, error, .. } => write!(f, "Stopped, {reason}: {error:#}"),
            Self::Succeeded => f.write_str("Succeeded"),
        }
    }
}

/// The rule that decided, if one did: ` (by the rule retryable_status 423)`.
struct ByRule<'a>(Option<&'a str>);

impl fmt::Display for ByRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rule) => write!(f, " (by the rule {rule})"),
            None => Ok(()),
        }
    }
}

/// An operation and what it is about: `put a/b.bin`.
struct Named<'a>(&'a str, Option<&'a dyn fmt::Display>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        match self.1 {
            Some(subject) => write!(f, " {subject}"),
            None => Ok(()),
        }
    }
}
