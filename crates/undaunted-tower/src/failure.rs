//! A failed attempt, as the session of the core judges it.

use std::fmt;

use undaunted::{HttpFailure, Judgement, Retryable, TimedOut, Verdict};

/// A failed attempt.
pub(crate) enum Failure<E> {
    /// An error of the service, and what it means.
    Error {
        error: E,
        judged: Judgement,
        /// Whether it shows that the request was not processed.
        is_unprocessed: bool,
    },
    /// A response that is a failure, and what it means. The response itself is kept apart, so that
    /// it does not hold its connection while the next attempt waits.
    Response {
        failure: HttpFailure,
        judged: Judgement,
    },
    /// A limit ended the attempt, or the call.
    TimedOut(TimedOut),
    /// A failure that may pass, of a request that is not repeated.
    NotRepeated {
        failure: Box<Self>,
        why: &'static str,
    },
}

impl<E> Failure<E> {
    /// The same, of a request that is not repeated, and why. Where the failure would not be
    /// repeated anyway it says nothing of that.
    pub(crate) fn not_repeated(self, why: &'static str) -> Self {
        if !self.judged().verdict.is_retryable() {
            return self;
        }
        let failure = Box::new(self);
        Self::NotRepeated { failure, why }
    }

    /// The failure itself.
    pub(crate) fn itself(self) -> Self {
        match self {
            Self::NotRepeated { failure, .. } => *failure,
            failure => failure,
        }
    }

    /// Whether it shows that the request was not processed.
    pub(crate) fn is_unprocessed(&self) -> bool {
        match self {
            Self::Error { is_unprocessed, .. } => *is_unprocessed,
            Self::Response { failure, .. } => failure.proves_not_applied(),
            Self::TimedOut(_) => false,
            Self::NotRepeated { failure, .. } => failure.is_unprocessed(),
        }
    }

    /// What it means, and which rule says so.
    pub(crate) fn judged(&self) -> Judgement {
        match self {
            Self::Error { judged, .. } | Self::Response { judged, .. } => judged.clone(),
            Self::TimedOut(timed_out) => timed_out.verdict().into(),
            Self::NotRepeated { .. } => Verdict::Permanent.into(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error { error, .. } => error.fmt(f),
            Self::Response { failure, .. } => failure.fmt(f),
            Self::TimedOut(timed_out) => timed_out.fmt(f),
            Self::NotRepeated { failure, why } => write!(f, "{failure}; {why}"),
        }
    }
}

impl<E: fmt::Display> Retryable for Failure<E> {
    fn verdict(&self) -> Verdict {
        self.judged().verdict
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::TimedOut(timed_out)
    }
}
