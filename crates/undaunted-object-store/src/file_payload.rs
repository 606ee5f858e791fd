//! Payloads that are open files.

use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::{GetResult, GetResultPayload, Result};
use tokio::task::spawn_blocking;

use crate::checked_body::short;
use crate::error::generic;

/// Adds a range of a file to `buffer`, without holding up the runtime. A payload that is a
/// stream comes back.
pub(crate) async fn read(
    result: GetResult,
    buffer: &mut Vec<u8>,
) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
    let mut file = match result.payload {
        GetResultPayload::File(file, _) => file,
        GetResultPayload::Stream(stream) => return Ok(Some(stream)),
    };
    let start = result.range.start;
    let length = result.range.end.saturating_sub(start);
    let mut bytes = std::mem::take(buffer);
    let (bytes, came) = spawn_blocking(move || {
        let came = file
            .seek(SeekFrom::Start(start))
            .and_then(|_| file.take(length).read_to_end(&mut bytes));
        (bytes, came)
    })
    .await?;
    *buffer = bytes;
    let came = came.map_err(generic)? as u64;
    if came < length {
        return Err(short(length - came));
    }
    Ok(None)
}
