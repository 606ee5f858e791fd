//! A store each of whose requests takes a slot.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartId,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};
use tokio::time::{Instant, Sleep, sleep_until};
use undaunted::{Retryable, TimedOut, Verdict};
use undaunted_object_store::HedgeClock;

use super::adaptive::Outcome;
use super::{Slot, Slots};

/// One of the ways into a store, with slots. It belongs beneath the retries and above injected
/// faults, which take as long as those of a network.
///
/// The limit of an attempt's time is kept here too, since waiting for a slot is no part of an
/// attempt.
#[derive(Debug)]
pub(crate) struct Slotted<S: ?Sized> {
    slots: Slots,
    attempt_timeout: Option<Duration>,
    inner: Arc<S>,
}

impl<S: ?Sized> Slotted<S> {
    pub(crate) const fn new(
        inner: Arc<S>,
        slots: Slots,
        attempt_timeout: Option<Duration>,
    ) -> Self {
        Self {
            slots,
            attempt_timeout,
            inner,
        }
    }

    /// Makes a request that takes these bytes there and has no body in its response.
    async fn request<T>(
        &self,
        bytes: usize,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut slot = self.slots.take().await;
        let result = self.limited(operation).await;
        slot.end(match &result {
            Ok(_) => Outcome::Done {
                bytes: bytes as u64,
            },
            Err(error) => failure(error),
        });
        result
    }

    async fn limited<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(limit) = self.attempt_timeout else {
            return operation.await;
        };
        let limited = tokio::time::timeout(limit, operation).await;
        limited.unwrap_or_else(|_| Err(timed_out(limit)))
    }
}

fn failure(error: &Error) -> Outcome {
    if matches!(error.verdict(), Verdict::Throttled { .. }) {
        Outcome::Throttled
    } else {
        Outcome::Failed
    }
}

fn timed_out(limit: Duration) -> Error {
    Error::timed_out(TimedOut::Attempt { limit })
}

impl<S: fmt::Display + ?Sized> fmt::Display for Slotted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for Slotted<dyn ObjectStore> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let bytes = payload.content_length();
        let put = self.inner.put_opts(location, payload, opts);
        self.request(bytes, put).await
    }

    /// Only the start of the upload has a slot: the command writes parts by [`MultipartStore`].
    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let create = self.inner.put_multipart_opts(location, opts);
        self.request(0, create).await
    }

    /// The slot is held until the body has ended or was dropped.
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut slot = match HedgeClock::of(&options) {
            // It is for a request that has a slot.
            Some(clock) if clock.is_of_hedge() => self.slots.beside(),
            Some(clock) => clock.stopped_during(self.slots.take()).await,
            None => self.slots.take().await,
        };
        let deadline = self.attempt_timeout.map(|limit| Deadline {
            limit,
            timer: Box::pin(sleep_until(Instant::now() + limit)),
        });
        let is_head = options.head;
        let result = self.limited(self.inner.get_opts(location, options)).await;
        let result = result.inspect_err(|error| slot.end(failure(error)))?;
        match result.payload {
            GetResultPayload::Stream(stream) if !is_head => {
                let body = Body {
                    left: result.range.end.saturating_sub(result.range.start),
                    bytes: 0,
                    slot,
                    deadline,
                    stream,
                };
                Ok(GetResult {
                    payload: GetResultPayload::Stream(body.boxed()),
                    ..result
                })
            }
            payload => {
                slot.end(Outcome::Done { bytes: 0 });
                Ok(GetResult { payload, ..result })
            }
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.request(0, self.inner.get_ranges(location, ranges))
            .await
    }

    /// Without slots: the command deletes nothing.
    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    /// Without slots, as are the other lists that are streams: objects are copied while a list is
    /// read, and would wait for its slot for ever. Services are listed by page.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request(0, self.inner.list_with_delimiter(prefix))
            .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.request(0, self.inner.copy_opts(from, to, options))
            .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.request(0, self.inner.rename_opts(from, to, options))
            .await
    }
}

