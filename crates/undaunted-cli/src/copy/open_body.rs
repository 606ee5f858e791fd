//! The body of a response, taken in pieces and in order.

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::Result;
use std::ops::Range;

use super::copier::{Copier, NotCopied};
use super::memory::Reserve;
use super::part::LoadedPart;
use crate::error::FailedObject;
use crate::request::{FailedRequest, request};

/// The content of an object, or a range of it.
pub(super) type Body = BoxStream<'static, Result<Bytes>>;

/// A body that holds its slot until it has ended. So its pieces use room that was waited for
/// before.
pub(super) struct OpenBody {
    body: Body,
    reserve: Reserve,
    /// What has arrived and was not taken yet.
    rest: Bytes,
    /// The next byte to be taken.
    position: u64,
}

impl OpenBody {
    /// A body that begins with this byte of the object.
    pub(super) const fn new(body: Body, reserve: Reserve, position: u64) -> Self {
        Self {
            body,
            reserve,
            rest: Bytes::new(),
            position,
        }
    }

    /// The next bytes, once there is room for them. `failure` is what to say if the body breaks.
    pub(super) async fn next(
        &mut self,
        copier: &Copier,
        name: &str,
        range: Range<u64>,
        failure: impl FnOnce(&FailedRequest) -> FailedObject,
    ) -> std::result::Result<LoadedPart, NotCopied> {
        if range.start != self.position {
            return Err(FailedObject::new(name, "its pieces were read out of order").into());
        }
        let room = copier.unless_stopped(self.reserve.room()).await?;
        let length = range.end - range.start;
        let mut buffer = copier.memory.buffers.take(length);
        let fill = request(async {
            loop {
                let missing = length - buffer.bytes.len() as u64;
                let missing = usize::try_from(missing).unwrap_or(usize::MAX);
                let piece = self.rest.split_to(missing.min(self.rest.len()));
                buffer.bytes.extend_from_slice(&piece);
                if piece.len() == missing {
                    return Ok(true);
                }
                let Some(next) = self.body.try_next().await? else {
                    return Ok(false);
                };
                self.rest = next;
            }
        });
        let filled = copier.unless_stopped(fill).await?;
        if !filled.map_err(|failed| failure(&failed))? {
            return Err(FailedObject::new(name, "the body ended too soon").into());
        }
        self.position = range.end;
        Ok(LoadedPart::new(range.start, buffer.freeze(), room))
    }
}
