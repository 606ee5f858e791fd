//! What is told of a call: events to logs, metrics and the listener, and its spans.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Call;
use crate::driver::context::{Classify, Context};
use crate::driver::scope::Entered;
use crate::driver::spans::{self, Within};
use crate::driver::timer::Timer;
use crate::driver::{log, metrics};
use crate::event::{AttemptOutcome, Event};
use crate::verdict::Verdict;

/// What an attempt runs within.
pub(in crate::driver) struct Around<'a> {
    _outer: Option<Entered>,
    _span: Option<Within<'a>>,
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    /// The call begins, and its spans do, if somebody listens.
    pub(in crate::driver) fn begin_spans(&mut self) {
        // Somebody may begin to listen between two attempts.
        if spans::is_on() && self.timed.spans().is_none() {
            let spans = self.context.spans();
            self.timed.set_spans(spans);
        }
    }

    /// What an attempt runs within: the retry that it is a part of, and its span.
    #[inline]
    pub(in crate::driver) fn around(&self) -> Around<'_> {
        Around {
            _outer: self.as_outer(),
            _span: self.timed.enter_span(),
        }
    }

    #[inline]
    pub(super) fn begin_attempt_span(&mut self) {
        let paced = self.context.paced();
        let queued = paced.map_or(Duration::ZERO, |paced| paced.queued);
        if let Some(spans) = self.timed.spans() {
            spans.begin_attempt(queued);
        }
    }

    /// The call succeeded at its first attempt.
    #[inline]
    pub(in crate::driver) fn succeeded_first(&mut self) {
        if self.context.budget().is_some() || self.has_listener() {
            self.emit_success();
        }
        self.taken();
    }

    /// The call succeeded.
    #[inline]
    pub(in crate::driver) fn succeeded(&mut self) {
        if self.state.retries() > 0 || self.context.budget().is_some() || self.has_listener() {
            self.emit_success();
        }
        self.taken();
        let is_whole = self.context.counts_call();
        if let Some(spans) = self.timed.spans() {
            spans.succeeded(is_whole);
        }
    }

    #[cold]
    fn emit_success(&mut self) {
        self.state.on_success(self.context.budget());
        let now = self.has_listener().then(|| self.timer.now());
        self.emit(self.attempt(), now, None, AttemptOutcome::Succeeded, "");
    }

    /// Whether there is a listener that gets every event, with its time.
    #[inline]
    pub(super) fn has_listener(&self) -> bool {
        metrics::IS_ON || self.context.has_listener()
    }

    pub(super) fn emit(
        &mut self,
        attempt: u32,
        now: Option<Instant>,
        rule: Option<&str>,
        outcome: AttemptOutcome<'_>,
        error_type: &str,
    ) {
        if !log::is_on() && !self.has_listener() {
            return;
        }
        self.attempt_clock.stop(now);
        let attempt_took = self.attempt_clock.take();
        let began = self.began();
        let mut spans = self.timed.take_spans();
        let mut event = Event::new(
            self.context.name(),
            attempt,
            self.config.max_retries(),
            outcome,
        );
        event.rule = rule;
        event.subject = self.context.subject().map(|subject| subject as _);
        event.elapsed = began
            .zip(now)
            .map(|(began, now)| now.saturating_duration_since(began));
        if let Some(paced) = self.context.paced() {
            event.queued = paced.queued;
            event.pace = paced.pacer.rate();
        }
        {
            let _within = spans.enter();
            log::write(&event);
            let counts_call = self.context.counts_call();
            metrics::record(
                &event,
                self.context.budget(),
                attempt_took,
                error_type,
                counts_call,
            );
            self.context.on_event(&event);
        }
        spans.end_attempt(&event, error_type);
        self.timed.set_spans(spans);
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
{
    /// What an error is called, where anybody asks.
    pub(super) fn error_type(&mut self, error: &E) -> Cow<'static, str> {
        if metrics::IS_ON || self.timed.spans().is_some() {
            self.classifier.error_type(error)
        } else {
            Cow::Borrowed("")
        }
    }

    /// The attempt has ended with this error, and what follows from it is found out first: its span
    /// and its time end now.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "for sessions"))]
    pub(in crate::driver) fn attempt_failed(&mut self, error: &E, verdict: Verdict) {
        let now = metrics::IS_ON.then(|| self.timer.now());
        self.attempt_clock.stop(now);
        let error_type = self.error_type(error);
        if let Some(spans) = self.timed.spans() {
            spans.attempt_failed(verdict, &error_type);
        }
    }
}
