//! What a [`Session`](crate::Session) is given, and who judges its errors.

use std::borrow::Cow;
use std::error::Error;
use std::time::Instant;

use crate::budget::RetryBudget;
use crate::driver::context::{Classify, Context, Subject};
use crate::driver::pace::{Pace, Paced};
#[cfg(feature = "spans")]
use crate::driver::spans::{OperationSpan, Spans};
use crate::event::Event;
use crate::rules::{Judgement, Rules};
use crate::verdict::{Retryable, TimedOut, Verdict};

/// Who judges the errors of a [`Session`](crate::Session): rules, if it is given some, and the
/// error's own [`Retryable`] implementation.
pub(super) struct BySession<'c, E> {
    pub(super) rules: Option<(&'c Rules, LookInto<E>)>,
}

/// The error itself.
pub(super) type LookInto<E> = for<'e> fn(&'e E) -> &'e (dyn Error + 'static);

impl<E: Retryable> Classify<E> for BySession<'_, E> {
    fn verdict(&mut self, error: &E) -> Verdict {
        error.verdict()
    }

    fn judge(&mut self, error: &E) -> Judgement {
        let judged = self
            .rules
            .and_then(|(rules, look_into)| rules.judge_retryable(error, look_into(error)));
        judged.unwrap_or_else(|| error.verdict().into())
    }

    fn timed_out(&mut self, timed_out: TimedOut) -> E {
        E::timed_out(timed_out)
    }

    fn error_type(&self, error: &E) -> Cow<'static, str> {
        error.error_type()
    }
}

/// What a [`Session`] can be given.
pub(super) struct SessionContext<'c, P> {
    pub(super) name: &'c str,
    pub(super) subject: Option<&'c Subject<'c>>,
    pub(super) budget: Option<&'c RetryBudget>,
    pub(super) pace: P,
    pub(super) on_event: Option<&'c (dyn Fn(&Event<'_>) + Send + Sync)>,
    #[cfg(feature = "spans")]
    pub(super) span: Option<OperationSpan>,
    pub(super) clock_starts_at_failure: bool,
    pub(super) is_part: bool,
    pub(super) has_begun: bool,
    pub(super) began: Option<Instant>,
}

impl<'c, P: Pace<'c>> Context<'c> for SessionContext<'c, P> {
    fn name(&self) -> &'c str {
        self.name
    }

    fn subject(&self) -> Option<&'c Subject<'c>> {
        self.subject
    }

    #[cfg(feature = "spans")]
    fn spans(&self) -> Spans {
        match &self.span {
            Some(span) => Spans::of(span.clone()),
            None => Spans::of_call(self.name, self.subject.map(|subject| subject as _)),
        }
    }

    fn budget(&self) -> Option<&'c RetryBudget> {
        self.budget
    }

    #[inline]
    fn paced(&mut self) -> Option<&mut Paced<'c>> {
        self.pace.paced()
    }

    fn has_listener(&self) -> bool {
        self.on_event.is_some()
    }

    fn on_event(&mut self, event: &Event<'_>) {
        if let Some(on_event) = self.on_event {
            on_event(event);
        }
    }

    fn counts_call(&self) -> bool {
        !self.is_part
    }

    fn clock_starts_at_failure(&self) -> bool {
        self.clock_starts_at_failure
    }

    fn set_began(&mut self, now: Instant) {
        self.began = Some(now);
    }

    fn began(&self) -> Option<Instant> {
        self.began
    }
}
