//! The future behind `with_retry` and the builder, written by hand: a third fewer
//! instructions on success than the compiler's, and it never holds the operation twice.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use super::call::{Call, Step};
use super::extras::Extras;
use super::judge::Judge;
use super::timer::Timer;

pin_project! {
    /// Attempts until one succeeds or the state says stop.
    pub(super) struct RetryFuture<'c, Op, Fut, T, E, C, X, S>
    where
        Fut: Future<Output = Result<T, E>>,
        C: Judge<E>,
        X: Extras<'c>,
        S: Timer,
        E: Display,
    {
        op: Op,
        call: Call<'c, E, C, X, S>,
        step: Step,
        #[pin]
        attempt: Option<Fut>,
    }

    impl<'c, Op, Fut, T, E, C, X, S> PinnedDrop for RetryFuture<'c, Op, Fut, T, E, C, X, S>
    where
        Fut: Future<Output = Result<T, E>>,
        C: Judge<E>,
        X: Extras<'c>,
        S: Timer,
        E: Display,
    {
        fn drop(this: Pin<&mut Self>) {
            this.project().call.dropped();
        }
    }
}

impl<'c, Op, Fut, T, E, C, X, S> RetryFuture<'c, Op, Fut, T, E, C, X, S>
where
    Fut: Future<Output = Result<T, E>>,
    C: Judge<E>,
    X: Extras<'c>,
    S: Timer,
    E: Display,
{
    pub(super) const fn new(op: Op, call: Call<'c, E, C, X, S>) -> Self {
        Self {
            op,
            call,
            step: Step::Start,
            attempt: None,
        }
    }

    /// What the call brought along, to make something of it at the end.
    pub(super) fn extras(self: Pin<&mut Self>) -> &mut X {
        self.project().call.extras()
    }

    /// The time, by the clock of this call.
    pub(super) fn now(&self) -> Instant {
        self.call.now()
    }
}

impl<'c, Op, Fut, T, E, C, X, S> Future for RetryFuture<'c, Op, Fut, T, E, C, X, S>
where
    Op: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: Judge<E>,
    X: Extras<'c>,
    S: Timer,
    E: Display,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if *this.step != Step::Start || !this.call.is_untimed() {
            return self.poll_slowly(cx);
        }
        // The common case on a path of its own: a first attempt, and it succeeds at once.
        *this.step = Step::Attempting;
        this.attempt.set(Some((this.op)()));
        match this.attempt.as_pin_mut().map(|attempt| attempt.poll(cx)) {
            Some(Poll::Ready(Ok(value))) => {
                this.call.succeeded_at_once();
                Poll::Ready(Ok(value))
            }
            Some(Poll::Ready(Err(error))) => self.poll_failed(error, cx),
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

impl<'c, Op, Fut, T, E, C, X, S> RetryFuture<'c, Op, Fut, T, E, C, X, S>
where
    Op: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    C: Judge<E>,
    X: Extras<'c>,
    S: Timer,
    E: Display,
{
    /// The first attempt failed at its first poll.
    #[inline(never)]
    fn poll_failed(mut self: Pin<&mut Self>, error: E, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut this = self.as_mut().project();
        this.attempt.set(None);
        ready!(this.call.failed(this.step, error, None, cx))?;
        self.poll_slowly(cx)
    }

    /// Everything but the first poll.
    #[inline(never)]
    fn poll_slowly(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut this = self.project();
        loop {
            let begun = if *this.step == Step::Attempting {
                Ok(())
            } else {
                ready!(this.call.poll_wait(this.step, cx));
                let begun = this.call.begin(this.step);
                if begun.is_ok() {
                    this.attempt.set(Some((this.op)()));
                }
                begun
            };
            let polled = match (begun, this.attempt.as_mut().as_pin_mut()) {
                (Err(error), _) => Poll::Ready(Err(error)),
                (Ok(()), Some(attempt)) => attempt.poll(cx),
                // Polled again after it was over, which a caller must not do.
                (Ok(()), None) => Poll::Pending,
            };
            let error = match polled {
                Poll::Ready(Ok(value)) => {
                    this.call.succeeded();
                    return Poll::Ready(Ok(value));
                }
                Poll::Ready(Err(error)) => error,
                Poll::Pending => ready!(this.call.poll_cut(cx)),
            };
            this.attempt.set(None);
            ready!(this.call.failed(this.step, error, None, cx))?;
        }
    }
}
