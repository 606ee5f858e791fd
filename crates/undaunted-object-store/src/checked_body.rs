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

use crate::error::generic;

/// The body of one response.
pub(crate) struct CheckedBody {
    stream: BoxStream<'static, Result<Bytes>>,
    /// What has not arrived yet.
    left: Range<u64>,
    stall: Stall,
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
        loop {
            let chunk = match self.stream.poll_next_unpin(cx) {
                Poll::Ready(chunk) => chunk.transpose(),
                Poll::Pending if missing > 0 => return self.stall.poll(cx).map(Err),
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
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if !self.waiting {
            self.waiting = true;
            self.arm();
        }
        loop {
            let Some(timer) = &mut self.timer else {
                return Poll::Pending;
            };
            ready!(timer.as_mut().poll(cx));
            if Instant::now() < timer.deadline() + PROMPT {
                return Poll::Ready(stalled(self.limit));
            }
            self.arm();
        }
    }

    fn arm(&mut self) {
        let Some(deadline) = Instant::now().checked_add(self.limit) else {
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

fn stalled(limit: Duration) -> Error {
    generic(HttpError::new(
        HttpErrorKind::Timeout,
        TimedOut::Attempt { limit },
    ))
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
