//! Bodies that are read on from where they broke.
//!
//! A body that breaks, stalls or ends short is asked for again from the next byte, under the
//! condition that the object is the same (`If-Match` and version). Without a strong etag or a
//! version there is no such condition, and the failure is the caller's: two objects are never
//! spliced. Every byte that arrives renews the retries, so that a long download is not given
//! up for having been interrupted often.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{
    Error, Extensions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, Result,
};
use tokio::time::{Instant, Sleep, sleep_until};
use undaunted::TimedOut;

use crate::error::generic;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::verify::Verifier;

/// Makes the body of `result`, which was got with `options`, one that is read on.
pub(crate) fn resumed<S: ObjectStore>(
    inner: &Arc<S>,
    policy: &Arc<Policy>,
    location: &Path,
    options: GetOptions,
    result: GetResult,
) -> GetResult {
    let verifier = if policy.verify_reads {
        Verifier::of(&result, &options).map(Box::new)
    } else {
        None
    };
    let pin = Pinned::of(&result, options);
    let left = result.range.clone();
    // Without object_store's `fs` there is no other payload.
    #[allow(irrefutable_let_patterns)]
    let GetResultPayload::Stream(stream) = result.payload else {
        return result;
    };
    let body = Body::Reading(Source {
        inner: Arc::clone(inner),
        policy: Arc::clone(policy),
        location: location.clone(),
        pin,
        left,
        stream,
        verifier,
        stall: Stall::new(policy.stall_timeout),
    });
    GetResult {
        payload: GetResultPayload::Stream(body.boxed()),
        ..result
    }
}

/// A body that is read, or is being asked for again. Reading is the common case and goes
/// straight through.
enum Body<S> {
    Reading(Source<S>),
    Resuming(Resuming<S>),
    Ended,
}

type Resuming<S> = BoxFuture<'static, (Source<S>, Result<Option<Bytes>>)>;

impl<S: ObjectStore> Stream for Body<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            let chunk = match &mut *self {
                Self::Reading(source) => ready!(source.poll_read(cx)),
                Self::Resuming(resuming) => {
                    let (source, chunk) = ready!(resuming.as_mut().poll(cx));
                    *self = if chunk.is_ok() {
                        Self::Reading(source)
                    } else {
                        Self::Ended
                    };
                    return Poll::Ready(chunk.transpose());
                }
                Self::Ended => return Poll::Ready(None),
            };
            let error = match chunk {
                Ok(chunk) => return Poll::Ready(chunk.map(Ok)),
                Err(error) => error,
            };
            if let Self::Reading(mut source) = std::mem::replace(&mut *self, Self::Ended) {
                *self = Self::Resuming(Box::pin(async move {
                    let chunk = source.resume(error).await;
                    (source, chunk)
                }));
            }
        }
    }
}

// Nothing in it is pinned in place: streams and futures are boxed.
impl<S> Unpin for Body<S> {}

/// Where a body comes from.
struct Source<S> {
    inner: Arc<S>,
    policy: Arc<Policy>,
    location: Path,
    /// How the rest is asked for; without it the first failure is the last.
    pin: Option<Pinned>,
    /// What has not arrived yet.
    left: Range<u64>,
    stream: BoxStream<'static, Result<Bytes>>,
    /// What the bytes are held against, if they are. In a box: most bodies have none.
    verifier: Option<Box<Verifier>>,
    stall: Stall,
}

/// What only the same object has.
struct Pinned {
    e_tag: Option<String>,
    version: Option<String>,
    extensions: Extensions,
}

impl Pinned {
    fn of(result: &GetResult, options: GetOptions) -> Option<Self> {
        let e_tag = result.meta.e_tag.clone();
        let version = options.version.or_else(|| result.meta.version.clone());
        if !is_strong(e_tag.as_ref()) && version.is_none() {
            return None;
        }
        Some(Self {
            e_tag,
            version,
            extensions: options.extensions,
        })
    }

    /// Asks for a range of that object and no other.
    fn options(&self, range: &Range<u64>) -> GetOptions {
        GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.e_tag.clone().filter(|e_tag| is_strong(Some(e_tag))),
            version: self.version.clone(),
            extensions: self.extensions.clone(),
            ..GetOptions::default()
        }
    }
}

/// A weak etag says that two objects mean the same, not that they have the same bytes.
fn is_strong(e_tag: Option<&String>) -> bool {
    e_tag.is_some_and(|e_tag| !e_tag.starts_with("W/"))
}

impl<S: ObjectStore> Source<S> {
    /// The next bytes. An end before the announced length is a failure, and so is more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
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
                    self.verify(&chunk)?;
                    Ok(Some(chunk))
                }
                None => Ok(None),
            });
        }
    }

    /// Takes note of what arrived. The last bytes are not handed over if all together are wrong.
    fn verify(&mut self, chunk: &[u8]) -> Result<()> {
        if let Some(verifier) = &mut self.verifier {
            verifier.update(chunk);
            if self.left.is_empty() {
                verifier.finish(&self.location)?;
            }
        }
        Ok(())
    }

    /// Asks for the rest until bytes arrive.
    async fn resume(&mut self, mut error: Error) -> Result<Option<Bytes>> {
        let policy = Arc::clone(&self.policy);
        let location = self.location.clone();
        let listener = policy.listener(Operation::Get, &location);
        let mut call = policy.call(Operation::Get, &location, &listener);
        if self.pin.is_none() {
            return Err(call.give_up(error).await);
        }
        loop {
            call.failed(error).await?;
            match call.attempt(self.ask_again()).await {
                Ok(chunk) => return Ok(chunk),
                Err(next) => error = next,
            }
        }
    }

    async fn ask_again(&mut self) -> Result<Option<Bytes>> {
        let Some(pin) = &self.pin else {
            return Ok(None);
        };
        let options = pin.options(&self.left);
        let rest = (*self.inner).get_opts(&self.location, options).await?;
        if rest.range != self.left || rest.meta.e_tag != pin.e_tag {
            return Err(changed(&self.location, &self.left));
        }
        self.stream = rest.into_stream();
        self.stall.reset();
        poll_fn(|cx| self.poll_read(cx)).await
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
