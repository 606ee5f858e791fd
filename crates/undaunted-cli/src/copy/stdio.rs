//! Copying from stdin and to stdout: streams of unknown size, whose order matters.

use std::collections::BTreeSet;
use std::future::ready;
use std::io::{self, Read, Write};
use std::thread;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::buffers::Buffers;
use super::copier::{Copied, Copier, NotCopied};
use super::multipart::NotWritten;
use super::part::LoadedPart;
use super::read::Reader;
use super::transfer::Transfer;
use crate::endpoint::Endpoint;
use crate::error::FailedObject;
use crate::selection::Found;

/// Writes the object to stdout in order, while later parts are read ahead.
pub(super) async fn to_stdout(
    copier: &Copier,
    source: &Endpoint,
    from: &Path,
    found: Option<&Found>,
    name: &str,
) -> Result<Copied, NotCopied> {
    let part_size = copier.settings.part_size;
    let mut reader = Reader::open_source(copier, source, from, found, part_size, name).await?;
    let mut parts = reader
        .parts(part_size, BTreeSet::new())
        .await?
        .map(|(_, read)| read)
        .buffered(copier.settings.parts_at_a_time())
        .boxed();
    while let Some(part) = parts.next().await.transpose()? {
        let bytes = part.bytes().clone();
        let length = bytes.len() as u64;
        let write = spawn_blocking(move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&bytes)?;
            stdout.flush()
        });
        let written = copier.unless_stopped(write).await?;
        written
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| {
                FailedObject::new(name, format!("stdout cannot be written to: {error}"))
            })?;
        part.end();
        copier.progress.advance(length);
    }
    drop(parts);
    reader.check_unchanged().await?;
    Ok(Copied {
        bytes: reader.size(),
        ..Copied::default()
    })
}

/// Writes what comes from stdin: in one request if it ends soon, otherwise in parts.
pub(super) async fn from_stdin(transfer: Transfer<'_>) -> Result<Copied, NotCopied> {
    transfer.skip_existing().await?;
    transfer.remove_leftovers().await;
    let attributes = transfer.copier.settings.attributes.clone();
    let mut stdin = Stdin::open(transfer);
    let mut loaded: Vec<LoadedPart> = stdin.next().await?.into_iter().collect();
    if !stdin.is_at_end && transfer.destination.has_parts {
        let rest = stream::try_unfold(stdin, |mut stdin| async move {
            Ok(stdin.next().await?.map(|part| (part, stdin)))
        });
        let parts = stream::iter(loaded.into_iter().map(Ok)).chain(rest);
        let parts = parts.map(ready).enumerate().boxed();
        let at_a_time = transfer.copier.settings.parts_at_a_time();
        let mut nothing = None;
        let put = transfer.put_parts(attributes, parts, at_a_time, &mut nothing, ready(Ok(())));
        return match put.await {
            Ok(written) => transfer.finish(&written).await,
            Err(NotWritten::NotCopied(not_copied)) => Err(not_copied),
            // Only what is resumed can be gone.
            Err(NotWritten::Gone) => Err(NotCopied::Interrupted(None)),
        };
    }
    while !stdin.is_at_end
        && let Some(mut part) = stdin.next().await?
    {
        // All parts have to be in memory at the same time, whatever the limit.
        part.release_room();
        loaded.push(part);
    }
    transfer
        .finish(&transfer.put(attributes, loaded).await?)
        .await
}

/// The parts of stdin. It is read on a thread of its own: the read of a terminal cannot be
/// interrupted, and the runtime would wait for it at the end.
#[derive(Debug)]
struct Stdin<'a> {
    transfer: Transfer<'a>,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    /// Where the next part begins.
    offset: u64,
    count: u64,
    is_at_end: bool,
}

impl<'a> Stdin<'a> {
    fn open(transfer: Transfer<'a>) -> Self {
        let part_size = transfer.copier.settings.part_size;
        let buffers = transfer.copier.memory.buffers.clone();
        let (sender, pieces) = mpsc::channel(1);
        thread::spawn(move || {
            loop {
                let piece = read_piece(part_size, &buffers);
                let is_last = piece
                    .as_ref()
                    .map_or(true, |piece| (piece.len() as u64) < part_size);
                if sender.blocking_send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        Self {
            transfer,
            pieces,
            offset: 0,
            count: 0,
            is_at_end: false,
        }
    }

    /// The next part, once there is room in memory. Only the last one is shorter than others;
    /// it is empty only if stdin is.
    async fn next(&mut self) -> Result<Option<LoadedPart>, NotCopied> {
        let Transfer {
            copier,
            destination,
            name,
            ..
        } = self.transfer;
        let fail = |reason: String| FailedObject::new(name, reason);
        let room = copier.room(copier.settings.part_size).await?;
        let Some(piece) = copier.unless_stopped(self.pieces.recv()).await? else {
            return Ok(None);
        };
        let bytes = piece.map_err(|error| fail(format!("stdin cannot be read: {error}")))?;
        let (length, part_size) = (bytes.len() as u64, copier.settings.part_size);
        self.is_at_end = length < part_size;
        if length == 0 && self.offset > 0 {
            return Ok(None);
        }
        let max_parts = destination.kind.max_parts();
        if self.count == max_parts {
            return Err(fail(format!(
                "stdin has more than {max_parts} parts of {part_size} bytes, and its destination \
                 takes no more: use a larger --part-size"
            ))
            .into());
        }
        copier.progress.expect(length);
        let part = LoadedPart::new(self.offset, bytes, room);
        self.offset += length;
        self.count += 1;
        Ok(Some(part))
    }
}

/// As many bytes as a part has, or all that are left.
fn read_piece(part_size: u64, buffers: &Buffers) -> io::Result<Bytes> {
    let mut piece = buffers.take(part_size);
    io::stdin()
        .lock()
        .take(part_size)
        .read_to_end(&mut piece.bytes)?;
    Ok(piece.freeze())
}
