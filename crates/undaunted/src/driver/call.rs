//! One call, as all drivers make it: an attempt begins, is cut, fails, is retried, or succeeds.

mod caps;
mod turns;

use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::context::{Classify, Context};
use super::metrics::AttemptClock;
use super::scope::current_deadline;
use super::spans::{Spans, Within};
use super::timer::Timer;
use super::{entropy, log, metrics, spans};
use crate::config::RetryConfig;
use crate::event::{AttemptOutcome, Event};
use crate::rules::Judgement;
use crate::state::{Cut, Decision, RetryState};
use crate::testing;
use crate::verdict::{TimedOut, Verdict};

/// One call: its policy, what it was given beside it, and the state that decides.
///
/// A call without limits and listeners that succeeds at its first attempt touches no more than
/// its policy: clock, seed and heap wait for the first failure.
pub(super) struct Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    config: &'c RetryConfig,
    pub(super) state: RetryState,
    pub(super) classifier: C,
    pub(super) context: X,
    timer: S,
    attempt_clock: AttemptClock,
    timed: OnHeap<Timed<S::Sleep, E>>,
}

/// What an attempt runs within.
pub(super) struct Around<'a> {
    _outer: Option<super::scope::Entered>,
    _span: Option<Within<'a>>,
}

/// On the heap, so that a call which does not need it stays small.
type OnHeap<T> = Option<Pin<Box<T>>>;

