//! Reading an object by ranges, all of one and the same object.

use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use object_store::path::Path;
use object_store::{Attributes, Error, GetOptions, GetResult, ObjectStore, Result};
use undaunted_object_store::ObjectPin;

use super::copier::{Copier, NotCopied};
use super::part::{LoadedPart, ranges};
use crate::endpoint::{Endpoint, Store};
use crate::error::FailedObject;
use crate::request::{FailedRequest, request};

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
        let GetResult {
            meta, attributes, ..
        } = request(head(&endpoint.store, key)).await?;
        Ok(Self {
            copier,
            endpoint,
            key,
            name,
            pin: ObjectPin::of(&meta),
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

    /// The reads of all parts, in order. Each begins once there is room in memory.
    pub(super) fn parts(
        &self,
        part_size: u64,
    ) -> impl Stream<Item = impl Future<Output = Result<LoadedPart, NotCopied>>> {
        stream::iter(ranges(self.size, part_size))
            .then(move |range| async move { (self.copier.permit().await, range) })
            .map(move |(permit, range)| async move {
                let permit = permit?;
                let start = range.start;
                let read = self.range(&self.endpoint.store, range);
                let bytes = self.copier.unless_stopped(read).await?;
                let bytes = bytes.map_err(|failed| failure(self.name, &failed))?;
                Ok(LoadedPart::new(start, bytes, permit))
            })
    }

    /// Reads a range, counted as a read for verification.
    pub(super) async fn verify_range(&self, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        self.range(&self.endpoint.verify_store, range).await
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

    async fn range(&self, store: &Store, range: Range<u64>) -> Result<Bytes, FailedRequest> {
        let mut buffer = self.copier.buffers.take(range.end - range.start);
        let read = store.read_range_into(self.key, range, &self.pin, &mut buffer.bytes);
        // In a box: the future is large, and would be part of every future around it.
        request(Box::pin(read)).await?;
        Ok(buffer.freeze())
    }
}

async fn head(store: &Store, key: &Path) -> Result<GetResult> {
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
