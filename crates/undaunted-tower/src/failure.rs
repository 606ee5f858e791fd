//! A failed attempt, as the session of the core judges it.

use std::fmt;

use undaunted::{HttpFailure, Retryable, TimedOut, Verdict};

/// A failed attempt.
pub(crate) enum Failure<E> {
    /// An error of the service, and what it means.
    Error {
        error: E,
        verdict: Verdict,
        /// Whether it shows that the request was not processed.
        is_unprocessed: bool,
    },
    /// A response that is a failure. The response itself is kept apart, so that it does not hold
    /// its connection while the next attempt waits.
    Response(HttpFailure),
    /// A limit ended the attempt, or the call.
    TimedOut(TimedOut),
}

impl<E> Failure<E> {
    /// Whether it shows that the request was not processed.
    pub(crate) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Error { is_unprocessed, .. } => *is_unprocessed,
            Self::Response(failure) => failure.proves_not_applied(),
            Self::TimedOut(_) => false,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error { error, .. } => error.fmt(f),
            Self::Response(failure) => failure.fmt(f),
            Self::TimedOut(timed_out) => timed_out.fmt(f),
        }
    }
}

impl<E: fmt::Display> Retryable for Failure<E> {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Error { verdict, .. } => *verdict,
            Self::Response(failure) => failure.verdict(),
            Self::TimedOut(timed_out) => timed_out.verdict(),
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::TimedOut(timed_out)
    }
}