#[async_trait]
impl MultipartStore for Slotted<dyn MultipartStore> {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.request(0, self.inner.create_multipart(path)).await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        let create = self.inner.create_multipart_opts(path, opts);
        self.request(0, create).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let bytes = data.content_length();
        let put = self.inner.put_part(path, id, part_idx, data);
        self.request(bytes, put).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let complete = self.inner.complete_multipart(path, id, parts);
        self.request(0, complete).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.request(0, self.inner.abort_multipart(path, id)).await
    }
}

#[async_trait]
impl PaginatedListStore for Slotted<dyn PaginatedListStore> {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        self.request(0, self.inner.list_paginated(prefix, opts))
            .await
    }
}

/// The body of a response, with its slot.
struct Body {
    stream: BoxStream<'static, Result<Bytes>>,
    /// Bytes that have not come yet.
    left: u64,
    bytes: u64,
    slot: Slot,
    /// Until the first bytes have come.
    deadline: Option<Deadline>,
}

struct Deadline {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        let polled = this.stream.poll_next_unpin(cx);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                this.deadline = None;
                this.bytes += chunk.len() as u64;
                this.left = this.left.saturating_sub(chunk.len() as u64);
            }
            Poll::Ready(Some(Err(error))) => this.slot.end(failure(error)),
            Poll::Ready(None) => {}
            Poll::Pending => {
                if let Some(deadline) = &mut this.deadline
                    && deadline.timer.as_mut().poll(cx).is_ready()
                {
                    let error = timed_out(deadline.limit);
                    this.slot.end(failure(&error));
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        // What follows the last byte is not waited for.
        if this.left == 0 {
            this.slot.end(Outcome::Done { bytes: this.bytes });
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};

    use super::*;
    use crate::slots::{Concurrency, Waiting};

    /// A store with one slot, whose attempts are limited to a second.
    fn slotted(rules: impl IntoIterator<Item = Rule>) -> Slotted<dyn ObjectStore> {
        let store = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
        let slots = Slots::for_requests(Concurrency::Fixed(1), Waiting::new());
        Slotted::new(Arc::new(store), slots, Some(Duration::from_secs(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_slot_is_no_part_of_an_attempt() {
        let delay = |millis| {
            let lasts = Duration::from_millis(millis);
            Rule::new(Operation::Put, Fault::Delay(lasts))
        };
        let store = slotted([delay(800).count(2), delay(1200).from_call(3)]);
        let (a, b) = (Path::from("a"), Path::from("b"));
        let (first, second) = join(store.put(&a, "a".into()), store.put(&b, "b".into())).await;
        assert!(first.is_ok() && second.is_ok());
        let late = store.put(&a, "a".into()).await.unwrap_err();
        assert!(late.verdict().is_retryable(), "{late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_holds_its_slot_until_it_has_ended_broken_or_was_dropped() {
        let broken = Fault::BreakBody {
            at: 1,
            failure: Failure::Reset,
        };
        let store = slotted([Rule::new(Operation::Get, broken).from_call(3)]);
        let key = Path::from("a");
        store.put(&key, "content".into()).await.unwrap();
        let is_free = || store.head(&key).now_or_never().is_some();

        let dropped = store.get(&key).await.unwrap();
        assert!(!is_free());
        drop(dropped);
        assert!(is_free());

        let mut ended = store.get(&key).await.unwrap().into_stream();
        while ended.next().await.is_some() {
            // The last byte is the end, whether or not the end is waited for.
        }
        assert!(is_free());

        let mut breaks = store.get(&key).await.unwrap().into_stream();
        while breaks
            .next()
            .await
            .transpose()
            .is_ok_and(|next| next.is_some())
        {
            assert!(!is_free());
        }
        assert!(is_free());
        drop(breaks);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_bytes_of_a_body_are_limited_too() {
        let stalls = Fault::StallBody {
            at: 0,
            lasts: Duration::from_mins(1),
        };
        let store = slotted([Rule::new(Operation::Get, stalls)]);
        let key = Path::from("a");
        store.put(&key, "content".into()).await.unwrap();
        let mut body = store.get(&key).await.unwrap().into_stream();
        let begun = Instant::now();
        assert!(body.next().await.unwrap().is_err());
        assert!(begun.elapsed() <= Duration::from_secs(1));
    }
}
