//! What a failure means: the verdict on an error, the trait that gives it, and the failure that
//! is a time limit. The ground floor: it uses nothing else of this crate.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What classification says of a failure.
///
/// Retryable verdicts may carry a hint from the service, `retry_after`: how long it asked
/// callers to stay away. A hint is a floor for the wait, spread upwards by up to 25 %; it
/// never adds attempts and never outlives a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Another attempt cannot help: not found, permission denied, bad configuration.
    Permanent,
    /// The service asked its callers to slow down (429, `SlowDown`).
    Throttled {
        /// How long the service asked us to wait, if it said.
        retry_after: Option<Duration>,
    },
    /// A fault that may pass: a broken connection, a timeout, a 5xx.
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
/// Implemented for [`std::io::Error`], [`StorageError`](crate::StorageError),
/// [`HttpFailure`](crate::HttpFailure), [`TimedOut`], boxed errors (which look for one of these
/// along `source()`) and, under features named with their versions, for the errors of
/// [other clients](crate::guide::other_clients), such as object_store's and reqwest's. For an
/// error of your own, either implement it or pass the two functions to
/// [`Retry::classify`](crate::Retry::classify).
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
///             QueueError::TimedOut(timed_out) => timed_out.verdict(),
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
    /// `attempt_timeout` is tried again, so it should be the verdict of `timed_out`.
    fn timed_out(timed_out: TimedOut) -> Self;

    /// The response that this error was made of, for [`Rules`](crate::Rules). Default: none. It is
    /// needed only where neither the error nor a cause of it is one that rules know, such as an
    /// [`HttpFailure`](crate::HttpFailure).
    fn failed_response(&self) -> Option<FailedResponse<'_>> {
        None
    }

    /// What this error is called in spans and metrics, see [`error_type`](crate::error_type): one of a
    /// few values, and never text with a key or a number in it. Default: the code or the status of the
    /// [`failed_response`](Self::failed_response), else the name of the type.
    fn error_type(&self) -> Cow<'static, str> {
        match self.failed_response() {
            Some(response) => {
                crate::errors::error_type::of_response(response.status, response.code)
            }
            None => Cow::Borrowed(type_name::<Self>()),
        }
    }
}

/// What a failed response says, as far as rules need it.
///
/// ```
/// use undaunted::FailedResponse;
///
/// let response = FailedResponse::new(503).with_code(Some("SlowDown"));
/// assert_eq!((response.status, response.code), (503, Some("SlowDown")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedResponse<'e> {
    /// The HTTP status.
    pub status: u16,
    /// The service's code, such as `SlowDown`, if it sent one.
    pub code: Option<&'e str>,
    /// How long the service asked us to wait, if it did.
    pub retry_after: Option<Duration>,
}

impl<'e> FailedResponse<'e> {
    /// A response with this status.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            code: None,
            retry_after: None,
        }
    }

    /// The same with the service's code.
    #[must_use]
    pub const fn with_code(mut self, code: Option<&'e str>) -> Self {
        self.code = code;
        self
    }

    /// The same with the wait that the service asked for.
    #[must_use]
    pub const fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

/// A time limit that ran out, or that cannot be enforced: which one, and how long it is.
///
/// [`Retryable::timed_out`] turns it into the caller's error. It is an [`Error`] itself, so
/// that it can be the source of another, and [`Retryable`], so that the other can have its
/// verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimedOut {
    /// One attempt ran longer than `attempt_timeout`.
    Attempt {
        /// The limit.
        limit: Duration,
    },
    /// `attempt_timeout` is set for a blocking operation that does not know it, so that nothing
    /// could enforce it. No attempt was made: this is a configuration error, and permanent.
    CannotCut {
        /// The limit.
        limit: Duration,
    },
    /// The deadline of the caller passed, which [`with_deadline`](crate::with_deadline) sets.
    Deadline {
        /// How long the call ran until then. Zero: the deadline had passed before it, and no attempt
        /// was made.
        limit: Duration,
    },
    /// The whole operation ran longer than `total_timeout`.
    Total {
        /// The limit.
        limit: Duration,
    },
}

impl TimedOut {
    /// How long the limit is.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        match self {
            Self::Attempt { limit }
            | Self::CannotCut { limit }
            | Self::Deadline { limit }
            | Self::Total { limit } => *limit,
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
                 blocking::Retry::new(|attempt| ..), which gives it the time left"
            ),
            Self::Deadline { limit } if limit.is_zero() => {
                f.write_str("the caller's deadline has passed, so no attempt was made")
            }
            Self::Deadline { limit } => {
                let seconds = Seconds(*limit);
                write!(f, "the caller's deadline ended the call after {seconds}")
            }
            Self::Total { limit } => write!(f, "timed out after {limit:?} in all"),
        }
    }
}

impl Error for TimedOut {}

/// A length of time that was measured: seconds, to the millisecond.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_millis(1) {
            return f.write_str("less than 0.001s");
        }
        let text = format!("{:.3}", self.0.as_secs_f64());
        let text = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{text}s")
    }
}

impl Retryable for TimedOut {
    /// A limit that ran out is transient; one that cannot be enforced is permanent.
    fn verdict(&self) -> Verdict {
        match self {
            Self::Attempt { .. } | Self::Deadline { .. } | Self::Total { .. } => Verdict::TRANSIENT,
            Self::CannotCut { .. } => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: Self) -> Self {
        timed_out
    }

    fn error_type(&self) -> Cow<'static, str> {
        Cow::Borrowed("timeout")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_said_in_seconds_to_the_millisecond() {
        for (nanoseconds, said) in [
            (999_999, "less than 0.001s"),
            (1_000_000, "0.001s"),
            (1_234_567, "0.001s"),
            (250_000_001, "0.25s"),
            (1_999_999_999, "2s"),
            (10_000_000_000, "10s"),
            (61_234_567_891, "61.235s"),
        ] {
            let limit = Duration::from_nanos(nanoseconds);
            assert_eq!(
                TimedOut::Deadline { limit }.to_string(),
                format!("the caller's deadline ended the call after {said}")
            );
        }
    }

    #[test]
    fn a_limit_that_ran_out_is_a_timeout() {
        let limit = Duration::from_secs(1);
        assert_eq!(TimedOut::Total { limit }.error_type(), "timeout");
    }
}
