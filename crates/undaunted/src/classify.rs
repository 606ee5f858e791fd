//! What a failure means: the verdict on an error, and the trait that gives it.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::{HttpFailure, StorageError};

/// What classification says of a failure.
///
/// Retryable verdicts may carry a hint from the service, `retry_after`: how long it asked
/// callers to stay away. A hint is a floor for the wait, spread upwards by up to 25 %; it
/// never adds attempts and never outlives a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Trying again cannot help: not found, permission denied, bad configuration.
    Permanent,
    /// The service asked its callers to slow down (429, `SlowDown`).
    Throttled {
        /// How long the service asked us to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// A passing fault: a broken connection, a timeout, a 5xx.
    Transient {
        /// How long the service asked us to wait, if it said.
        retry_after: Option<Duration>,
    },
}

impl Verdict {
    /// A transient failure without a hint.
    pub const TRANSIENT: Self = Self::Transient { retry_after: None };

    /// A throttled failure without a hint.
    pub const THROTTLED: Self = Self::Throttled { retry_after: None };

    /// Whether another attempt may help.
    ///
    /// ```
    /// use undaunted::Verdict;
    ///
    /// assert!(Verdict::TRANSIENT.is_retryable());
    /// assert!(!Verdict::Permanent.is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        !matches!(self, Self::Permanent)
    }

    /// The service's hint, if the verdict carries one.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Permanent => None,
            Self::Throttled { retry_after } | Self::Transient { retry_after } => retry_after,
        }
    }

    /// The same verdict with another hint. A permanent failure has no hint to carry.
    #[must_use]
    pub const fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        match self {
            Self::Permanent => Self::Permanent,
            Self::Throttled { .. } => Self::Throttled { retry_after },
            Self::Transient { .. } => Self::Transient { retry_after },
        }
    }

    /// The verdict in one word: `permanent`, `throttled` or `transient`. Logs and metrics use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Throttled { .. } => "throttled",
            Self::Transient { .. } => "transient",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self.retry_after() {
            Some(hint) => write!(f, " (retry after {hint:?})"),
            None => Ok(()),
        }
    }
}

/// An error that knows whether another attempt may help.
///
/// Implemented for [`std::io::Error`], [`StorageError`], [`HttpFailure`], boxed errors
/// (which look for one of these along `source()`) and, under the feature `object_store014`,
/// object_store's error. For an error of your own, either implement it or hand the two
/// functions to [`Retry::classify`](crate::Retry::classify).
///
/// ```
/// use undaunted::{Retryable, TimedOut, Verdict};
///
/// #[derive(Debug)]
/// enum QueueError {
///     Closed,
///     Full,
///     TimedOut(TimedOut),
/// }
/// # impl std::fmt::Display for QueueError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") }
/// # }
///
/// impl Retryable for QueueError {
///     fn verdict(&self) -> Verdict {
///         match self {
///             QueueError::Closed => Verdict::Permanent,
///             QueueError::Full => Verdict::THROTTLED,
///             QueueError::TimedOut(_) => Verdict::TRANSIENT,
///         }
///     }
///
///     fn timed_out(timed_out: TimedOut) -> Self {
///         QueueError::TimedOut(timed_out)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which of its failures may be retried",
    label = "`Retryable` is not implemented for this error",
    note = "implement `undaunted::Retryable` for `{Self}`, or use `Retry::new(op).classify(verdict, timed_out)`"
)]
pub trait Retryable: fmt::Display + Sized {
    /// Whether and how this failure may be retried.
    fn verdict(&self) -> Verdict;

    /// The error a caller gets when a time limit cut the operation.
    ///
    /// Its own [`verdict`](Self::verdict) decides whether an attempt that was cut by
    /// `attempt_timeout` is tried again, so it is normally [`Verdict::TRANSIENT`].
    fn timed_out(timed_out: TimedOut) -> Self;
}

/// A time limit that ran out: which one, and how long it was.
///
/// [`Retryable::timed_out`] turns it into the caller's error. It is an [`Error`] itself, so
/// that it can be the source of another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimedOut {
    /// One attempt ran longer than `attempt_timeout`.
    Attempt {
        /// The limit.
        limit: Duration,
    },
    /// `attempt_timeout` is set for a blocking operation that is not told of it, so that
    /// nothing could honour it; no attempt was made.
    CannotCut {
        /// The limit.
        limit: Duration,
    },
    /// The whole operation ran longer than `total_timeout`.
    Total {
        /// The limit.
        limit: Duration,
    },
}

impl TimedOut {
    /// The limit that ran out.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        match self {
            Self::Attempt { limit } | Self::CannotCut { limit } | Self::Total { limit } => *limit,
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt { limit } => write!(f, "attempt timed out after {limit:?}"),
            Self::CannotCut { limit } => write!(
                f,
                "attempt_timeout {limit:?} cannot cut a blocking attempt: use \
                 blocking::Retry::new(|attempt| ..), which tells it the time left"
            ),
            Self::Total { limit } => write!(f, "timed out after {limit:?} in all"),
        }
    }
}

impl Error for TimedOut {}

impl Retryable for io::Error {
    /// Connection faults, timeouts and interruptions are transient; an error that wraps one
    /// of ours ([`HttpFailure`], [`StorageError`], [`TimedOut`]) has that error's verdict.
    fn verdict(&self) -> Verdict {
        match self.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::WouldBlock => Verdict::TRANSIENT,
            io::ErrorKind::Other => match self.get_ref() {
                Some(inner) => verdict_along_sources(inner),
                None => Verdict::Permanent,
            },
            _ => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, timed_out)
    }
}

impl Retryable for Box<dyn Error + Send + Sync> {
    /// The verdict of the first error along `source()` that has one; otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Box::new(timed_out)
    }
}

impl Retryable for Box<dyn Error> {
    /// The verdict of the first error along `source()` that has one; otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Box::new(timed_out)
    }
}

/// Walks `source()` and asks the first error whose type has a verdict. Messages are never read.
fn verdict_along_sources(error: &(dyn Error + 'static)) -> Verdict {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(verdict) = known_verdict(error) {
            return verdict;
        }
        link = error.source();
    }
    Verdict::Permanent
}

fn known_verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    if let Some(failure) = error.downcast_ref::<HttpFailure>() {
        return Some(failure.verdict());
    }
    if let Some(storage) = error.downcast_ref::<StorageError>() {
        return Some(storage.verdict());
    }
    if error.is::<TimedOut>() {
        return Some(Verdict::TRANSIENT);
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return Some(io.verdict());
    }
    crate::foreign::verdict(error)
}
