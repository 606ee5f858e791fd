//! Bodies that are resumed where they broke.
//!
//! A body that breaks, stalls or ends short is asked for again from the next byte, under the
//! condition that the object is the same. Without a strong etag or a version there is no such
//! condition, and the failure is the caller's: two objects are never joined. Every byte that
//! arrives renews the retries, so that a long download is not given up for having been
//! interrupted often.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::Stream;
use object_store::path::Path;
use object_store::{
    Error, Extensions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, Result,
};

use crate::call::Recorder;
use crate::checked_body::CheckedBody;
use crate::error::{arrived_changed, generic};
use crate::hedged::HedgedOnce;
use crate::pin::ObjectPin;
use crate::policy::Policy;
use crate::trace::Trace;
use crate::verify::Verifier;

/// Makes the body of `result`, which was got with `options`, one that is resumed.
pub(crate) fn resumed<S: ObjectStore>(
    inner: &Arc<S>,
    policy: &Arc<Policy>,
    location: &Path,
    options: GetOptions,
    mut result: GetResult,
    once: HedgedOnce,
) -> GetResult {
    let trace = result.extensions.remove::<Trace>().unwrap_or_default();
    let verifier = Verifier::of(&result, &options, policy);
    // Without object_store's `fs` there is no other payload.
    #[allow(irrefutable_let_patterns)]
    let GetResultPayload::Stream(stream) = result.payload else {
        return result;
    };
    let source = Source {
        inner: Arc::clone(inner),
        policy: Arc::clone(policy),
        location: location.clone(),
        pin: ObjectPin::of(&result.meta),
        version: options.version,
        extensions: options.extensions,
        body: CheckedBody::new(stream, result.range.clone(), policy.stall_timeout),
        trace,
        verifier,
        again: None,
        corrupt: None,
        once,
    };
    GetResult {
        payload: GetResultPayload::Stream(Body::Reading(Box::new(source)).boxed()),
        ..result
    }
}

/// A body that is read, or is being asked for again. Reading is the common case and goes
/// straight through.
enum Body<S> {
    Reading(Box<Source<S>>),
    Resuming(Resuming<S>),
    Ended,
}

type Resuming<S> = BoxFuture<'static, (Box<Source<S>>, Result<Option<Bytes>>)>;

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
    pin: ObjectPin,
    /// The version that the caller asked for.
    version: Option<String>,
    /// What the caller gave the request on its way.
    extensions: Extensions,
    body: CheckedBody,
    /// The operation, which ends with the body.
    trace: Trace,
    /// What the bytes are compared with, if they are.
    verifier: Option<Verifier>,
    /// Set once all have arrived, and are wrong: the object is read again.
    again: Option<Box<Again>>,
    /// What the caller gets if that does not help.
    corrupt: Option<Error>,
    once: HedgedOnce,
}

/// What was read of an object that is read again, because it is not what was stored.
struct Again {
    /// Of what was handed over: all but the last bytes.
    handed_over: Verifier,
    /// Where the last bytes begin.
    from: u64,
    /// Of what has arrived anew.
    verifier: Verifier,
    /// How much that is.
    arrived: u64,
    /// The last bytes, as far as they have arrived anew.
    last: Vec<u8>,
}

impl Again {
    /// Takes note of what arrived anew. Returns whether it can still make the object whole: what was
    /// handed over has to be right already.
    fn update(&mut self, chunk: &[u8]) -> bool {
        let before = usize::try_from(self.from.saturating_sub(self.arrived)).unwrap_or(usize::MAX);
        let (before, behind) = chunk.split_at(before.min(chunk.len()));
        self.verifier.update(before);
        self.arrived += before.len() as u64;
        let is_at_last = self.arrived == self.from && self.last.is_empty();
        if is_at_last && !self.verifier.agrees_with(&self.handed_over) {
            return false;
        }
        self.verifier.update(behind);
        self.arrived += behind.len() as u64;
        self.last.extend_from_slice(behind);
        true
    }
}

