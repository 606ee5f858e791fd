//! Whose word counts on an error: the error's own, a predicate's, or two functions'.

use std::fmt;

use crate::classify::{Retryable, TimedOut, Verdict};

/// Gives the verdict on an `E`, and an `E` for a limit that ran out.
#[diagnostic::on_unimplemented(
    message = "`{E}` does not say which of its failures may be retried",
    note = "implement `undaunted::Retryable` for `{E}`, or use `.classify(verdict, timed_out)`"
)]
pub trait Judge<E> {
    /// The verdict on this error.
    fn verdict(&mut self, error: &E) -> Verdict;

    /// The error for a limit that ran out.
    fn timed_out(&mut self, timed_out: TimedOut) -> E;
}

/// The error's own [`Retryable`] implementation decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByTrait;

impl<E: Retryable> Judge<E> for ByTrait {
    fn verdict(&mut self, error: &E) -> Verdict {
        error.verdict()
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        E::timed_out(timed_out)
    }
}

/// Two functions decide, for an error that is not [`Retryable`].
pub struct ByFunctions<V, T> {
    pub(super) verdict: V,
    pub(super) timed_out: T,
}

impl<E, V, T> Judge<E> for ByFunctions<V, T>
where
    V: FnMut(&E) -> Verdict,
    T: FnMut(TimedOut) -> E,
{
    fn verdict(&mut self, error: &E) -> Verdict {
        (self.verdict)(error)
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        (self.timed_out)(timed_out)
    }
}

impl<V, T> fmt::Debug for ByFunctions<V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByFunctions")
    }
}

/// A predicate decides whether to retry; what it lets through keeps its own verdict, hint
/// included, or is transient if it had called itself permanent.
pub struct When<P, C> {
    pub(super) predicate: P,
    pub(super) inner: C,
}

impl<E, P, C> Judge<E> for When<P, C>
where
    P: FnMut(&E) -> bool,
    C: Judge<E>,
{
    fn verdict(&mut self, error: &E) -> Verdict {
        if !(self.predicate)(error) {
            return Verdict::Permanent;
        }
        match self.inner.verdict(error) {
            Verdict::Permanent => Verdict::TRANSIENT,
            verdict => verdict,
        }
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        self.inner.timed_out(timed_out)
    }
}

impl<P, C: fmt::Debug> fmt::Debug for When<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
