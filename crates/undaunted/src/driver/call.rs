//! One call, as all drivers make it: an attempt begins, fails or succeeds, is retried or not.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::context::{Classify, Context};
use super::timer::Timer;
use super::{entropy, log, metrics};
use crate::config::RetryConfig;
use crate::event::{AttemptOutcome, Event};
use crate::state::{Cut, Decision, RetryState};
use crate::testing;
use crate::verdict::{TimedOut, Verdict};

/// One call: its policy, what it was given beside it, and the state that decides.
///
/// A call without limits and listeners that succeeds at its first attempt touches no more than
/// its policy: clock, seed and heap wait for the first failure.
pub(super) struct Call<'c, C, X: Context<'c>, S> {
    config: &'c RetryConfig,
    state: RetryState,
    classifier: C,
    context: X,
    timer: S,
}

/// A failed attempt is retried.
pub(super) struct Again<E> {
    /// The wait before the next attempt.
    pub(super) delay: Duration,
    pub(super) last: LastFailure<E>,
}

/// The failure before an attempt, where there is a deadline: if that cuts the attempt, this is
/// the caller's error, since it says more.
pub(super) type LastFailure<E> = Option<Box<E>>;

/// The limit of a running attempt, if it has one.
pub(super) type AttemptLimit<Sleep, E> = Option<Pin<Box<Limit<Sleep, E>>>>;

pin_project! {
    /// The time that a running attempt has.
    pub(super) struct Limit<Sleep, E> {
        #[pin]
        sleep: Sleep,
        because: TimedOut,
        last: LastFailure<E>,
    }
}