impl<S: ObjectStore> Source<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let chunk = ready!(self.body.poll_next(cx))?;
        Poll::Ready(self.verified(chunk))
    }

    /// Takes note of what arrived. The last bytes are not handed over if all together are wrong, and
    /// nor is the end of a body that has none.
    fn verified(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>> {
        let left = self.body.left();
        let is_empty = chunk.is_none() && left.end == 0;
        let Some(verifier) = self
            .verifier
            .as_mut()
            .filter(|_| chunk.is_some() || is_empty)
        else {
            return Ok(chunk);
        };
        let bytes = chunk.as_deref().unwrap_or_default();
        if !left.is_empty() {
            verifier.update(bytes);
            return Ok(chunk);
        }
        let handed_over = verifier.clone();
        verifier.update(bytes);
        if let Err(corrupt) = verifier.finish(&self.location) {
            let error = arrived_changed(&corrupt);
            self.again = Some(Box::new(Again {
                verifier: handed_over.anew(),
                handed_over,
                from: left.end - bytes.len() as u64,
                arrived: 0,
                last: Vec::new(),
            }));
            self.corrupt = Some(corrupt);
            return Err(error);
        }
        Ok(chunk)
    }

    fn can_ask_again(&self) -> bool {
        self.pin.is_certain() || self.version.is_some()
    }

    /// Asks for the rest until bytes arrive.
    async fn resume(&mut self, mut error: Error) -> Result<Option<Bytes>> {
        let policy = Arc::clone(&self.policy);
        let location = self.location.clone();
        let recorder = Recorder::of_resumption(&policy, &location, self.trace.clone());
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        if !self.can_ask_again() {
            let error = self.corrupt.take().unwrap_or(error);
            return Err(attempts.give_up(error).await);
        }
        loop {
            if let Err(last) = attempts.failed(error).await {
                return Err(self.corrupt.take().unwrap_or(last));
            }
            let next = if self.again.is_none() {
                attempts.attempt(self.ask_again()).await
            } else {
                match attempts.attempt(self.begin_again()).await {
                    Ok(body) => {
                        // Every byte that arrived renews the retries, as it does otherwise.
                        attempts = recorder.attempts(&on_event);
                        self.read_again(body).await
                    }
                    Err(next) => Err(next),
                }
            };
            match next {
                Ok(chunk) => return Ok(chunk),
                Err(next) => error = next,
            }
        }
    }

    /// Asks for the whole object again, or for what has not arrived anew yet, until bytes arrive.
    async fn begin_again(&mut self) -> Result<CheckedBody> {
        let arrived = self.again.as_ref().map_or(0, |again| again.arrived);
        let wanted = arrived..self.body.left().end;
        let range = (arrived > 0).then(|| GetRange::Bounded(wanted.clone()));
        let mut body = self.get(range, wanted).await?;
        if let Some(chunk) = body.next().await? {
            self.arrived_anew(&chunk)?;
        }
        Ok(body)
    }

    /// Reads the rest, and returns the last bytes of the object if it is right now.
    async fn read_again(&mut self, mut body: CheckedBody) -> Result<Option<Bytes>> {
        while let Some(chunk) = body.next().await? {
            self.arrived_anew(&chunk)?;
        }
        let Some(again) = self.again.take() else {
            return Ok(None);
        };
        again.verifier.finish(&self.location)?;
        Ok(Some(again.last.into()))
    }

    fn arrived_anew(&mut self, chunk: &[u8]) -> Result<()> {
        let may_be_right = self.again.as_mut().is_none_or(|again| again.update(chunk));
        if may_be_right {
            return Ok(());
        }
        let corrupt = self.corrupt.take();
        Err(corrupt.unwrap_or_else(|| generic("what was handed over is not what was stored")))
    }

    async fn ask_again(&mut self) -> Result<Option<Bytes>> {
        let left = self.body.left().clone();
        let range = GetRange::Bounded(left.clone());
        self.body = self.get(Some(range), left).await?;
        let chunk = self.body.next().await?;
        self.verified(chunk)
    }

    /// Asks for the same object, or this range of it, of which these bytes are to come.
    async fn get(&mut self, range: Option<GetRange>, wanted: Range<u64>) -> Result<CheckedBody> {
        let mut options = self.pin.options();
        options.range = range;
        options.version = self.version.clone().or(options.version);
        options.extensions = self.extensions.clone();
        let (policy, location) = (&self.policy, &self.location);
        let got = policy
            .get(&*self.inner, location, options, &self.once)
            .await;
        let got = got.map_err(|error| ObjectPin::explain(location, error))?;
        self.pin.check(location, &got.meta)?;
        if got.range != wanted {
            return Err(generic(format!(
                "bytes {wanted:?} of {location} were asked for, and {:?} came",
                got.range
            )));
        }
        let stall_timeout = policy.stall_timeout;
        Ok(CheckedBody::new(got.into_stream(), wanted, stall_timeout))
    }
}
