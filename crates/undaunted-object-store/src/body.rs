//! Bodies that are resumed where they broke.
//!
//! A body that breaks, stalls or ends short is asked for again from the next byte, under the
//! condition that the object is the same. Without a strong etag or a version there is no such
//! condition, and the failure is the caller's: two objects are never joined. Every byte that
//! arrives renews the retries, so that a long download is not given up for having been
//! interrupted often.

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
use crate::error::generic;
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
    let verify = policy.verify_reads;
    let verifier = verify.then(|| Verifier::of(&result, &options)).flatten();
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
    once: HedgedOnce,
}

impl<S: ObjectStore> Source<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let chunk = ready!(self.body.poll_next(cx))?;
        Poll::Ready(self.verified(chunk))
    }

    /// Takes note of what arrived. The last bytes are not handed over if all together are wrong.
    fn verified(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>> {
        if let (Some(verifier), Some(chunk)) = (&mut self.verifier, &chunk) {
            verifier.update(chunk);
            if self.body.left().is_empty() {
                verifier.finish(&self.location)?;
            }
        }
        Ok(chunk)
    }

    /// Asks for the rest until bytes arrive.
    async fn resume(&mut self, mut error: Error) -> Result<Option<Bytes>> {
        let policy = Arc::clone(&self.policy);
        let location = self.location.clone();
        let recorder = Recorder::of_resumption(&policy, &location, self.trace.clone());
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        if !self.pin.is_certain() && self.version.is_none() {
            return Err(attempts.give_up(error).await);
        }
        loop {
            attempts.failed(error).await?;
            match attempts.attempt(self.ask_again()).await {
                Ok(chunk) => return Ok(chunk),
                Err(next) => error = next,
            }
        }
    }

    async fn ask_again(&mut self) -> Result<Option<Bytes>> {
        let left = self.body.left().clone();
        let mut options = self.pin.options();
        options.range = Some(GetRange::Bounded(left.clone()));
        options.version = self.version.clone().or(options.version);
        options.extensions = self.extensions.clone();
        let Self {
            inner,
            policy,
            location,
            once,
            ..
        } = self;
        let rest = policy.get(&**inner, location, options, once).await;
        let rest = rest.map_err(|error| ObjectPin::explain(&self.location, error))?;
        self.pin.check(&self.location, &rest.meta)?;
        if rest.range != left {
            return Err(generic(format!(
                "bytes {left:?} of {} were asked for, and {:?} came",
                self.location, rest.range
            )));
        }
        self.body = CheckedBody::new(rest.into_stream(), left, self.policy.stall_timeout);
        let chunk = self.body.next().await?;
        self.verified(chunk)
    }
}
