//! What a call is given beside its policy: a name, a budget, a pacer, a listener, and who
//! classifies its errors.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::Instant;

use super::pace::Paced;
use super::spans::Spans;
use crate::budget::RetryBudget;
use crate::event::Event;
use crate::rules::{Judgement, Rules};
use crate::verdict::{Retryable, TimedOut, Verdict};

/// What a call is given beside its policy. A type parameter and not fields of the call, so that
/// a call which is given nothing carries nothing.
pub(super) trait Context<'c> {
    /// The operation's name, for logs and events.
    fn name(&self) -> &'c str;

    /// What the operation is about, such as a key.
    fn subject(&self) -> Option<&'c Subject<'c>> {
        None
    }

    /// The spans of the call, which begins.
    fn spans(&self) -> Spans {
        Spans::of_call(self.name(), self.subject().map(|subject| subject as _))
    }

    /// The shared allowance for retries.
    fn budget(&self) -> Option<&'c RetryBudget> {
        None
    }

    /// The turns at a pacer.
    fn paced(&mut self) -> Option<&mut Paced<'c>> {
        None
    }

    /// Whether there is a listener, which gets every event.
    fn has_listener(&self) -> bool {
        false
    }

    /// Passes an event on to the listener.
    fn on_event(&mut self, _: &Event<'_>) {}

    /// Whether the call is one of its own in metrics, and not a part of one that its caller counts.
    fn counts_call(&self) -> bool {
        true
    }

    /// Whether `total_timeout` runs from the first failure and not from the first attempt.
    fn clock_starts_at_failure(&self) -> bool {
        false
    }

    /// Keeps when the call began, where the clock of `total_timeout` may start later or again.
    fn set_began(&mut self, _: Instant) {}

    /// When the call began, if that was kept.
    fn began(&self) -> Option<Instant> {
        None
    }
}

/// What an operation is about; `Sync`, so that a call which has one can move to another thread.
pub(super) type Subject<'c> = dyn fmt::Display + Sync + 'c;

/// The name of the function that `Op` is, or was written in: `app::store::upload::{{closure}}`
/// is `upload`.
pub(super) fn name_of<Op>() -> &'static str {
    shorten(type_name::<Op>())
}

fn shorten(path: &str) -> &str {
    let mut path = path;
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    let generics = path.find('<').filter(|start| *start > 0);
    let path = &path[..generics.unwrap_or(path.len())];
    path.trim_end_matches("::")
        .rsplit("::")
        .next()
        .unwrap_or(path)
}

/// Gives the verdict on an `E`, and an `E` for a limit that ran out.
#[diagnostic::on_unimplemented(
    message = "`{E}` does not say which of its failures may be retried",
    note = "implement `undaunted::Retryable` for `{E}`, or use `.classify(verdict, timed_out)`"
)]
pub trait Classify<E> {
    /// The verdict on this error.
    fn verdict(&mut self, error: &E) -> Verdict;

    /// The verdict, and the rule that decided, if one did.
    fn judge(&mut self, error: &E) -> Judgement {
        self.verdict(error).into()
    }

    /// The error for a limit that ran out.
    fn timed_out(&mut self, timed_out: TimedOut) -> E;

    /// What the error is called in spans and metrics.
    fn error_type(&self, _: &E) -> Cow<'static, str> {
        Cow::Borrowed(type_name::<E>())
    }

    /// What [`Rules`] say of this error, which is `looked_into`.
    fn by_rules(
        &self,
        rules: &Rules,
        _: &E,
        looked_into: &(dyn Error + 'static),
    ) -> Option<Judgement> {
        rules.judge(looked_into)
    }
}

/// The error's own [`Retryable`] implementation decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByTrait;

impl<E: Retryable> Classify<E> for ByTrait {
    fn verdict(&mut self, error: &E) -> Verdict {
        error.verdict()
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        E::timed_out(timed_out)
    }

    fn error_type(&self, error: &E) -> Cow<'static, str> {
        error.error_type()
    }

    fn by_rules(
        &self,
        rules: &Rules,
        error: &E,
        looked_into: &(dyn Error + 'static),
    ) -> Option<Judgement> {
        rules.judge_retryable(error, looked_into)
    }
}

/// Two functions decide, for an error that is not [`Retryable`].
pub struct ByFunctions<V, T> {
    pub(super) verdict: V,
    pub(super) timed_out: T,
}

