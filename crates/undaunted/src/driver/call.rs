//! One call, as all drivers make it: an attempt begins, is cut, fails, is retried, or succeeds.

mod caps;
mod timed;
mod told;
mod turns;

use std::fmt::Display;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use super::context::{Classify, Context};
use super::metrics::AttemptClock;
use super::scope::current_deadline;
use super::timer::Timer;
use super::{entropy, metrics, spans};
use crate::config::RetryConfig;
use crate::event::AttemptOutcome;
use crate::rules::Judgement;
use crate::state::{Cut, Decision, RetryState};
use crate::testing;
use crate::verdict::{TimedOut, Verdict};
use timed::Timed;
pub(super) use told::Around;

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
    timed: Timed<S::Sleep, E>,
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
            timed: Timed::nothing(),
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

    /// Polls the wait before the next attempt.
    pub(super) fn poll_wait(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.timed.poll(cx)
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

    /// The limit that ended the last attempt, if an earlier failure is its error.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "for sessions"))]
    pub(super) fn ended_by(&self) -> Option<&TimedOut> {
        self.timed.ended_by()
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
        let last = self.timed.take_last();
        match cut {
            Some(Cut { after, because }) => {
                let sleep = self.timer.sleep(after);
                self.timed.set(Some(sleep), Some(because), last);
            }
            None => self.timed.set(None, None, None),
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

    /// While an attempt is pending: the error that takes its place once a limit cuts it.
    pub(super) fn poll_cut(&mut self, cx: &mut TaskContext<'_>) -> Poll<E> {
        ready!(self.timed.poll(cx));
        match self.timed.take_because() {
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
            TimedOut::Total { .. } | TimedOut::Deadline { .. } => self.timed.take_last(),
            _ => None,
        };
        let Some(last) = last else {
            return self.classifier.timed_out(because);
        };
        self.timed.set_ended_by(because);
        last
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
                self.timed.set(sleep, None, last);
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
        self.timed.clear();
    }
}
