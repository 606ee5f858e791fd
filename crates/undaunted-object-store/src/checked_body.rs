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
///
/// A reader that waits is woken when a step of the limit is over; one that pauses is not there
/// then, and its time starts anew. So a pause never counts as more than one step.
struct Stall {
    limit: Duration,
    /// While the reader waits: the steps of the limit that are over, and since when the next one
    /// runs.
    waiting: Option<(u32, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
            timer: None,
        }
    }

    /// Something came.
    fn reset(&mut self) {
        self.waiting = None;
    }

    /// Nothing came yet: an error when the time is up.
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
        let is_new = self.waiting.is_none();
        if is_new {
            self.waiting = Some((0, Instant::now()));
        }
        if is_new || self.timer.as_ref().is_some_and(ends_later) {
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
            match (self.waiting, self.step_ends()) {
                // The timer was set to a deadline that the reader is no longer under.
                (_, end) if end.is_none_or(|end| now < end) => {}
                (Some((steps, _)), Some(end)) if now < end + self.prompt() => {
                    if steps + 1 >= STEPS {
                        let limit = self.limit;
                        return Poll::Ready(timed_out(TimedOut::Attempt { limit }));
                    }
                    self.waiting = Some((steps + 1, now));
                }
                _ => self.waiting = Some((0, now)),
            }
            self.arm(deadline);
        }
    }

    /// When the step that runs is over.
    fn step_ends(&self) -> Option<Instant> {
        let (_, since) = self.waiting?;
        since.checked_add(self.limit / STEPS)
    }

    /// How late a reader that waits may be woken: a runtime under load is late by less, and a reader
    /// that paused by more, or finds its data there.
    fn prompt(&self) -> Duration {
        (self.limit / STEPS).clamp(SHORTEST_PROMPT, LONGEST_PROMPT)
    }

    fn arm(&mut self, deadline: Option<Instant>) {
        let Some(end) = self.step_ends().into_iter().chain(deadline).min() else {
            self.timer = None;
            return;
        };
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(end),
            None => self.timer = Some(Box::pin(sleep_until(end))),
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

/// In how many steps a reader has to be there. A pause counts as one at most.
const STEPS: u32 = 5;

/// A busy machine wakes a task later than short limits last.
const SHORTEST_PROMPT: Duration = Duration::from_millis(100);

/// Nothing but a pause takes longer.
const LONGEST_PROMPT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::error::Error as _;

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

    /// What a read of at most this long says, if it ends in that time.
    async fn read_for(body: &mut CheckedBody, seconds: u64) -> Option<Result<Option<Bytes>>> {
        let limit = Duration::from_secs(seconds);
        tokio::time::timeout(limit, body.next()).await.ok()
    }

    async fn pause(milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_counts_in_which_a_reader_waits() {
        // The pauses end before, with and after the 30 s in which nothing came.
        for away in [20_000, 29_000, 29_500, 30_500, 31_500, 90_000] {
            let mut body = body(Vec::new(), 1);
            assert!(read_for(&mut body, 1).await.is_none(), "{away}");
            pause(away).await;
            let waits_from = Instant::now();
            let error = body.next().await.unwrap_err();
            let source = error.source().unwrap();
            assert!(source.is::<HttpError>());
            // A step may count of the pause.
            let waited = waits_from.elapsed();
            assert!(waited >= Duration::from_secs(23), "{away}: {waited:?}");
            assert!(waited <= Duration::from_secs(31), "{away}: {waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_no_longer_there_is_no_stall() {
        let mut body = body(Vec::new(), 1);
        let deadline = Instant::now() + Duration::from_secs(5);
        let read = undaunted::with_deadline(deadline.into_std(), read_for(&mut body, 1));
        assert!(read.await.is_none());
        pause(4_500).await;
        // The deadline has passed by half a second. Nor does it end a step of the limit early.
        let limit = Duration::from_millis(24_200);
        let read = tokio::time::timeout(limit, body.next()).await;
        assert!(read.is_err());
        let error = undaunted::with_deadline(deadline.into_std(), body.next()).await;
        assert!(error.unwrap_err().to_string().contains("deadline"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_none() {
        let stream = stream::pending().boxed();
        let mut body = CheckedBody::new(stream, 0..1, Duration::MAX);
        assert!(read_for(&mut body, 3600).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_do_not_add_up() {
        for (limit, read, away) in [(30_000, 1_000, 10_000), (1_000, 100, 700)] {
            let stream = stream::pending().boxed();
            let mut body = CheckedBody::new(stream, 0..1, Duration::from_millis(limit));
            for round in 0..20 {
                let read = tokio::time::timeout(Duration::from_millis(read), body.next()).await;
                assert!(read.is_err(), "{limit}, {round}");
                pause(away).await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_comes_later_ends_the_wait_in_time() {
        let mut body = body(Vec::new(), 1);
        assert!(read_for(&mut body, 1).await.is_none());
        let start = Instant::now();
        let deadline = start + Duration::from_secs(2);
        let error = undaunted::with_deadline(deadline.into_std(), body.next()).await;
        assert!(error.unwrap_err().to_string().contains("deadline"));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    /// What has arrived whole is no failure, whenever that is noticed.
    #[tokio::test(start_paused = true)]
    async fn a_deadline_says_nothing_of_a_body_that_is_complete() {
        let chunks = vec![Ok(Bytes::new()), Ok(Bytes::from("abc")), Ok(Bytes::new())];
        let mut whole = body(chunks, 3);
        let deadline = Instant::now() + Duration::from_secs(1);
        undaunted::with_deadline(deadline.into_std(), async {
            assert_eq!(whole.next().await.unwrap().unwrap(), "abc");
            pause(2_000).await;
            assert_eq!(whole.next().await.unwrap(), None);
        })
        .await;
        let mut more = body(vec![Ok(Bytes::from("abc"))], 4);
        let read = undaunted::with_deadline(deadline.into_std(), more.next()).await;
        assert!(read.unwrap_err().to_string().contains("deadline"));
    }

    /// Data between two waits: each has the whole limit.
    #[tokio::test(start_paused = true)]
    async fn what_arrives_begins_the_limit_anew() {
        let drips = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            Some((Ok(Bytes::from("a")), ()))
        });
        let mut body = CheckedBody::new(drips.boxed(), 0..3, Duration::from_secs(30));
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap(), "a");
        }
    }
}
