//! The content of an object, in pieces of a useful size.
//!
//! `s3s-fs` reads 4 KiB at a time, each on another thread, which costs several times what sending
//! them does.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures::stream;
use s3s::{S3Result, dto};
use tokio::task::spawn_blocking;

/// Makes this file the body of a response to a request for this range, if it has a body.
pub(super) fn read(
    mut file: File,
    range: Option<&dto::Range>,
    output: &mut dto::GetObjectOutput,
) -> S3Result<()> {
    let length = output.content_length.unwrap_or_default();
    let (Some(_), Ok(length)) = (&output.body, u64::try_from(length)) else {
        return Ok(());
    };
    let start = match range {
        None => SeekFrom::Start(0),
        Some(dto::Range::Int { first, .. }) => SeekFrom::Start(*first),
        Some(dto::Range::Suffix { .. }) => SeekFrom::End(output.content_length.map_or(0, |n| -n)),
    };
    file.seek(start).map_err(s3s::S3Error::internal_error)?;
    let pieces = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = spawn_blocking(move || {
            let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        let left = left - piece.len() as u64;
        Ok::<_, io::Error>(Some((piece, (file, left))))
    });
    output.body = Some(dto::StreamingBlob::wrap(pieces));
    Ok(())
}

/// Large enough that reading costs little, and small enough that many bodies take little memory.
const PIECE: usize = 128 << 10;
