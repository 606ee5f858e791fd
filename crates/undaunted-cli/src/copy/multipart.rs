//! Writing an object: in one piece, or in parts that become an object all at once.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Attributes, Error, MultipartId, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use twox_hash::XxHash3_128;
use undaunted_object_store::Ambiguous;

use super::{Copier, Undone, verify};
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::location::Kind;
use crate::shown;

/// A piece of an object in memory, with the permit to be there.
#[derive(Debug)]
pub(super) struct Chunk {
    offset: u64,
    bytes: Bytes,
    permit: Option<OwnedSemaphorePermit>,
}

/// A piece that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<u64>,
    pub(super) digest: u128,
}

/// How a put ended.
#[derive(Debug)]
pub(super) enum Put {
    Written(Vec<Part>),
    /// Something is there already, and is to stay.
    Exists,
}

impl Chunk {
    pub(super) const fn new(offset: u64, bytes: Bytes, permit: OwnedSemaphorePermit) -> Self {
        Self {
            offset,
            bytes,
            permit: Some(permit),
        }
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Gives the permit back although the bytes stay.
    pub(super) fn release(&mut self) {
        self.permit = None;
    }

    fn part(&self) -> Part {
        Part {
            range: self.offset..self.offset + self.bytes.len() as u64,
            digest: digest(&self.bytes),
        }
    }
}

impl Part {
    pub(super) const fn length(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Copier {
    /// Room for one part in memory.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Undone> {
        let permits = self.permits.clone();
        let permit = self.unless_stopped(permits.acquire_owned()).await?;
        // It is never closed.
        permit.map_err(|_| Undone::Interrupted(None))
    }
}

/// What a part is known by: not against forgers, but no broken wire gets past 128 bits.
pub(super) fn digest(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

/// The size of the parts of an object of this size: larger than was asked for where there
/// would be too many.
pub(super) fn part_size(asked_for: u64, size: u64, kind: Kind) -> u64 {
    asked_for.max(size.div_ceil(kind.most_parts()))
}

/// Writes the object in one request.
pub(super) async fn put(
    copier: &Copier,
    to: &Path,
    attributes: Attributes,
    name: &str,
    chunks: Vec<Chunk>,
) -> Result<Put, Undone> {
    let Some(destination) = &copier.plan.destination else {
        return Ok(Put::Exists);
    };
    let parts: Vec<Part> = chunks.iter().map(Chunk::part).collect();
    let payload: PutPayload = chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
    let length = payload.content_length() as u64;
    let only_if_new = copier.settings.no_clobber && destination.kind.has_create();
    let options = PutOptions {
        mode: if only_if_new {
            PutMode::Create
        } else {
            PutMode::Overwrite
        },
        attributes,
        ..PutOptions::default()
    };
    let written = destination.store.put_opts(to, payload, options);
    match copier.unless_stopped(written).await? {
        Ok(_) => {
            copier.progress.arrived(length);
            Ok(Put::Written(parts))
        }
        Err(Error::AlreadyExists { .. }) if only_if_new => Ok(Put::Exists),
        Err(error) => Err(Failure::store(name, &error).into()),
    }
}

/// Writes the object in parts, some at a time. If anything fails nothing stays.
pub(super) async fn in_parts<F>(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    attributes: Attributes,
    name: &str,
    chunks: BoxStream<'_, F>,
) -> Result<Vec<Part>, Undone>
where
    F: Future<Output = Result<Chunk, Undone>>,
{
    let upload = Upload {
        copier,
        destination,
        to,
        name,
        id: begin(copier, destination, to, attributes, name).await?,
    };
    match upload.fill(chunks).await {
        Ok(parts) => Ok(parts),
        Err(undone) => Err(upload.abort(undone).await),
    }
}

/// A multipart upload that was begun, and so must be completed or aborted.
struct Upload<'a> {
    copier: &'a Copier,
    destination: &'a Endpoint,
    to: &'a Path,
    name: &'a str,
    id: MultipartId,
}

async fn begin(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    attributes: Attributes,
    name: &str,
) -> Result<MultipartId, Undone> {
    let options = PutMultipartOptions {
        attributes,
        ..PutMultipartOptions::default()
    };
    let begun = destination.store.create_multipart_opts(to, options);
    let begun = copier.unless_stopped_for_long(begun).await?;
    begun.map_err(|error| Failure::store(name, &error).into())
}

impl Upload<'_> {
    async fn fill<F>(&self, chunks: BoxStream<'_, F>) -> Result<Vec<Part>, Undone>
    where
        F: Future<Output = Result<Chunk, Undone>>,
    {
        let mut sent: Vec<(usize, Part, PartId)> = chunks
            .enumerate()
            .map(|(index, chunk)| self.send(index, chunk))
            .buffer_unordered(self.copier.settings.concurrency)
            .try_collect()
            .await?;
        sent.sort_unstable_by_key(|(index, ..)| *index);
        let (parts, ids): (Vec<Part>, Vec<PartId>) =
            sent.into_iter().map(|(_, part, id)| (part, id)).unzip();
        self.complete(&parts, ids).await?;
        Ok(parts)
    }

    async fn send(
        &self,
        index: usize,
        chunk: impl Future<Output = Result<Chunk, Undone>>,
    ) -> Result<(usize, Part, PartId), Undone> {
        let chunk = chunk.await?;
        let part = chunk.part();
        let store = &self.destination.store;
        let payload = PutPayload::from(chunk.bytes.clone());
        let written = store.put_part(self.to, &self.id, index, payload);
        match self.copier.unless_stopped(written).await? {
            Ok(id) => {
                self.copier.progress.arrived(part.length());
                Ok((index, part, id))
            }
            Err(error) => Err(Failure::store(self.name, &error).into()),
        }
    }

    async fn complete(&self, parts: &[Part], ids: Vec<PartId>) -> Result<(), Undone> {
        let store = &self.destination.store;
        let completed = store.complete_multipart(self.to, &self.id, ids);
        let Err(error) = self.copier.unless_stopped_for_long(completed).await? else {
            return Ok(());
        };
        let failure = Failure::store(self.name, &error);
        // An answer was lost. What is there now tells whether it was a yes.
        if is_ambiguous(&error)
            && verify::matches(self.copier, self.destination, self.to, parts).await?
        {
            return Ok(());
        }
        Err(failure.into())
    }

    /// Gives the upload up, so that nothing stays of it.
    async fn abort(&self, undone: Undone) -> Undone {
        let aborted = self.destination.store.abort_multipart(self.to, &self.id);
        let trouble = match timeout(ABORT_LIMIT, aborted).await {
            // What is not there need not be taken away.
            Ok(Ok(()) | Err(Error::NotFound { .. })) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {}", shown::seconds(ABORT_LIMIT))),
        };
        let Some(trouble) = trouble else {
            self.copier.tally().aborted += 1;
            return undone;
        };
        let note = format!(
            "its upload to {} could not be aborted, and its parts may stay there: {trouble}",
            self.destination.shown(self.to)
        );
        match undone {
            Undone::Failed(failure) => Undone::Failed(failure.and(&note)),
            Undone::Interrupted(_) => Undone::Interrupted(Some(Failure::new(self.name, note))),
        }
    }
}

fn is_ambiguous(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Ambiguous>)
}

/// As long as a person waits for a command to end after Ctrl-C; a second one ends it at once.
const ABORT_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_where_there_would_be_too_many() {
        let mib = 1 << 20;
        assert_eq!(part_size(8 * mib, 0, Kind::S3), 8 * mib);
        assert_eq!(part_size(8 * mib, 80_000 * mib, Kind::S3), 8 * mib);
        let grown = part_size(8 * mib, 1 << 40, Kind::S3);
        assert!((1_u64 << 40).div_ceil(grown) <= 10_000);
        assert_eq!(part_size(1, 1 << 40, Kind::Local), 1);
    }
}