pin_project! {
    /// The wait before an attempt, or the time that a running attempt has; what a deadline needs;
    /// and the spans, where somebody listens.
    struct Timed<Sleep, E> {
        // None for a wait of zero.
        #[pin]
        sleep: Option<Sleep>,
        // The limit that runs out after `sleep`; None for a wait.
        because: Option<TimedOut>,
        // The failure before the next or running attempt: if the deadline cuts that, this is the
        // caller's error, since it says more.
        last: Option<E>,
        // The limit because of which `last` became the caller's error.
        ended_by: Option<TimedOut>,
        spans: Spans,
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    #[inline]
    pub(super) const fn new(config: &'c RetryConfig, classifier: C, context: X, timer: S) -> Self {
        Self {
            config,
            state: RetryState::unseeded(),
            classifier,
            context,
            timer,
            attempt_clock: AttemptClock::new(),
            timed: None,
        }
    }

    /// The number of the current attempt, from 1.
    pub(super) const fn attempt(&self) -> u32 {
        self.state.retries().saturating_add(1)
    }

    /// Whether the first attempt may begin without [`begin`](Self::begin): no clock is to be
    /// read, nothing can cut it, and nothing holds it.
    #[inline]
    pub(super) fn begins_freely(&mut self) -> bool {
        let has_turn = self.context.paced().is_none_or(|paced| paced.is_free());
        has_turn && !self.config.has_time_limit() && !self.has_listener() && !spans::is_on()
    }

    /// The call begins, and its spans do, if somebody listens.
    pub(super) fn begin_spans(&mut self) {
        if spans::is_on() && self.spans().is_none() {
            let spans = self.context.spans();
            match &mut self.timed {
                // Somebody began to listen between two attempts.
                Some(timed) => *timed.as_mut().project().spans = spans,
                None => {
                    self.timed = Some(Box::pin(Timed {
                        sleep: None,
                        because: None,
                        last: None,
                        ended_by: None,
                        spans,
                    }));
                }
            }
        }
    }

    fn spans(&mut self) -> Option<&mut Spans> {
        let spans = self.timed.as_mut()?.as_mut().project().spans;
        spans.are_there().then_some(spans)
    }

    /// What an attempt runs within: the retry that it is a part of, and its span.
    #[inline]
    pub(super) fn around(&self) -> Around<'_> {
        Around {
            _outer: self.as_outer(),
            _span: self.enter_span(),
        }
    }

    fn enter_span(&self) -> Option<Within<'_>> {
        self.timed.as_ref()?.spans.enter()
    }

    /// Keeps what is waited for from now on, or nothing if there is nothing to keep.
    fn time(&mut self, sleep: Option<S::Sleep>, because: Option<TimedOut>, last: Option<E>) {
        let spans = self.spans().map(std::mem::take).unwrap_or_default();
        let is_needed = sleep.is_some() || because.is_some() || last.is_some() || spans.are_there();
        self.timed = is_needed.then(|| {
            Box::pin(Timed {
                sleep,
                because,
                last,
                ended_by: None,
                spans,
            })
        });
    }

    /// Polls the wait before the next attempt.
    pub(super) fn poll_wait(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match &mut self.timed {
            Some(timed) => timed.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }

    /// The call succeeded at its first attempt.
    #[inline]
    pub(super) fn succeeded_first(&mut self) {
        if self.context.budget().is_some() || self.has_listener() {
            self.emit_success();
        }
        self.taken();
    }

    /// The call succeeded.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        if self.state.retries() > 0 || self.context.budget().is_some() || self.has_listener() {
            self.emit_success();
        }
        self.taken();
        let is_whole = self.context.counts_call();
        if let Some(spans) = self.spans() {
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
    fn has_listener(&self) -> bool {
        metrics::IS_ON || self.context.has_listener()
    }

    fn emit(
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
        let attempt_took = self.attempt_clock.stop(now);
        let began = self.context.began().or(self.state.start());
        let mut spans = self.spans().map(std::mem::take).unwrap_or_default();
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
        if let Some(timed) = &mut self.timed {
            *timed.as_mut().project().spans = spans;
        }
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
    E: Display,
{
    /// An attempt begins. An error means that there is no time for it; it counts as the
    /// attempt's.
    pub(super) fn begin(&mut self, is_first: bool) -> Result<(), E> {
        let cut = self.limit(is_first)?;
        let last = self.take_last();
        match cut {
            Some(Cut { after, because }) => {
                let sleep = self.timer.sleep(after);
                self.time(Some(sleep), Some(because), last);
            }
            None => self.time(None, None, None),
        }
        Ok(())
    }

    /// An attempt begins: when it must be cut. If that is now, the error takes its place.
    pub(super) fn limit(&mut self, is_first: bool) -> Result<Option<Cut>, E> {
        let deadline = current_deadline();
        let is_timed = metrics::IS_ON
            || self.config.has_time_limit()
            || deadline.is_some()
            || (is_first && self.has_listener());
        let now = is_timed.then(|| self.timer.now());
        if let (Some(now), true) = (now, is_first) {
            self.start(now);
        }
        let cut = self.state.on_attempt(self.config, now);
        match caps::earliest(cut, now, deadline, self.began()) {
            Some(cut) if cut.after.is_zero() => Err(self.cut(cut.because)),
            cut => {
                self.begin_attempt_span();
                self.attempt_clock.start(now);
                Ok(cut)
            }
        }
    }

    #[inline]
    fn begin_attempt_span(&mut self) {
        let queued = self
            .context
            .paced()
            .map_or(Duration::ZERO, |paced| paced.queued);
        if let Some(spans) = self.spans() {
            spans.begin_attempt(queued);
        }
    }

    /// When the call began, if that was kept.
    fn began(&self) -> Option<Instant> {
        self.context.began().or(self.state.start())
    }

    /// The call begins: its clock starts, unless it has started while the call waited for its
    /// first turn.
    fn start(&mut self, now: Instant) {
        if self.began().is_some() {
            return;
        }
        self.context.set_began(now);
        if !self.context.clock_starts_at_failure() {
            self.state.start_clock(now);
        }
    }

    /// While an attempt is pending: the error that takes its place once a limit cuts it.
    pub(super) fn poll_cut(&mut self, cx: &mut TaskContext<'_>) -> Poll<E> {
        let Some(timed) = &mut self.timed else {
            return Poll::Pending;
        };
        ready!(timed.as_mut().poll(cx));
        match timed.as_mut().project().because.take() {
            Some(because) => Poll::Ready(self.cut(because)),
            None => Poll::Pending,
        }
    }

    /// The error for a limit that ran out.
    fn cut(&mut self, because: TimedOut) -> E {
        if let Some(paced) = self.context.paced() {
            paced.was_cut = true;
        }
        let last = match because {
            TimedOut::Total { .. } | TimedOut::Deadline { .. } => self.take_last(),
            _ => None,
        };
        let Some(last) = last else {
            return self.classifier.timed_out(because);
        };
        if let Some(timed) = &mut self.timed {
            *timed.as_mut().project().ended_by = Some(because);
        }
        last
    }

    /// The limit that ended the last attempt, if an earlier failure is its error.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "for sessions"))]
    pub(super) fn ended_by(&self) -> Option<&TimedOut> {
        self.timed.as_ref()?.ended_by.as_ref()
    }

    fn take_last(&mut self) -> Option<E> {
        self.timed.as_mut()?.as_mut().project().last.take()
    }

    /// An attempt failed: the error comes back, or the wait before the next attempt begins, and
    /// this is its length. `known` is the verdict of a caller who knows better than the error
    /// what it means.
    pub(super) fn failed(&mut self, error: E, known: Option<Judgement>) -> Result<Duration, E> {
        let Judgement { verdict, rule } = known.unwrap_or_else(|| self.classifier.judge(&error));
        let rule = rule.as_deref();
        let attempt = self.attempt();
        let budget = self.context.budget();
        let has_limit = self.config.total_timeout().is_some();
        let deadline = current_deadline();
        let has_deadline = has_limit || deadline.is_some();
        // The error of an attempt that was cut is an earlier one's, which the pacer has heard of.
        let pacer = self.context.paced().and_then(|paced| {
            let was_cut = std::mem::take(&mut paced.was_cut);
            (!was_cut).then_some(paced.pacer)
        });
        let is_timed = has_deadline || budget.is_some() || pacer.is_some() || self.has_listener();
        let now = is_timed.then(|| self.timer.now());
        if let (true, None, Some(now)) = (has_limit, self.state.start(), now) {
            self.state.start_clock(now);
        }
        // A first attempt that began freely and never had to wait: no clock was read until now.
        if let (Some(_), Some(now)) = (deadline, now) {
            self.start(now);
        }
        self.state.seed_with(entropy::seed);
        let decision =
            if let (Some(pacer), Some(now), Verdict::Throttled { .. }) = (pacer, now, verdict) {
                self.throttled(now);
                self.state
                    .on_paced_failure(self.config, Some(now), verdict, pacer)
            } else {
                if verdict == Verdict::Permanent {
                    self.taken();
                }
                self.state.on_failure(self.config, now, verdict, budget)
            };
        let decision = testing::switched(decision, &mut self.state, budget);
        let error_type = self.error_type(&error);
        match self.capped(decision, now, deadline) {
            Decision::Retry { delay } => {
                let outcome = AttemptOutcome::Retrying {
                    delay,
                    verdict,
                    error: &error,
                };
                self.emit(attempt, now, rule, outcome, &error_type);
                let sleep = (!delay.is_zero()).then(|| self.timer.sleep(delay));
                let last = has_deadline.then_some(error);
                self.time(sleep, None, last);
                Ok(delay)
            }
            Decision::Stop(reason) => {
                let outcome = AttemptOutcome::Stopped {
                    reason,
                    verdict,
                    error: &error,
                };
                self.emit(attempt, now, rule, outcome, &error_type);
                Err(error)
            }
        }
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
{
    /// What an error is called, where anybody asks.
    fn error_type(&mut self, error: &E) -> Cow<'static, str> {
        if metrics::IS_ON || self.spans().is_some() {
            self.classifier.error_type(error)
        } else {
            Cow::Borrowed("")
        }
    }
}

/// A retry that was paid for and has not begun is given back.
impl<'c, E, C, X, S> Drop for Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    #[inline]
    fn drop(&mut self) {
        if let Some(budget) = self.context.budget() {
            // On a copy: the compiler then sees that `timed` stays as it is.
            self.state.clone().on_drop(Some(budget));
        }
        // Out of line: most calls have nothing here, and are dropped in place by a comparison,
        // which saves 11 instructions.
        if self.timed.is_some() {
            discard(self.timed.take());
        }
    }
}

impl<Sleep: Future<Output = ()>, E> Timed<Sleep, E> {
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let mut sleep = self.project().sleep;
        if let Some(sleep) = sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        // It may be polled again, and a future that has ended must not be.
        sleep.set(None);
        Poll::Ready(())
    }
}

#[cold]
#[inline(never)]
fn discard<T>(_: T) {}