impl<E, V, T> Classify<E> for ByFunctions<V, T>
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

/// A predicate decides whether to retry; what it accepts keeps its own verdict, hint included,
/// or is transient if it had called itself permanent.
pub struct When<P, C> {
    pub(super) predicate: P,
    pub(super) inner: C,
}

impl<E, P, C> Classify<E> for When<P, C>
where
    P: FnMut(&E) -> bool,
    C: Classify<E>,
{
    fn verdict(&mut self, error: &E) -> Verdict {
        self.judge(error).verdict
    }

    fn judge(&mut self, error: &E) -> Judgement {
        if !(self.predicate)(error) {
            return Verdict::Permanent.into();
        }
        match self.inner.judge(error) {
            Judgement {
                verdict: Verdict::Permanent,
                rule: None,
            } => Verdict::TRANSIENT.into(),
            judged => judged,
        }
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        self.inner.timed_out(timed_out)
    }

    fn error_type(&self, error: &E) -> Cow<'static, str> {
        self.inner.error_type(error)
    }

    fn by_rules(
        &self,
        rules: &Rules,
        error: &E,
        looked_into: &(dyn Error + 'static),
    ) -> Option<Judgement> {
        self.inner.by_rules(rules, error, looked_into)
    }
}

impl<P, C: fmt::Debug> fmt::Debug for When<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// [`Rules`] decide; what they say nothing of is left to `C`. `W` is the way in which the error is
/// one, see [`AsError`].
pub struct Ruled<'c, C, W> {
    pub(super) rules: &'c Rules,
    pub(super) inner: C,
    pub(super) way: PhantomData<fn() -> W>,
}

impl<E, C, W> Classify<E> for Ruled<'_, C, W>
where
    E: AsError<W>,
    C: Classify<E>,
{
    fn verdict(&mut self, error: &E) -> Verdict {
        self.judge(error).verdict
    }

    fn judge(&mut self, error: &E) -> Judgement {
        let judged = self.inner.by_rules(self.rules, error, error.as_error());
        judged.unwrap_or_else(|| self.inner.judge(error))
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        self.inner.timed_out(timed_out)
    }

    fn error_type(&self, error: &E) -> Cow<'static, str> {
        self.inner.error_type(error)
    }

    fn by_rules(
        &self,
        rules: &Rules,
        error: &E,
        looked_into: &(dyn Error + 'static),
    ) -> Option<Judgement> {
        self.inner.by_rules(rules, error, looked_into)
    }
}

impl<C: fmt::Debug, W> fmt::Debug for Ruled<'_, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ruled")
            .field("rules", &self.rules)
            .field("inner", &self.inner)
            .finish()
    }
}

/// An error that rules can look into: any [`Error`], and a boxed one. `W` is chosen by the compiler.
#[diagnostic::on_unimplemented(
    message = "rules cannot look into `{Self}`",
    label = "it does not implement `std::error::Error`",
    note = "implement `std::error::Error` for `{Self}`, so that its `source()` shows the response"
)]
pub trait AsError<W> {
    /// The error itself.
    fn as_error(&self) -> &(dyn Error + 'static);
}

/// An error of a type of its own.
#[derive(Debug)]
pub enum Typed {}

/// An error in a box.
#[derive(Debug)]
pub enum Boxed {}

impl<E: Error + 'static> AsError<Typed> for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsError<Boxed> for Box<dyn Error + Send + Sync> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self.as_ref()
    }
}

impl AsError<Boxed> for Box<dyn Error> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self.as_ref()
    }
}

#[cfg(feature = "anyhow1")]
impl AsError<Boxed> for anyhow1::Error {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn the_function_is_what_a_reader_knows() {
        for (path, name) in [
            ("app::store::upload", "upload"),
            ("app::store::upload::{{closure}}", "upload"),
            ("app::store::upload::{{closure}}::{{closure}}", "upload"),
            ("app::fetch<alloc::string::String>", "fetch"),
            ("app::fetch<alloc::string::String>::{{closure}}", "fetch"),
            ("<app::Store as app::Put>::put::{{closure}}", "put"),
            ("upload", "upload"),
            ("", ""),
        ] {
            assert_eq!(shorten(path), name, "{path}");
        }
    }
}
