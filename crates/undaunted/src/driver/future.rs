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
        let mut polled = None;
        // The common case on a path of its own: a first attempt, and it succeeds at once.
        if *this.step == Step::Start && this.call.is_untimed() {
            *this.step = Step::Attempting;
            this.attempt.set(Some((this.op)()));
            if let Some(attempt) = this.attempt.as_pin_mut() {
                polled = Some(match attempt.poll(cx) {
                    Poll::Ready(Ok(value)) => {
                        this.call.succeeded_at_once();
                        return Poll::Ready(Ok(value));
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(error),
                    Poll::Pending => Poll::Pending,
                });
            }
        }
        self.poll_slowly(polled, cx)
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
    /// Everything but a success at the first poll. `polled` is what became of an attempt that
    /// was polled already.
    #[inline(never)]
    fn poll_slowly(
        self: Pin<&mut Self>,
        mut polled: Option<Poll<E>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, E>> {
        let mut this = self.project();
        loop {
            if let Some(polled) = polled.take() {
                let error = match polled {
                    Poll::Ready(error) => error,
                    Poll::Pending => ready!(this.call.poll_cut(cx)),
                };
                this.attempt.set(None);
                this.call.failed(this.step, error)?;
            }
            if *this.step != Step::Attempting {
                ready!(this.call.poll_wait(this.step, cx));
                if let Err(error) = this.call.begin(this.step) {
                    polled = Some(Poll::Ready(error));
                    continue;
                }
                this.attempt.set(Some((this.op)()));
            }
            let attempt = this.attempt.as_mut().as_pin_mut();
            polled = Some(match attempt.map(|attempt| attempt.poll(cx)) {
                Some(Poll::Ready(Ok(value))) => {
                    this.call.succeeded();
                    return Poll::Ready(Ok(value));
                }
                Some(Poll::Ready(Err(error))) => Poll::Ready(error),
                // Without an attempt: polled again after it was over, which a caller must not do.
                Some(Poll::Pending) | None => Poll::Pending,
            });
        }
    }
}
