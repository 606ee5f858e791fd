//! The loop body that all drivers share: begin, cut, fail, wait, succeed.

use std::fmt::Display;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::aside::Aside;
use super::extras::Extras;
use super::judge::Judge;
use super::timer::Timer;
use super::{entropy, log, metrics, testing};
use crate::classify::{TimedOut, Verdict};
use crate::config::{Jitter, RetryConfig};
use crate::event::Event;
use crate::state::{Cut, Decision, RetryState};

/// One call on its way. A call without limits that succeeds touches its config and its
/// [`Step`], and no more: clock, seed and heap wait for the first failure.
pub(super) struct Call<'c, E, C, X, S: Timer> {
    state: RetryState<'c>,
    judge: C,
    extras: X,
    timer: S,
    aside: Aside<S::Sleep, E>,
}

/// Where a call stands. Beside the call and not in it: there it would cost eight bytes, and
/// beside an attempt it costs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// No attempt yet.
    Start,
    Attempting,
    /// A wait runs in `aside`.
    Waiting,
    /// The wait is over.
    Rested,
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    X: Extras<'c>,
    S: Timer,
{
    #[inline]
    pub(super) fn new(config: &'c RetryConfig, judge: C, extras: X, timer: S) -> Self {
        Self {
            state: RetryState::unseeded(config),
            judge,
            extras,
            timer,
            aside: Aside::EMPTY,
        }
    }

    /// Makes the jitter of this call repeatable.
    pub(super) fn seed(&mut self, seed: u64) {
        self.state.seed_with(|| seed);
    }

    pub(super) const fn extras(&mut self) -> &mut X {
        &mut self.extras
    }

    pub(super) fn now(&self) -> Instant {
        self.timer.now()
    }

    pub(super) fn into_extras(self) -> X {
        self.extras
    }

    pub(super) const fn state(&mut self) -> &mut RetryState<'c> {
        &mut self.state
    }

    /// The call is dropped, or over: a retry that was paid for and has not begun is given back.
    #[inline]
    pub(super) fn dropped(&mut self) {
        // Only a budget has anything to be given back.
        if let Some(budget) = self.extras.budget() {
            self.state.on_drop(Some(budget));
        }
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Judge<E>,
    X: Extras<'c>,
    S: Timer,
    E: Display,
{
    /// Whether a first attempt may begin without a look at a clock.
    #[inline]
    pub(super) const fn is_untimed(&self) -> bool {
        !self.state.config().has_time_limit()
    }

    /// An attempt begins. An error means that there is no time for it; it counts as the
    /// attempt's.
    #[inline]
    pub(super) fn begin(&mut self, step: &mut Step) -> Result<(), E> {
        if self.is_untimed() {
            *step = Step::Attempting;
            self.state.on_attempt(None);
            return Ok(());
        }
        self.begin_timed(step)
    }

    #[cold]
    fn begin_timed(&mut self, step: &mut Step) -> Result<(), E> {
        if let Some(cut) = self.limit(step)? {
            let sleep = self.timer.sleep(cut.after);
            self.aside.limit(sleep, cut.because);
        }
        Ok(())
    }

    /// An attempt begins that this driver cannot cut: what is left to it is told instead.
    pub(super) fn begin_uncut(&mut self, step: &mut Step) -> Result<Option<Duration>, E> {
        Ok(self.limit(step)?.map(|cut| cut.after))
    }

    fn limit(&mut self, step: &mut Step) -> Result<Option<Cut>, E> {
        let is_first = std::mem::replace(step, Step::Attempting) == Step::Start;
        let config = self.state.config();
        let now = config.has_time_limit().then(|| self.timer.now());
        if is_first && !self.extras.clock_starts_at_failure() {
            if let Some(now) = now {
                self.state.start_clock(now);
            }
        }
        match self.state.on_attempt(now) {
            Some(cut) if cut.after.is_zero() => Err(self.cut(cut.because)),
            cut => Ok(cut),
        }
    }

    /// While an attempt is pending: the error that takes its place once a limit cuts it.
    #[inline]
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<E> {
        let because = ready!(self.aside.poll_cut(cx));
        Poll::Ready(self.cut(because))
    }

    /// The error for a limit that ran out. A cut at the deadline after an earlier failure is
    /// that failure, which says more.
    fn cut(&mut self, because: TimedOut) -> E {
        let last = match because {
            TimedOut::Total { .. } => self.aside.take_last(),
            _ => None,
        };
        last.unwrap_or_else(|| self.judge.timed_out(because))
    }

    /// An attempt failed: the error is the outcome, or the wait before the next begins and
    /// is polled. A wait of zero lets others run once.
    #[inline(always)]
    #[allow(clippy::inline_always)] // measured: 30 instructions a failure
    pub(super) fn failed(
        &mut self,
        step: &mut Step,
        error: E,
        known: Option<Verdict>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), E>> {
        let delay = self.decide(error, known)?;
        if delay.is_zero() {
            *step = Step::Rested;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.wait(step, delay, cx).map(Ok)
    }

    /// The same for a driver that waits by itself: how long.
    pub(super) fn failed_unwaited(&mut self, step: &mut Step, error: E) -> Result<Duration, E> {
        *step = Step::Rested;
        self.decide(error, None)
    }

    #[inline(never)]
    fn wait(&mut self, step: &mut Step, delay: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.timer.sleep(delay);
        self.aside.wait(sleep);
        *step = Step::Waiting;
        self.poll_waiting(step, cx)
    }

    /// Polls the wait, if there is one.
    #[inline]
    pub(super) fn poll_wait(&mut self, step: &mut Step, cx: &mut Context<'_>) -> Poll<()> {
        if *step == Step::Waiting {
            return self.poll_waiting(step, cx);
        }
        Poll::Ready(())
    }

    #[inline(never)]
    fn poll_waiting(&mut self, step: &mut Step, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.aside.poll_wait(cx));
        *step = Step::Rested;
        Poll::Ready(())
    }

    /// Asks the state: how long to wait, or the error. `known` is the verdict of a caller who
    /// knows better than the error what it means.
    #[inline(always)]
    #[allow(clippy::inline_always)] // as above
    fn decide(&mut self, error: E, known: Option<Verdict>) -> Result<Duration, E> {
        if self.state.config().total_timeout().is_some()
            || self.extras.budget().is_some()
            || self.is_heard()
            || testing::is_switched()
        {
            return self.decide_slowly(error, known);
        }
        // Without a clock and a budget half of the decision is left out.
        let verdict = known.unwrap_or_else(|| self.judge.verdict(&error));
        self.seed_for(verdict);
        match self.state.decide(None, verdict, None) {
            Decision::Retry { delay } => Ok(delay),
            Decision::Stop(_) => Err(error),
        }
    }

    /// The same with all that a call may bring along, and tells those who listen.
    #[cold]
    #[inline(never)]
    fn decide_slowly(&mut self, error: E, known: Option<Verdict>) -> Result<Duration, E> {
        let verdict = known.unwrap_or_else(|| self.judge.verdict(&error));
        self.seed_for(verdict);
        let timed = self.state.config().total_timeout().is_some();
        let now = (timed || self.extras.budget().is_some()).then(|| self.timer.now());
        if let (true, None, Some(now)) = (timed, self.state.deadline(), now) {
            self.state.start_clock(now);
        }
        let decision = self.state.on_failure(now, verdict, self.extras.budget());
        let decision = testing::switched(decision, &mut self.state, self.extras.budget());
        if self.is_heard() {
            self.tell(decision, &error, verdict);
        }
        match decision {
            Decision::Stop(_) => Err(error),
            Decision::Retry { delay } => {
                if timed {
                    self.aside.remember(error);
                }
                Ok(delay)
            }
        }
    }

    /// Draws the seed if this failure needs one.
    #[inline]
    fn seed_for(&mut self, verdict: Verdict) {
        if self.state.config().jitter() != Jitter::None || verdict.retry_after().is_some() {
            self.state.seed_with(entropy::seed);
        }
    }

    /// The call succeeded.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        self.succeeded_at_once();
        if !self.is_told_of_successes() && self.state.retries() > 0 && log::is_on() {
            self.succeeded_slowly();
        }
    }

    /// The call succeeded at its first attempt.
    #[inline]
    pub(super) fn succeeded_at_once(&mut self) {
        if self.is_told_of_successes() {
            self.succeeded_slowly();
        }
    }

    /// Whether anyone must be told of a success, at the first attempt too.
    #[inline]
    fn is_told_of_successes(&self) -> bool {
        metrics::IS_ON || self.extras.budget().is_some() || self.extras.is_watched()
    }

    #[cold]
    #[inline(never)]
    fn succeeded_slowly(&mut self) {
        self.state.on_success(self.extras.budget());
        if !self.is_heard() {
            return;
        }
        let attempts = self.state.retries().saturating_add(1);
        let event = Event::Succeeded {
            operation: self.extras.name(),
            subject: self.extras.subject().map(|subject| subject as _),
            attempts,
        };
        if attempts > 1 {
            log::write(&event);
        }
        metrics::record(&event, self.extras.budget());
        self.extras.observe(&event);
    }

    fn tell(&mut self, decision: Decision, error: &E, verdict: Verdict) {
        let operation = self.extras.name();
        let subject = self.extras.subject().map(|subject| subject as _);
        let retries = self.state.retries();
        let max_retries = self.state.config().max_retries();
        let event = match decision {
            Decision::Retry { delay } => Event::Retry {
                operation,
                subject,
                retry: retries,
                max_retries,
                delay,
                verdict,
                error,
            },
            Decision::Stop(reason) => Event::Stopped {
                operation,
                subject,
                attempts: retries.saturating_add(1),
                max_retries,
                reason,
                verdict,
                error,
            },
        };
        log::write(&event);
        metrics::record(&event, self.extras.budget());
        self.extras.observe(&event);
    }

    /// Whether anyone listens, so that an event is worth making.
    #[inline]
    fn is_heard(&self) -> bool {
        log::is_on() || metrics::IS_ON || self.extras.is_watched()
    }
}
