//! stdin and stdout: streams whose size nobody knows, and whose order matters.

use std::io::{self, Read, Write};
use std::thread;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::Attributes;
use object_store::path::Path;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::buffers::Buffers;
use super::object::{check_unchanged, exists, finish, open, reads};
use super::write::{self, Chunk, Put};
use super::{Copier, Outcome, Undone};
use crate::endpoint::Endpoint;
use crate::failure::Failure;

/// Writes the object to stdout, in order; ranges are read ahead.
pub(super) async fn to_stdout(
    copier: &Copier,
    source: &Endpoint,
    from: &Path,
) -> Result<Outcome, Undone> {
    let name = source.shown(from);
    let reader = open(copier, source, from, &name).await?;
    let size = reader.size();
    let mut chunks = reads(copier, &reader, &name, copier.settings.part_size)
        .buffered(copier.settings.concurrency)
        .boxed();
    while let Some(chunk) = chunks.next().await.transpose()? {
        let bytes = chunk.bytes().clone();
        let length = bytes.len() as u64;
        let written = spawn_blocking(move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&bytes)?;
            stdout.flush()
        });
        let written = copier.unless_stopped(written).await?;
        written
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| {
                Failure::new(&name, format!("stdout cannot be written to: {error}"))
            })?;
        copier.progress.arrived(length);
    }
    drop(chunks);
    check_unchanged(copier, &reader, &name).await?;
    Ok(Outcome::Copied {
        bytes: size,
        is_verified: false,
    })
}

/// Writes what comes from stdin: in one piece if it ends soon, else in parts.
pub(super) async fn from_stdin(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
) -> Result<Outcome, Undone> {
    let name = destination.shown(to);
    if exists(copier, destination, to).await? {
        return Ok(Outcome::Skipped);
    }
    let part_size = usize::try_from(copier.settings.part_size).unwrap_or(usize::MAX);
    let mut input = Input::open(part_size, copier.buffers.clone());
    let attributes = copier.settings.attributes.clone();
    let first = input.next(copier, &name).await?.unwrap_or_default();
    let parts = if first.len() < part_size {
        let chunks = vec![Chunk::new(0, first, copier.permit().await?)];
        put(copier, to, attributes, &name, chunks).await?
    } else if destination.has_parts {
        let chunks = input.chunks(copier, destination, &name, first);
        Some(write::in_parts(copier, destination, to, attributes, &name, chunks).await?)
    } else {
        let chunks = input.rest(copier, &name, first).await?;
        put(copier, to, attributes, &name, chunks).await?
    };
    match parts {
        Some(parts) => finish(copier, destination, to, &name, &parts).await,
        None => Ok(Outcome::Skipped),
    }
}

async fn put(
    copier: &Copier,
    to: &Path,
    attributes: Attributes,
    name: &str,
    chunks: Vec<Chunk>,
) -> Result<Option<Vec<write::Part>>, Undone> {
    match write::put(copier, to, attributes, name, chunks).await? {
        Put::Written(parts) => Ok(Some(parts)),
        Put::Exists => Ok(None),
    }
}

/// stdin, read on a thread of its own: a read of a terminal cannot be cut, and a runtime would
/// wait for it in the end.
#[derive(Debug)]
struct Input {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl Input {
    fn open(part_size: usize, buffers: Buffers) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        thread::spawn(move || {
            loop {
                let piece = read_piece(part_size as u64, &buffers);
                let is_last = piece.as_ref().map_or(true, |piece| piece.len() < part_size);
                if sender.blocking_send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        Self { pieces }
    }

    /// The next piece: as long as a part, unless it is the last.
    async fn next(&mut self, copier: &Copier, name: &str) -> Result<Option<Bytes>, Undone> {
        match copier.unless_stopped(self.pieces.recv()).await? {
            None => Ok(None),
            Some(Ok(bytes)) => {
                copier.progress.expect(bytes.len() as u64);
                Ok(Some(bytes))
            }
            Some(Err(error)) => {
                let reason = format!("stdin cannot be read: {error}");
                Err(Failure::new(name, reason).into())
            }
        }
    }

    /// All pieces as chunks. The stream waits for room in memory before it reads on.
    fn chunks<'a>(
        self,
        copier: &'a Copier,
        destination: &'a Endpoint,
        name: &'a str,
        first: Bytes,
    ) -> BoxStream<'a, std::future::Ready<Result<Chunk, Undone>>> {
        let most = destination.kind.most_parts();
        let begin = (self, Some(first), 0_u64, 0_u64);
        stream::unfold(begin, move |(mut input, ahead, offset, count)| async move {
            let chunk = async {
                let permit = copier.permit().await?;
                let piece = match ahead {
                    Some(first) => Some(first),
                    None => input.next(copier, name).await?,
                };
                match piece {
                    Some(bytes) if bytes.is_empty() => Ok(None),
                    Some(_) if count == most => Err(too_many_parts(copier, name, most)),
                    piece => Ok(piece.map(|bytes| Chunk::new(offset, bytes, permit))),
                }
            };
            let chunk = chunk.await.transpose()?;
            let length = chunk.as_ref().map_or(0, |chunk| chunk.bytes().len() as u64);
            let next = (input, None, offset + length, count + 1);
            Some((std::future::ready(chunk), next))
        })
        .boxed()
    }

    /// All pieces at once.
    async fn rest(
        mut self,
        copier: &Copier,
        name: &str,
        first: Bytes,
    ) -> Result<Vec<Chunk>, Undone> {
        let mut chunks = Vec::new();
        let mut offset = 0;
        let mut piece = Some(first);
        while let Some(bytes) = piece {
            let length = bytes.len() as u64;
            let mut chunk = Chunk::new(offset, bytes, copier.permit().await?);
            chunk.release();
            chunks.push(chunk);
            offset += length;
            piece = self.next(copier, name).await?;
        }
        Ok(chunks)
    }
}

fn too_many_parts(copier: &Copier, name: &str, most: u64) -> Undone {
    let size = copier.settings.part_size;
    let reason = format!(
        "stdin has more than {most} parts of {size} bytes, the most that its destination takes: \
         use a larger --part-size"
    );
    Failure::new(name, reason).into()
}

/// As many bytes as a part has, or as there are.
fn read_piece(part_size: u64, buffers: &Buffers) -> io::Result<Bytes> {
    let mut piece = buffers.take(part_size);
    io::stdin()
        .lock()
        .take(part_size)
        .read_to_end(&mut piece.bytes)?;
    Ok(piece.freeze())
}
