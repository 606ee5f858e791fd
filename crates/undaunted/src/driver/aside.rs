//! What a call keeps on the heap: the running wait, and what a time limit needs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::classify::TimedOut;

/// Made at the first real wait or by a time limit, so that a call which has neither stays
/// small. Dropping one that was not needed is a comparison in place.
pub(super) struct Aside<Sleep, E>(Option<Pin<Box<Kept<Sleep, E>>>>);

pin_project! {
    struct Kept<Sleep, E> {
        // The wait between attempts, or the one after which an attempt is cut. Never both.
        #[pin]
        sleep: Option<Sleep>,
        // The limit that `sleep` enforces, while an attempt runs.
        because: Option<TimedOut>,
        // The failure before the running attempt: what the caller gets if the deadline cuts it.
        last: Option<E>,
    }
}

impl<Sleep, E> Aside<Sleep, E> {
    pub(super) const EMPTY: Self = Self(None);

    /// A wait begins.
    pub(super) fn wait(&mut self, sleep: Sleep) {
        self.kept().project().sleep.set(Some(sleep));
    }

    /// An attempt begins that is cut after `sleep`.
    pub(super) fn limit(&mut self, sleep: Sleep, because: TimedOut) {
        let mut kept = self.kept().project();
        kept.sleep.set(Some(sleep));
        *kept.because = Some(because);
    }

    /// The failure before the next attempt.
    pub(super) fn remember(&mut self, error: E) {
        *self.kept().project().last = Some(error);
    }

    /// The failure that was remembered.
    pub(super) fn take_last(&mut self) -> Option<E> {
        self.0.as_mut()?.as_mut().project().last.take()
    }

    fn kept(&mut self) -> Pin<&mut Kept<Sleep, E>> {
        self.0
            .get_or_insert_with(|| {
                Box::pin(Kept {
                    sleep: None,
                    because: None,
                    last: None,
                })
            })
            .as_mut()
    }
}

impl<Sleep: Future<Output = ()>, E> Aside<Sleep, E> {
    /// Polls the wait, if there is one.
    #[inline]
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            None => Poll::Ready(()),
            Some(kept) => kept.as_mut().poll_sleep(cx),
        }
    }

    /// Polls the limit of the running attempt: pending for ever if there is none.
    #[inline]
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<TimedOut> {
        match &mut self.0 {
            None => Poll::Pending,
            Some(kept) => kept.as_mut().poll_cut(cx),
        }
    }
}

impl<Sleep: Future<Output = ()>, E> Kept<Sleep, E> {
    fn poll_sleep(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        this.sleep.set(None);
        Poll::Ready(())
    }

    fn poll_cut(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TimedOut> {
        if self.because.is_some() {
            ready!(self.as_mut().poll_sleep(cx));
        }
        self.project()
            .because
            .take()
            .map_or(Poll::Pending, Poll::Ready)
    }
}

impl<Sleep, E> Drop for Aside<Sleep, E> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            forget(self.0.take());
        }
    }
}

#[cold]
#[inline(never)]
fn forget<T>(_: Option<Pin<Box<T>>>) {}
