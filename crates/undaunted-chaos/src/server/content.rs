//! The content of an object, in pieces of a useful size.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures::stream;
use s3s::dto;
use tokio::task::spawn_blocking;

/// The bytes of a file in this range.
pub(super) fn read(file: File, range: Range<u64>) -> dto::StreamingBlob {
    let start = (file, range.start, true);
    let pieces = stream::try_unfold(start, move |(mut file, at, is_first)| async move {
        let left = range.end.saturating_sub(at);
        if left == 0 {
            return Ok(None);
        }
        let read = spawn_blocking(move || {
            if is_first {
                file.seek(SeekFrom::Start(at))?;
            }
            let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        let at = at + piece.len() as u64;
        Ok::<_, io::Error>(Some((piece, (file, at, false))))
    });
    dto::StreamingBlob::wrap(pieces)
}

/// Large enough that reading costs little, and small enough that many bodies take little memory.
const PIECE: usize = 128 << 10;
