//! Reading an object by ranges, all of one and the same object.

use std::collections::BTreeSet;
use std::future::ready;
use std::ops::Range;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attributes, Error, GetOptions, GetRange, ObjectMeta, ObjectStore};
use undaunted_object_store::{ObjectPin, RangeSupport};

use super::copier::{Copier, NotCopied};
use super::memory::{Reserve, Room};
use super::open_body::{Body, OpenBody};
use super::part::{LoadedPart, ranges};
use crate::endpoint::{Endpoint, Head, Store};
use crate::error::FailedObject;
use crate::request::{FailedRequest, request};
use crate::resume::journal::SourceVersion;
use crate::selection::Found;
use crate::slots::Slot;
use crate::store_kind::StoreKind;

/// A part that is being read.
pub(super) type PartRead<'a> = BoxFuture<'a, Result<LoadedPart, NotCopied>>;

/// Whether an object is still the one that was opened.
pub(super) type Check<'a> = BoxFuture<'a, Result<(), NotCopied>>;

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) copier: &'a Copier,
    pub(super) endpoint: &'a Endpoint,
    key: &'a Path,
    /// The object's name in messages.
    pub(super) name: &'a str,
    pub(super) pin: ObjectPin,
    meta: ObjectMeta,
    attributes: Attributes,
    /// Whether the server did not say that it has ranges.
    pub(super) may_lack_ranges: bool,
    /// The first part, if it was read to open the object.
    pub(super) first: Option<LoadedPart>,
}

impl<'a> Reader<'a> {
    /// Opens an object that is to be copied in parts of this size.
    pub(super) async fn open_source(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        key: &'a Path,
        found: Option<&Found>,
        part_size: u64,
        name: &'a str,
    ) -> Result<Self, NotCopied> {
        let known = match found {
            Some(Found::Listed(meta)) if endpoint.kind != StoreKind::Http => {
                Self::open_listed(copier, endpoint, meta, key, part_size, name).await?
            }
            Some(Found::Head(head)) => {
                Some(Self::new(copier, endpoint, key, name, (**head).clone()))
            }
            _ => None,
        };
        let reader = if let Some(reader) = known {
            reader
        } else {
            let opened = copier.unless_stopped(Self::open(copier, endpoint, key, name));
            opened.await?.map_err(|failed| failure(name, &failed))?
        };
        copier.progress.expect(reader.size());
        Ok(reader)
    }

    /// Asks for the object's size and attributes. From here on it must not change.
    pub(super) async fn open(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        key: &'a Path,
        name: &'a str,
    ) -> Result<Self, FailedRequest> {
        let head = request(endpoint.head(key)).await?;
        Ok(Self::new(copier, endpoint, key, name, head))
    }

    fn new(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        key: &'a Path,
        name: &'a str,
        head: Head,
    ) -> Self {
        Self {
            copier,
            endpoint,
            key,
            name,
            pin: ObjectPin::of(&head.meta),
            may_lack_ranges: !head.has_ranges,
            meta: head.meta,
            attributes: head.attributes,
            first: None,
        }
    }

    /// Reads the first part of an object whose size a list has told: the response has all else
    /// that has to be known. Returns none if it is not the object that was listed, or cannot be
    /// read in this way; the object is then to be opened by a request for it.
    async fn open_listed(
        copier: &'a Copier,
        endpoint: &'a Endpoint,
        listed: &ObjectMeta,
        key: &'a Path,
        part_size: u64,
        name: &'a str,
    ) -> Result<Option<Self>, NotCopied> {
        let length = listed.size.min(part_size);
        let room = copier.room(length).await?;
        let mut options = GetOptions::default();
        if length < listed.size {
            options.range = Some(GetRange::Bounded(0..length));
        }
        let mut is_certain = true;
        let read = request(async {
            let got = endpoint.store.get_opts(key, options).await?;
            // Another size is that of another object, or of a body that was changed on its way.
            if got.meta.size != listed.size || got.range != (0..length) {
                return Ok(None);
            }
            let head = Head {
                has_ranges: true,
                meta: got.meta.clone(),
                attributes: got.attributes.clone(),
            };
            is_certain = ObjectPin::of(&head.meta).is_certain();
            let mut buffer = copier.memory.buffers.take(length);
            let mut body = got.into_stream();
            while let Some(chunk) = body.try_next().await? {
                buffer.bytes.extend_from_slice(&chunk);
            }
            Ok(Some((head, buffer)))
        });
        // In a box: the future is large, and would be part of every future around it.
        let read = copier.unless_stopped(Box::pin(read)).await?;
        match read {
            Ok(None) => Ok(None),
            Ok(Some((head, buffer))) => {
                let first = LoadedPart::new(0, buffer.freeze(), room);
                let reader = Self::new(copier, endpoint, key, name, head);
                Ok(Some(Self {
                    first: Some(first),
                    ..reader
                }))
            }
            // It has become empty; or it is read anew where it cannot be resumed.
            Err(failed) if failed.is_out_of_range() || !is_certain => Ok(None),
            Err(failed) => Err(failure(name, &failed).into()),
        }
    }

    pub(super) const fn size(&self) -> u64 {
        self.meta.size
    }

    pub(super) const fn is_local(&self) -> bool {
        matches!(self.endpoint.kind, StoreKind::Local)
    }

    pub(super) const fn has_ranges(&self) -> bool {
        !self.may_lack_ranges
    }

