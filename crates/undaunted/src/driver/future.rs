//! The future behind `with_retry` and the builder, written by hand: a third fewer
//! instructions on success than the compiler's, and it never holds the operation twice.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use super::call::Call;
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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if !this.call.is_attempting() {
                ready!(this.call.poll_wait(cx));
                if let Err(error) = this.call.begin() {
                    this.call.failed(error)?;
                    continue;
                }
                this.attempt.set(Some((this.op)()));
            }
            let Some(attempt) = this.attempt.as_mut().as_pin_mut() else {
                // Polled again after it was ready, which a caller must not do.
                return Poll::Pending;
            };
            let error = match attempt.poll(cx) {
                Poll::Ready(Ok(value)) => {
                    this.call.succeeded();
                    return Poll::Ready(Ok(value));
                }
                Poll::Ready(Err(error)) => error,
                Poll::Pending => ready!(this.call.poll_cut(cx)),
            };
            this.attempt.set(None);
            this.call.failed(error)?;
        }
    }
}
