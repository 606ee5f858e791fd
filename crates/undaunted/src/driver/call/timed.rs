//! What a call keeps on the heap, so that one which needs none of it stays small: what it waits for,
//! the failure before, and its spans.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use pin_project_lite::pin_project;

use crate::driver::spans::{Spans, Within};
use crate::verdict::TimedOut;

/// The wait before an attempt, or the time that a running attempt has; what a deadline needs; and
/// the spans, where somebody listens.
pub(super) struct Timed<Sleep, E>(Option<Pin<Box<Kept<Sleep, E>>>>);

pin_project! {
    struct Kept<Sleep, E> {
        // None for a wait of zero.
        #[pin]
        sleep: Option<Sleep>,
        // The limit that runs out after `sleep`; None for a wait.
        because: Option<TimedOut>,
        // The failure before the next or running attempt: if the deadline cuts that, this is the
        // caller's error, since it says more.
        last: Option<E>,
        // The limit because of which `last` became the caller's error.
        ended_by: Option<TimedOut>,
        spans: Spans,
    }
}

impl<Sleep, E> Timed<Sleep, E> {
    #[inline]
    pub(super) const fn nothing() -> Self {
        Self(None)
    }

    /// Keeps what is waited for from now on, and the spans.
    pub(super) fn set(&mut self, sleep: Option<Sleep>, because: Option<TimedOut>, last: Option<E>) {
        let spans = self.take_spans();
        let is_needed = sleep.is_some() || because.is_some() || last.is_some() || spans.are_there();
        self.0 = is_needed.then(|| {
            Box::pin(Kept {
                sleep,
                because,
                last,
                ended_by: None,
                spans,
            })
        });
    }

    pub(super) fn take_because(&mut self) -> Option<TimedOut> {
        self.0.as_mut()?.as_mut().project().because.take()
    }

    pub(super) fn take_last(&mut self) -> Option<E> {
        self.0.as_mut()?.as_mut().project().last.take()
    }

    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "for sessions"))]
    pub(super) fn ended_by(&self) -> Option<&TimedOut> {
        self.0.as_ref()?.ended_by.as_ref()
    }

    pub(super) fn set_ended_by(&mut self, limit: TimedOut) {
        if let Some(kept) = &mut self.0 {
            *kept.as_mut().project().ended_by = Some(limit);
        }
    }

    /// The spans, if somebody listens.
    pub(super) fn spans(&mut self) -> Option<&mut Spans> {
        let spans = self.0.as_mut()?.as_mut().project().spans;
        spans.are_there().then_some(spans)
    }

    pub(super) fn take_spans(&mut self) -> Spans {
        self.spans().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn set_spans(&mut self, spans: Spans) {
        match &mut self.0 {
            Some(kept) => *kept.as_mut().project().spans = spans,
            None => {
                self.0 = spans.are_there().then(|| {
                    Box::pin(Kept {
                        sleep: None,
                        because: None,
                        last: None,
                        ended_by: None,
                        spans,
                    })
                });
            }
        }
    }

    pub(super) fn enter_span(&self) -> Option<Within<'_>> {
        self.0.as_ref()?.spans.enter()
    }

    /// Drops what is there, out of line: most calls have nothing here, and are dropped in place by a
    /// comparison, which saves 11 instructions.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.0.is_some() {
            discard(self.0.take());
        }
    }
}

impl<Sleep: Future<Output = ()>, E> Timed<Sleep, E> {
    /// Polls what is waited for: ready where that is nothing.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Some(kept) = &mut self.0 else {
            return Poll::Ready(());
        };
        let mut sleep = kept.as_mut().project().sleep;
        if let Some(sleep) = sleep.as_mut().as_pin_mut() {
            ready!(sleep.poll(cx));
        }
        // It may be polled again, and a future that has ended must not be.
        sleep.set(None);
        Poll::Ready(())
    }
}

#[cold]
#[inline(never)]
fn discard<T>(_: T) {}
