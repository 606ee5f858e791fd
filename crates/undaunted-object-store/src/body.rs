//! Bodies that are read on from where they broke.
//!
//! A body that breaks, stalls or ends short is asked for again from the next byte, under the
//! condition that the object is the same (`If-Match` and version). Without a strong etag or a
//! version there is no such condition, and the failure is the caller's: two objects are never
//! spliced. Every byte that arrives renews the retries, so that a long download is not given
//! up for having been interrupted often.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, Result};
use tokio::time::{Instant, Sleep, sleep_until};
use undaunted::TimedOut;

use crate::error::generic;
use crate::operation::Operation;
use crate::policy::Policy;

/// Makes the body of `result`, which was got with `options`, one that is read on.
pub(crate) fn resumed<S: ObjectStore>(
    inner: &Arc<S>,
    policy: &Arc<Policy>,
    location: &Path,
    options: GetOptions,
    result: GetResult,
) -> GetResult {
    let pin = Pinned::of(&result, options);
    let left = result.range.clone();
    let GetResultPayload::Stream(stream) = result.payload else {
        return result;
    };
    let body = Body {
        inner: Arc::clone(inner),
        policy: Arc::clone(policy),
        location: location.clone(),
        pin,
        left,
        stream,
        stall: Stall::new(policy.stall_timeout),
    };
    GetResult {
        payload: GetResultPayload::Stream(body.into_stream()),
        ..result
    }
}

struct Body<S> {
    inner: Arc<S>,
    policy: Arc<Policy>,
    location: Path,
    /// How the rest is asked for; without it the first failure is the last.
    pin: Option<Pinned>,
    /// What has not arrived yet.
    left: Range<u64>,
    stream: BoxStream<'static, Result<Bytes>>,
    stall: Stall,
}

/// Options under which only the same object answers.
struct Pinned {
    options: GetOptions,
    e_tag: Option<String>,
}

impl Pinned {
    fn of(result: &GetResult, options: GetOptions) -> Option<Self> {
        let e_tag = result.meta.e_tag.clone();
        let is_strong = e_tag.as_ref().is_some_and(|e_tag| !e_tag.starts_with("W/"));
        let version = options.version.or_else(|| result.meta.version.clone());
        if !is_strong && version.is_none() {
            return None;
        }
        Some(Self {
            options: GetOptions {
                if_match: e_tag.clone().filter(|_| is_strong),
                version,
                extensions: options.extensions,
                ..GetOptions::default()
            },
            e_tag,
        })
    }
}

impl<S: ObjectStore> Body<S> {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::try_unfold(self, |mut body| async move {
            Ok(body.next().await?.map(|bytes| (bytes, body)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = match self.read().await {
            Ok(chunk) => chunk,
            Err(error) => self.resume(error).await?,
        };
        if let Some(chunk) = &chunk {
            self.left.start += chunk.len() as u64;
        }
        Ok(chunk)
    }

    /// The next bytes that the running answer brings.
    async fn read(&mut self) -> Result<Option<Bytes>> {
        read(&mut self.stream, &mut self.stall, &self.left).await
    }

    /// Asks for the rest until bytes arrive.
    async fn resume(&mut self, mut error: Error) -> Result<Option<Bytes>> {
        let Self {
            inner,
            policy,
            location,
            pin,
            left,
            stream,
            stall,
        } = self;
        let listener = policy.listener(Operation::Get, location);
        let mut call = policy.call(Operation::Get, location, &listener);
        let Some(pin) = pin else {
            return Err(call.give_up(error).await);
        };
        loop {
            call.failed(error).await?;
            let attempt = async {
                let options = GetOptions {
                    range: Some(GetRange::Bounded(left.clone())),
                    ..pin.options.clone()
                };
                let rest = inner.get_opts(location, options).await?;
                if rest.range != *left || rest.meta.e_tag != pin.e_tag {
                    return Err(changed(location, left));
                }
                *stream = rest.into_stream();
                read(stream, stall, left).await
            };
            match call.attempt(attempt).await {
                Ok(chunk) => return Ok(chunk),
                Err(next) => error = next,
            }
        }
    }
}

/// Reads a chunk; an end before the announced length is a failure, and so is more than that.
async fn read(
    stream: &mut BoxStream<'static, Result<Bytes>>,
    stall: &mut Stall,
    left: &Range<u64>,
) -> Result<Option<Bytes>> {
    loop {
        let chunk = stall.watch(stream.try_next()).await?;
        let missing = left.end - left.start;
        return match chunk {
            Some(chunk) if chunk.is_empty() => continue,
            Some(chunk) if chunk.len() as u64 > missing => Err(generic(format!(
                "the body is longer than announced: {missing} bytes were left and {} came",
                chunk.len()
            ))),
            None if missing > 0 => Err(short(missing)),
            chunk => Ok(chunk),
        };
    }
}

/// A limit on the time in which nothing comes, while something is waited for.
struct Stall {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    const fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    async fn watch<T>(&mut self, read: impl Future<Output = Result<T>>) -> Result<T> {
        let mut read = std::pin::pin!(read);
        let mut waiting = false;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(ready) = read.as_mut().poll(cx) {
                return Poll::Ready(ready);
            }
            if !waiting {
                waiting = true;
                self.arm();
            }
            self.poll_stalled(cx)
        })
        .await
    }

    /// Fails when the time is up, unless nobody was there to see it: a consumer that comes
    /// back late was not waiting, so its time starts anew.
    fn poll_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        loop {
            let Some(timer) = &mut self.timer else {
                return Poll::Pending;
            };
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() < timer.deadline() + PROMPT {
                let limit = self.limit;
                return Poll::Ready(Err(stalled(limit)));
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

fn short(missing: u64) -> Error {
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

fn changed(location: &Path, left: &Range<u64>) -> Error {
    Error::Precondition {
        path: location.to_string(),
        source: format!(
            "the object changed while it was read, or the range {}..{} of it was not what came",
            left.start, left.end
        )
        .into(),
    }
}

/// How late a timer may be seen and still count. A runtime under load is late by less; a
/// consumer that paused is late by more, or finds its data there.
const PROMPT: Duration = Duration::from_secs(1);
