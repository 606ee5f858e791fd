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

    /// The next bytes. An end before the announced length is a failure, and so is more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let missing = self.left.end - self.left.start;
        loop {
            let Poll::Ready(chunk) = self.stream.poll_next_unpin(cx) else {
                return self.stall.poll(cx).map(Err);
            };
            self.stall.reset();
            return Poll::Ready(match chunk.transpose()? {
                Some(chunk) if chunk.is_empty() => continue,
                Some(chunk) if chunk.len() as u64 > missing => Err(generic(format!(
                    "the body is longer than announced: {missing} bytes were left and {} came",
                    chunk.len()
                ))),
                None if missing > 0 => Err(short(missing)),
                Some(chunk) => {
                    self.left.start += chunk.len() as u64;
                    Ok(Some(chunk))
                }
                None => Ok(None),
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