    /// Which version of the object is being read, if that can be known again.
    pub(super) fn version(&self) -> Option<SourceVersion> {
        let is_certain = self.pin.is_certain();
        is_certain.then(|| self.copier.journals.source(self.endpoint, &self.meta))
    }

    pub(super) const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// All parts but those to skip, in order and with their numbers. Each is read once there is
    /// room in memory: by range, several at a time, or one after the other as the object's only
    /// stream, without skipping any, where the server has no ranges.
    pub(super) async fn parts(
        &mut self,
        part_size: u64,
        skip: BTreeSet<usize>,
    ) -> Result<BoxStream<'_, (usize, PartRead<'_>)>, NotCopied> {
        let first = self.first.take();
        let this: &Self = self;
        if this.may_lack_ranges && this.size() > part_size {
            let reserve = this.copier.reserve(part_size, PARTS_AHEAD).await?;
            if let Some(body) = this.whole().await? {
                let parts = this.in_turn(body, part_size, reserve);
                return Ok(parts.enumerate().boxed());
            }
        }
        let is_begun = usize::from(first.is_some());
        let first = stream::iter(first).map(|part| (0, ready(Ok(part)).boxed()));
        let ranges = ranges(this.size(), part_size).enumerate().skip(is_begun);
        let ranges = stream::iter(ranges.filter(move |(index, _)| !skip.contains(index)));
        let rest = ranges
            .then(move |(index, range)| async move { (index, this.part_room(&range).await, range) })
            .map(move |(index, room, range)| {
                let read = async move {
                    let (slot, room) = room?;
                    let start = range.start;
                    let read = this.range(&this.endpoint.store, range);
                    let bytes = this.copier.unless_stopped(read).await?;
                    let bytes = bytes.map_err(|failed| failure(this.name, &failed))?;
                    Ok(LoadedPart::new(start, bytes, room).with_slot(slot))
                };
                (index, read.boxed())
            });
        Ok(first.chain(rest).boxed())
    }

    /// Waits for what a part needs: a slot, unless it is the whole object, and room.
    async fn part_room(&self, range: &Range<u64>) -> Result<(Option<Slot>, Room), NotCopied> {
        let length = range.end - range.start;
        let slot = if length < self.size() {
            Some(self.copier.part_slot().await?)
        } else {
            None
        };
        Ok((slot, self.copier.room(length).await?))
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

    fn in_turn(&self, body: Body, part_size: u64, reserve: Reserve) -> BoxStream<'_, PartRead<'_>> {
        let begin = (
            OpenBody::new(body, reserve, 0),
            ranges(self.size(), part_size),
        );
        stream::try_unfold(begin, move |(mut body, mut ranges)| async move {
            let Some(range) = ranges.next() else {
                return Ok(None);
            };
            let broke = |failed: &FailedRequest| self.broke(failed);
            let part = body.next(self.copier, self.name, range, broke).await?;
            Ok(Some((part, (body, ranges))))
        })
        .map(|part| ready(part).boxed())
        .boxed()
    }

    /// The response to a request for a range of the object, which has a certain pin.
    pub(super) async fn open_range(&self, range: Range<u64>) -> Result<Body, NotCopied> {
        let mut options = self.pin.options();
        options.range = Some(GetRange::Bounded(range.clone()));
        let open = request(async {
            let result = self.endpoint.store.get_opts(self.key, options).await?;
            self.pin.check(self.key, &result.meta)?;
            Ok(result)
        });
        let result = self.copier.unless_stopped(Box::pin(open)).await?;
        let result = result.map_err(|failed| failure(self.name, &failed))?;
        if result.range != range {
            let came = &result.range;
            let reason = format!("bytes {range:?} were asked for, and {came:?} came");
            return Err(FailedObject::new(self.name, reason).into());
        }
        Ok(result.into_stream())
    }

    pub(super) fn broke(&self, failed: &FailedRequest) -> FailedObject {
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
    pub(super) fn check_unchanged(&self) -> Check<'a> {
        let (copier, endpoint) = (self.copier, self.endpoint);
        let (key, name, pin) = (self.key, self.name, self.pin.clone());
        async move {
            let check = request(async {
                let now = endpoint.head(key).await?;
                pin.check(key, &now.meta)
            });
            let unchanged = copier.unless_stopped(check).await?;
            Ok(unchanged.map_err(|failed| failure(name, &failed))?)
        }
        .boxed()
    }

    /// The same for a local file. Reads of another object are conditional.
    pub(super) fn check_local(&self) -> Check<'a> {
        if self.is_local() {
            self.check_unchanged()
        } else {
            ready(Ok(())).boxed()
        }
    }

    /// Reads a range, counted as a read for verification.
    pub(super) async fn verify_range(&self, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        self.range(&self.endpoint.verify_store, range).await
    }

    async fn range(&self, store: &Store, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        let mut buffer = self.copier.memory.buffers.take(range.end - range.start);
        let read = store.read_range_into(self.key, range, &self.pin, &mut buffer.bytes);
        // In a box: the future is large, and would be part of every future around it.
        request(Box::pin(read)).await?;
        Ok(buffer.freeze())
    }
}

fn failure(name: &str, failed: &FailedRequest) -> FailedObject {
    let failure = FailedObject::request(name, failed);
    match failed.error {
        Error::Precondition { .. } => FailedObject {
            source_changed: true,
            ..failure.and("the source was changed while it was being copied: copy it again")
        },
        _ => failure,
    }
}

/// Parts of a single stream in memory: one is read while others are written.
const PARTS_AHEAD: u32 = 4;
