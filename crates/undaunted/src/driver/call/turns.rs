//! How a call waits for its turns at a pacer, and what the pacer hears of its attempts.

use std::fmt::Display;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use super::Call;
use crate::driver::context::{Classify, Context};
use crate::driver::pace::pacing_began;
use crate::driver::scope::current_deadline;
use crate::driver::timer::Timer;
use crate::driver::{log, metrics};
use crate::testing;
use crate::verdict::TimedOut;

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
    E: Display,
{
    /// Polls the wait for the pacer before an attempt. An error means that there is no time left
    /// for it; it counts as the attempt's.
    #[inline]
    pub(in crate::driver) fn poll_turn(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), E>> {
        match self.context.paced() {
            Some(paced) if !paced.is_free() && !testing::are_waits_off() => self.poll_queue(cx),
            Some(paced) => {
                paced.queued = Duration::ZERO;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Ok(())),
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_queue(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), E>> {
        loop {
            if self.context.paced().is_some_and(|paced| paced.is_waiting()) {
                ready!(self.poll_wait(cx));
            }
            let now = self.timer.now();
            self.start(now);
            let limit = self.config.total_timeout();
            let runs_from_failure = self.context.clock_starts_at_failure();
            let Some(paced) = self.context.paced() else {
                return Poll::Ready(Ok(()));
            };
            let (until, has_ended) = paced.poll(now);
            // Where the clock starts at a failure, it starts again while the call waits and the
            // service takes the request of another.
            let taken = paced.taken.filter(|_| runs_from_failure);
            if let (Some(taken), Some(_)) = (taken, self.state.start()) {
                self.state.start_clock(taken);
            }
            let Some(until) = until else {
                if has_ended {
                    self.pacing_ended();
                }
                return Poll::Ready(Ok(()));
            };
            let start = self.state.start().or(paced.turn.since()).max(taken);
            let total = start.zip(limit).and_then(|(start, limit)| {
                let end = start.checked_add(limit)?;
                Some((end, TimedOut::Total { limit }))
            });
            let of_caller = current_deadline().map(|end| {
                let since = start.unwrap_or(now);
                let limit = end.saturating_duration_since(since);
                (end, TimedOut::Deadline { limit })
            });
            let ends = [total, of_caller].into_iter().flatten();
            let until = match ends.min_by_key(|(end, _)| *end) {
                Some((end, because)) if end <= now => {
                    paced.turn.leave();
                    return Poll::Ready(Err(self.cut(because)));
                }
                Some((end, _)) => end.min(until),
                None => until,
            };
            let last = self.timed.take_last();
            let sleep = self.timer.sleep(until.saturating_duration_since(now));
            self.timed.set(Some(sleep), None, last);
        }
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    /// The service took the attempt: the pacer is told, if it had let it go.
    #[inline]
    pub(super) fn taken(&mut self) {
        if let Some(paced) = self.context.paced().filter(|paced| paced.turn.is_sent()) {
            if paced.turn.succeeded(self.timer.now()) {
                self.pacing_ended();
            }
        }
    }

    /// Throttling has ended: logs and metrics say so.
    #[cold]
    fn pacing_ended(&self) {
        log::pacing_ended(self.context.name());
        metrics::pacing_ended();
    }

    /// The service throttled the attempt: the pacer is told.
    pub(super) fn throttled(&mut self, now: Instant) {
        let Some(pace) = self.context.paced() else {
            return;
        };
        if pace.turn.throttled(now) {
            let pacer = pace.pacer;
            pacing_began(pacer, self.context.name());
        }
    }
}
