//! Reading an object by ranges, all of one and the same object.

use std::future::ready;
use std::ops::Range;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attributes, Error, GetOptions, GetRange, GetResult, ObjectStore};
use undaunted_object_store::{ObjectPin, RangeSupport};

use super::copier::{Copier, NotCopied};
use super::part::{LoadedPart, ranges};
use crate::endpoint::{Endpoint, Store};
use crate::error::FailedObject;
use crate::request::{FailedRequest, request};
use crate::store_kind::StoreKind;

/// A part that is being read.
pub(super) type PartRead<'a> = BoxFuture<'a, Result<LoadedPart, NotCopied>>;

/// The content of an object.
type Body = BoxStream<'static, object_store::Result<Bytes>>;

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    copier: &'a Copier,
    endpoint: &'a Endpoint,
    key: &'a Path,
    /// The object's name in messages.
    name: &'a str,
    pin: ObjectPin,
    size: u64,
    attributes: Attributes,
    /// Whether the server did not say that it has ranges.
    may_lack_ranges: bool,
}

impl<'a> Reader<'a> {
    /// Opens an object that is to be copied.
    pub(super) async fn open_source(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        key: &'a Path,
        name: &'a str,
    ) -> Result<Self, NotCopied> {
        let opened = copier.unless_stopped(Self::open(copier, endpoint, key, name));
        let reader = opened.await?.map_err(|failed| failure(name, &failed))?;
        copier.progress.expect(reader.size);
        Ok(reader)
    }

    /// Asks for the object's size and attributes. From here on it must not change.
    pub(super) async fn open(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        key: &'a Path,
        name: &'a str,
    ) -> Result<Self, FailedRequest> {
        let mut found = request(head(&endpoint.store, key)).await?;
        if endpoint.kind == StoreKind::Http && found.meta.size == 0 {
            // Many web servers respond to every HEAD with a length of 0.
            found = request(endpoint.store.get_opts(key, GetOptions::default())).await?;
        }
        let GetResult {
            meta,
            attributes,
            extensions,
            ..
        } = found;
        Ok(Self {
            copier,
            endpoint,
            key,
            name,
            pin: ObjectPin::of(&meta),
            // All others have them.
            may_lack_ranges: endpoint.kind == StoreKind::Http
                && extensions.get() != Some(&RangeSupport::Supported),
            size: meta.size,
            attributes,
        })
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// All parts, in order. Each is read once there is room in memory: by range, several at a
    /// time, or one after the other as the object's only stream where the server has no ranges.
    pub(super) async fn parts(
        &self,
        part_size: u64,
    ) -> Result<BoxStream<'_, PartRead<'_>>, NotCopied> {
        if self.may_lack_ranges
            && self.size > part_size
            && let Some(body) = self.whole().await?
        {
            return Ok(self.in_turn(body, part_size));
        }
        let ranges = stream::iter(ranges(self.size, part_size));
        Ok(ranges
            .then(move |range| async move { (self.copier.permit().await, range) })
            .map(move |(permit, range)| {
                let read = async move {
                    let permit = permit?;
                    let start = range.start;
                    let read = self.range(&self.endpoint.store, range);
                    let bytes = self.copier.unless_stopped(read).await?;
                    let bytes = bytes.map_err(|failed| failure(self.name, &failed))?;
                    Ok(LoadedPart::new(start, bytes, permit))
                };
                read.boxed()
            })
            .boxed())
    }

    /// The whole object as one stream, if its server has no ranges.
    async fn whole(&self) -> Result<Option<Body>, NotCopied> {
        let mut options = self.pin.options();
        options.range = Some(GetRange::Offset(0));
        let open = request(async {
            let result = self.endpoint.store.get_opts(self.key, options).await?;
            self.pin.check(self.key, &result.meta)?;
            Ok(result)
        });
        let result = self.copier.unless_stopped(open).await?;
        let result = result.map_err(|failed| failure(self.name, &failed))?;
        let is_whole = result.extensions.get() == Some(&RangeSupport::Ignored);
        Ok(is_whole.then(|| result.into_stream()))
    }

    fn in_turn(&self, body: Body, part_size: u64) -> BoxStream<'_, PartRead<'_>> {
        let begin = (body, Bytes::new(), ranges(self.size, part_size));
        stream::try_unfold(begin, move |(mut body, mut rest, mut ranges)| async move {
            let Some(range) = ranges.next() else {
                return Ok(None);
            };
            let permit = self.copier.permit().await?;
            let length = range.end - range.start;
            let mut buffer = self.copier.buffers.take(length);
            loop {
                let missing = length - buffer.bytes.len() as u64;
                let missing = usize::try_from(missing).unwrap_or(usize::MAX);
                let piece = rest.split_to(missing.min(rest.len()));
                buffer.bytes.extend_from_slice(&piece);
                if piece.len() == missing {
                    break;
                }
                let next = self.copier.unless_stopped(request(body.try_next())).await?;
                rest = next
                    .map_err(|failed| self.broke(&failed))?
                    .ok_or_else(|| FailedObject::new(self.name, "the body ended too soon"))?;
            }
            let part = LoadedPart::new(range.start, buffer.freeze(), permit);
            Ok(Some((part, (body, rest, ranges))))
        })
        .map(|part| ready(part).boxed())
        .boxed()
    }

    fn broke(&self, failed: &FailedRequest) -> FailedObject {
        let failure = failure(self.name, failed);
        if self.pin.is_certain() {
            return failure;
        }
        failure.and(
            "the server has neither ranges nor a strong ETag, so the rest could not be read by \
             itself: copy it again",
        )
    }

    /// Fails if the object is no longer the one that was opened.
    pub(super) async fn check_unchanged(&self) -> Result<(), NotCopied> {
        let check = request(async {
            let now = head(&self.endpoint.store, self.key).await?;
            self.pin.check(self.key, &now.meta)
        });
        let unchanged = self.copier.unless_stopped(check).await?;
        Ok(unchanged.map_err(|failed| failure(self.name, &failed))?)
    }

    /// Reads a range, counted as a read for verification.
    pub(super) async fn verify_range(&self, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        self.range(&self.endpoint.verify_store, range).await
    }

    async fn range(&self, store: &Store, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        let mut buffer = self.copier.buffers.take(range.end - range.start);
        let read = store.read_range_into(self.key, range, &self.pin, &mut buffer.bytes);
        // In a box: the future is large, and would be part of every future around it.
        request(Box::pin(read)).await?;
        Ok(buffer.freeze())
    }
}

async fn head(store: &Store, key: &Path) -> object_store::Result<GetResult> {
    store.get_opts(key, GetOptions::new().with_head(true)).await
}

fn failure(name: &str, failed: &FailedRequest) -> FailedObject {
    let failure = FailedObject::request(name, failed);
    match failed.error {
        Error::Precondition { .. } => {
            failure.and("the source was changed while it was being copied: copy it again")
        }
        _ => failure,
    }
}
