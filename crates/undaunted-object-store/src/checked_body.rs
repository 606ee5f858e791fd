//! A body that is complete or an error: one that stalls, ends short or is too long is broken.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::{Error, Result};
use tokio::time::{Instant, Sleep, sleep_until};
use undaunted::TimedOut;

use crate::deadline;
use crate::error::generic;

/// The body of one response.
pub(crate) struct CheckedBody {
    stream: BoxStream<'static, Result<Bytes>>,
    /// What has not arrived yet.
    left: Range<u64>,
    stall: Stall,
    /// When it was first read under a deadline of the caller.
    capped_since: Option<Instant>,
}

impl CheckedBody {
    /// A body that brings this range of an object.
    pub(crate) const fn new(
        stream: BoxStream<'static, Result<Bytes>>,
        range: Range<u64>,
        stall_timeout: Duration,
    ) -> Self {
        Self {
            stream,
            left: range,
            stall: Stall::new(stall_timeout),
            capped_since: None,
        }
    }

    /// What has not arrived yet.
    pub(crate) const fn left(&self) -> &Range<u64> {
        &self.left
    }

    /// The next bytes, never none of them, or the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next bytes. An end before the announced length is a failure, and so is more; what
    /// else follows the last byte is not.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let missing = self.left.end.saturating_sub(self.left.start);
        let deadline = deadline::of_caller();
        if let (Some(deadline), true) = (deadline, missing > 0) {
            let now = Instant::now();
            let since = *self.capped_since.get_or_insert(now);
            if now >= deadline {
                let limit = deadline.saturating_duration_since(since);
                return Poll::Ready(Err(timed_out(TimedOut::Deadline { limit })));
            }
        }
        loop {
            let chunk = match self.stream.poll_next_unpin(cx) {
                Poll::Ready(chunk) => chunk.transpose(),
                Poll::Pending if missing > 0 => {
                    let since = self.capped_since.unwrap_or_else(Instant::now);
                    return self.stall.poll(cx, deadline, since).map(Err);
                }
                Poll::Pending => Ok(None),
            };
            self.stall.reset();
            return Poll::Ready(match chunk {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(Some(chunk)) if chunk.len() as u64 > missing => Err(generic(format!(
                    "the body is longer than announced: {missing} bytes were left and {} came",
                    chunk.len()
                ))),
                Ok(Some(chunk)) => {
                    self.left.start += chunk.len() as u64;
                    Ok(Some(chunk))
                }
                _ if missing == 0 => Ok(None),
                Ok(None) => Err(short(missing)),
                Err(error) => Err(error),
            });
        }
    }
}

/// A limit on the time in which nothing comes, while something is waited for.
struct Stall {
    limit: Duration,
    waiting: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: false,
            timer: None,
        }
    }

    /// Something came.
    fn reset(&mut self) {
        self.waiting = false;
    }

    /// Nothing came yet: an error when the time is up. A consumer that comes back late was not
    /// waiting, so its time starts anew.
    ///
    /// The deadline of the caller ends the wait too. The body has been read under it `since` then.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        since: Instant,
    ) -> Poll<Error> {
        let ends_later =
            |timer: &Pin<Box<Sleep>>| deadline.is_some_and(|end| end < timer.deadline());
        if !self.waiting || self.timer.as_ref().is_some_and(ends_later) {
            self.waiting = true;
            self.arm(deadline);
        }
        loop {
            let Some(timer) = &mut self.timer else {
                return Poll::Pending;
            };
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if let Some(deadline) = deadline.filter(|deadline| *deadline <= now) {
                let limit = deadline.saturating_duration_since(since);
                return Poll::Ready(timed_out(TimedOut::Deadline { limit }));
            }
            if now < timer.deadline() + PROMPT {
                let limit = self.limit;
                return Poll::Ready(timed_out(TimedOut::Attempt { limit }));
            }
            self.arm(deadline);
        }
    }

    fn arm(&mut self, deadline: Option<Instant>) {
        let stalled = Instant::now().checked_add(self.limit);
        let Some(deadline) = stalled.into_iter().chain(deadline).min() else {
            return;
        };
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(sleep_until(deadline))),
        }
    }
}

pub(crate) fn short(missing: u64) -> Error {
    generic(std::io::Error::new(
        std::io::ErrorKind::UnexpectedEof,
        format!("the body ended {missing} bytes short"),
    ))
}

fn timed_out(timed_out: TimedOut) -> Error {
    generic(HttpError::new(HttpErrorKind::Timeout, timed_out))
}

/// How late a timer may be seen and still count. A runtime under load is late by less; a
/// consumer that paused is late by more, or finds its data there.
const PROMPT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn body(chunks: Vec<Result<Bytes>>, length: u64) -> CheckedBody {
        let stream = stream::iter(chunks).chain(stream::pending()).boxed();
        CheckedBody::new(stream, 0..length, Duration::from_secs(30))
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_the_last_byte_is_no_failure_unless_it_is_more() {
        let abc = || Ok(Bytes::from("abc"));
        for behind in [vec![], vec![Err(short(1))]] {
            let mut body = body([abc()].into_iter().chain(behind).collect(), 3);
            assert_eq!(body.next().await.unwrap().unwrap(), "abc");
            assert_eq!(body.next().await.unwrap(), None);
        }
        let mut longer = body(vec![abc(), abc()], 3);
        assert!(longer.next().await.is_ok());
        assert!(longer.next().await.is_err());
        let mut stalls = body(vec![abc()], 4);
        assert!(stalls.next().await.is_ok());
        assert!(stalls.next().await.is_err());
    }
}