impl<'c, C, X: Context<'c>, S: Timer> Call<'c, C, X, S> {
    #[inline]
    pub(super) const fn new(config: &'c RetryConfig, classifier: C, context: X, timer: S) -> Self {
        Self {
            config,
            state: RetryState::unseeded(),
            classifier,
            context,
            timer,
        }
    }

    /// Makes the jitter of this call repeatable.
    pub(super) fn seed(&mut self, seed: u64) {
        self.state.seed_with(|| seed);
    }

    pub(super) const fn context(&mut self) -> &mut X {
        &mut self.context
    }

    pub(super) const fn state(&self) -> &RetryState {
        &self.state
    }

    /// What follows gets all retries again.
    pub(super) const fn progressed(&mut self) {
        self.state.on_progress();
    }

    /// An attempt begins. An error means that there is no time for it; it counts as the
    /// attempt's.
    #[inline]
    pub(super) fn begin<E>(
        &mut self,
        is_first: bool,
        last: LastFailure<E>,
    ) -> Result<AttemptLimit<S::Sleep, E>, E>
    where
        C: Classify<E>,
    {
        match self.cut_at(is_first) {
            None => Ok(None),
            Some(cut) if cut.after.is_zero() => Err(self.cut(cut.because, last)),
            Some(Cut { after, because }) => {
                let sleep = self.timer.sleep(after);
                Ok(Some(Box::pin(Limit {
                    sleep,
                    because,
                    last,
                })))
            }
        }
    }

    /// An attempt begins: when it must be cut.
    #[inline]
    pub(super) fn cut_at(&mut self, is_first: bool) -> Option<Cut> {
        let is_timed = self.config.has_time_limit() || (is_first && self.has_listener());
        let now = is_timed.then(|| self.timer.now());
        if let (Some(now), true) = (now, is_first) {
            self.context.set_began(now);
            if !self.context.clock_starts_at_failure() {
                self.state.start_clock(now);
            }
        }
        self.state.on_attempt(self.config, now)
    }

    /// The error for a limit that ran out.
    pub(super) fn cut<E>(&mut self, because: TimedOut, last: LastFailure<E>) -> E
    where
        C: Classify<E>,
    {
        match (&because, last) {
            (TimedOut::Total { .. }, Some(last)) => *last,
            _ => self.classifier.timed_out(because),
        }
    }

    /// An attempt failed: the error comes back, or another attempt follows. `known` is the
    /// verdict of a caller who knows better than the error what it means.
    pub(super) fn failed<E>(&mut self, error: E, known: Option<Verdict>) -> Result<Again<E>, E>
    where
        C: Classify<E>,
        E: Display,
    {
        let verdict = known.unwrap_or_else(|| self.classifier.verdict(&error));
        let attempt = self.attempt();
        let has_deadline = self.config.total_timeout().is_some();
        let budget = self.context.budget();
        let is_timed = has_deadline || budget.is_some() || self.has_listener();
        let now = is_timed.then(|| self.timer.now());
        if let (true, None, Some(now)) = (has_deadline, self.state.start(), now) {
            self.state.start_clock(now);
        }
        self.state.seed_with(entropy::seed);
        let decision = self.state.on_failure(self.config, now, verdict, budget);
        let decision = testing::switched(decision, &mut self.state, budget);
        let error_text: &dyn Display = &error;
        self.tell(
            attempt,
            now,
            match decision {
                Decision::Retry { delay } => AttemptOutcome::Retrying {
                    delay,
                    verdict,
                    error: error_text,
                },
                Decision::Stop(reason) => AttemptOutcome::Stopped {
                    reason,
                    verdict,
                    error: error_text,
                },
            },
        );
        match decision {
            Decision::Retry { delay } => Ok(Again {
                delay,
                last: has_deadline.then(|| Box::new(error)),
            }),
            Decision::Stop(_) => Err(error),
        }
    }

    /// Which attempt is, or was, the current one, from 1.
    pub(super) const fn attempt(&self) -> u32 {
        self.state.retries().saturating_add(1)
    }

    /// The wait before the next attempt. None for a delay of zero: others run once.
    pub(super) fn wait(&mut self, delay: Duration) -> Option<Pin<Box<S::Sleep>>> {
        (!delay.is_zero()).then(|| Box::pin(self.timer.sleep(delay)))
    }

    /// The call succeeded.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        if self.state.retries() > 0 || self.context.budget().is_some() || self.has_listener() {
            self.tell_success();
        }
    }

    #[cold]
    fn tell_success(&mut self) {
        self.state.on_success(self.context.budget());
        let now = self.has_listener().then(|| self.timer.now());
        self.tell(self.attempt(), now, AttemptOutcome::Succeeded);
    }

    fn tell(&mut self, attempt: u32, now: Option<Instant>, outcome: AttemptOutcome<'_>) {
        if !log::is_on() && !self.has_listener() {
            return;
        }
        let began = self.context.began().or(self.state.start());
        let event = Event {
            subject: self.context.subject().map(|subject| subject as _),
            elapsed: began
                .zip(now)
                .map(|(began, now)| now.saturating_duration_since(began)),
            ..Event::new(
                self.context.name(),
                attempt,
                self.config.max_retries(),
                outcome,
            )
        };
        log::write(&event);
        metrics::record(&event, self.context.budget());
        self.context.tell(&event);
    }

    /// Whether every event is wanted, and with its time.
    #[inline]
    fn has_listener(&self) -> bool {
        metrics::IS_ON || self.context.has_listener()
    }
}

/// A retry that was paid for and has not begun is given back.
impl<'c, C, X: Context<'c>, S> Drop for Call<'c, C, X, S> {
    #[inline]
    fn drop(&mut self) {
        // Only a budget has anything to be given back.
        if let Some(budget) = self.context.budget() {
            self.state.on_drop(Some(budget));
        }
    }
}

impl<Sleep: Future<Output = ()>, E> Limit<Sleep, E> {
    /// Ready when the attempt must be cut: why, and the failure before it.
    pub(super) fn poll(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<(TimedOut, LastFailure<E>)> {
        let this = self.project();
        ready!(this.sleep.poll(cx));
        Poll::Ready((this.because.clone(), this.last.take()))
    }
}
