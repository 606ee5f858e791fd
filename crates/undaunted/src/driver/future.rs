//! The future behind `with_retry` and the builder. It is written by hand: a success takes a third
//! fewer instructions than in an `async fn`, and the operation's future is never stored twice.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use pin_project_lite::pin_project;

use super::call::{Around, Call};
use super::context::{Classify, Context};
use super::scope::current_deadline;
use super::timer::Timer;

pin_project! {
    /// Attempts until one succeeds or the state says stop.
    pub(super) struct RetryFuture<'c, Op, Fut, E, C, X, S>
    where
        X: Context<'c>,
        S: Timer,
    {
        op: Op,
        call: Call<'c, E, C, X, S>,
        #[pin]
        step: Step<Fut>,
    }
}

pin_project! {
    /// Where a call stands, and what runs there.
    ///
    /// ```text
    ///                       success
    ///  Start ───► Attempting ──────────────────────► Done
    ///              ▲     │                            ▲
    ///              │     │ failure, or cut by a limit │ stop
    ///              │     └───────► Call::failed ──────┤
    ///    wait over │                                  │ retry
    ///              └──────────────────── Waiting ◄────┘
    /// ```
    ///
    /// What runs beside it is the call's: the wait, and the limit of the attempt. In here its drop
    /// would be at every change of step, which costs a success 30 instructions.
    ///
    /// An attempt that has no time left to begin in fails without beginning.
    #[project = StepProjection]
    enum Step<Fut> {
        Start,
        Attempting {
            #[pin]
            attempt: Fut,
        },
        Waiting,
        Done,
    }
}

impl<'c, Op, Fut, E, C, X, S> RetryFuture<'c, Op, Fut, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    #[inline]
    pub(super) const fn new(op: Op, call: Call<'c, E, C, X, S>) -> Self {
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

    /// The common case, on a path of its own: a first attempt without limits, which succeeds when
    /// it is polled for the first time.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if !matches!(*this.step, Step::Start) || !this.call.begins_freely() {
            return self.go_on(cx, None);
        }
        let attempt = (this.op)();
        this.step.set(Step::Attempting { attempt });
        let StepProjection::Attempting { attempt } = this.step.project() else {
            return self.go_on(cx, None);
        };
        match attempt.poll(cx) {
            Poll::Ready(Ok(value)) => {
                this.call.succeeded_first();
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => self.go_on(cx, Some(error)),
            Poll::Pending if current_deadline().is_some() => self.go_on_within(cx),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<'c, Op, Fut, T, E, C, X, S> RetryFuture<'c, Op, Fut, E, C, X, S>
where
    Op: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
    E: Display,
{
    /// The first attempt has to wait, and the caller has a deadline.
    #[cold]
    #[inline(never)]
    fn go_on_within(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<T, E>> {
        let call = self.as_mut().project().call;
        call.cap_first_attempt();
        let error = ready!(call.poll_cut(cx));
        self.go_on(cx, Some(error))
    }

    /// Continues from the current step, or from the failure of the current attempt.
    #[inline(never)]
    fn go_on(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        mut failure: Option<E>,
    ) -> Poll<Result<T, E>> {
        let mut this = self.project();
        loop {
            let begun = match (failure.take(), this.step.as_mut().project()) {
                (Some(error), _) => Err(error),
                (None, StepProjection::Start) => {
                    this.call.begin_spans();
                    match ready!(this.call.poll_turn(cx)) {
                        Ok(()) => this.call.begin(true),
                        Err(error) => Err(error),
                    }
                }
                (None, StepProjection::Waiting) => {
                    ready!(this.call.poll_wait(cx));
                    match ready!(this.call.poll_turn(cx)) {
                        Ok(()) => this.call.begin(false),
                        Err(error) => Err(error),
                    }
                }
                (None, StepProjection::Attempting { attempt }) => {
                    match poll_within(this.call.around(), attempt, cx) {
                        Poll::Ready(Ok(value)) => {
                            this.call.succeeded();
                            this.step.set(Step::Done);
                            return Poll::Ready(Ok(value));
                        }
                        Poll::Ready(Err(error)) => Err(error),
                        Poll::Pending => Err(ready!(this.call.poll_cut(cx))),
                    }
                }
                // Polled again after the end, which a caller must not do.
                (None, StepProjection::Done) => return Poll::Pending,
            };
            if let Err(error) = begun {
                // The attempt must not hold a connection through the wait.
                this.step.set(Step::Done);
                let delay = this.call.failed(error, None)?;
                this.step.set(Step::Waiting);
                if delay.is_zero() {
                    // Other tasks run once.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            } else {
                let attempt = {
                    let _around = this.call.around();
                    (this.op)()
                };
                this.step.set(Step::Attempting { attempt });
            }
        }
    }
}

/// Polls an attempt, within what calls in it are told.
fn poll_within<F: Future>(
    _around: Around<'_>,
    attempt: Pin<&mut F>,
    cx: &mut TaskContext<'_>,
) -> Poll<F::Output> {
    attempt.poll(cx)
}
