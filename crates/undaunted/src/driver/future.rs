//! The future behind `with_retry` and the builder, written by hand: a third fewer
//! instructions on success than the compiler's, and it never holds the operation twice.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use pin_project_lite::pin_project;

use super::call::{Again, AttemptLimit, Call, LastFailure};
use super::context::{Classify, Context};
use super::timer::Timer;

pin_project! {
    /// Attempts until one succeeds or the state says stop.
    pub(super) struct RetryFuture<'c, Op, Fut, E, C, X, S>
    where
        X: Context<'c>,
        S: Timer,
    {
        op: Op,
        call: Call<'c, C, X, S>,
        #[pin]
        step: Step<Fut, S::Sleep, E>,
    }
}

pin_project! {
    /// Where a call stands, and what runs there.
    ///
    /// ```text
    ///              success
    ///  Attempting ──────────────────► Done
    ///   ▲  ▲   │                       ▲
    ///   │  │   │ failure, or cut       │
    ///   │  │   └──► Call::failed ──────┘ stop
    ///   │  │              │ retry
    ///   │  │ wait over    ▼
    ///   │  └────────── Waiting
    /// Start
    /// ```
    ///
    /// An attempt that has no time left to begin in fails without beginning.
    #[project = StepProjection]
    enum Step<Fut, Sleep, E> {
        Start,
        Attempting {
            #[pin]
            attempt: Fut,
            limit: AttemptLimit<Sleep, E>,
        },
        Waiting {
            // None where the delay is zero and others are run once.
            sleep: Option<Pin<Box<Sleep>>>,
            last: LastFailure<E>,
        },
        Done,
    }
}

impl<'c, Op, Fut, E, C, X, S> RetryFuture<'c, Op, Fut, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    #[inline]
    pub(super) const fn new(op: Op, call: Call<'c, C, X, S>) -> Self {
        Self {
            op,
            call,
            step: Step::Start,
        }
    }
}

impl<'c, Op, Fut, T, E, C, X, S> Future for RetryFuture<'c, Op, Fut, E, C, X, S>
where
    Op: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
    E: Display,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let begun = match this.step.as_mut().project() {
                StepProjection::Start => this.call.begin(true, None),
                StepProjection::Waiting { sleep, last } => {
                    if let Some(sleep) = sleep {
                        ready!(sleep.as_mut().poll(cx));
                    }
                    this.call.begin(false, last.take())
                }
                StepProjection::Attempting { attempt, limit } => match (attempt.poll(cx), limit) {
                    (Poll::Ready(Ok(value)), _) => {
                        this.call.succeeded();
                        this.step.set(Step::Done);
                        return Poll::Ready(Ok(value));
                    }
                    (Poll::Ready(Err(error)), _) => Err(error),
                    (Poll::Pending, None) => return Poll::Pending,
                    (Poll::Pending, Some(limit)) => {
                        let (because, last) = ready!(limit.as_mut().poll(cx));
                        Err(this.call.cut(because, last))
                    }
                },
                // Polled again after it was over, which a caller must not do.
                StepProjection::Done => return Poll::Pending,
            };
            match begun {
                Ok(limit) => {
                    let attempt = (this.op)();
                    this.step.set(Step::Attempting { attempt, limit });
                }
                Err(error) => {
                    // The attempt must not hold a connection through the wait.
                    this.step.set(Step::Done);
                    let Again { delay, last } = this.call.failed(error, None)?;
                    let sleep = this.call.wait(delay);
                    let is_over = sleep.is_none();
                    this.step.set(Step::Waiting { sleep, last });
                    if is_over {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
