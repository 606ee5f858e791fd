//! Reading an object in pieces of its parts, each written to a local file as it arrives.
//!
//! A service is asked for a part by one request, and a file can take it bit by bit. So a part need
//! not be in memory as a whole, and what is written is still in the cache of the processor.

use std::collections::BTreeSet;
use std::mem::replace;
use std::ops::Range;

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::oneshot;

use super::copier::NotCopied;
use super::open_body::OpenBody;
use super::part::{LoadedPart, ranges};
use super::read::{PartRead, Reader};
use crate::error::FailedObject;
use crate::request::FailedRequest;
use crate::slots::{Outcome, Slot};
use crate::store_kind::StoreKind;

/// How an object is read in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) size: u64,
    /// How many make a part.
    pub(super) in_a_part: usize,
}

/// Pieces of a part that follow one another, with their numbers.
type Row = Vec<(usize, Range<u64>)>;

/// A part that is being read.
struct OpenPart<'a> {
    reader: &'a Reader<'a>,
    range: Range<u64>,
    /// None if a stop was requested, as all that follows will find too.
    slot: Option<Slot>,
    /// The response, once it was asked for.
    body: Option<OpenBody>,
}

impl Pieces {
    /// The pieces of the parts of an object. One is worth it only if parts are large; where there
    /// would be very many, they are larger, up to a whole part.
    pub(super) fn of(part_size: u64, object_size: u64) -> Option<Self> {
        let smallest = SMALLEST.max(object_size.div_ceil(MOST));
        let in_a_part = (1..=part_size.div_euclid(smallest).min(MOST_IN_A_PART))
            .rev()
            .find(|number| part_size.is_multiple_of(*number))?;
        Some(Self {
            size: part_size / in_a_part,
            in_a_part: usize::try_from(in_a_part).ok()?,
        })
    }
}

impl Reader<'_> {
    /// The pieces in which this object can be read into a local file.
    pub(super) fn pieces(&self, part_size: u64) -> Option<Pieces> {
        // A body without a certain pin is read anew when it breaks, which pieces cannot be.
        let is_remote = self.endpoint.kind != StoreKind::Local;
        if is_remote && self.pin.is_certain() && !self.may_lack_ranges {
            Pieces::of(part_size, self.size())
        } else {
            None
        }
    }

    /// All pieces but those to skip, in order and with their numbers.
    pub(super) fn read_pieces(
        &mut self,
        part_size: u64,
        pieces: Pieces,
        skip: BTreeSet<usize>,
    ) -> BoxStream<'_, (usize, PartRead<'_>)> {
        let first = self.first.take();
        let this: &Self = self;
        let skipped = usize::from(first.is_some());
        let first = first
            .into_iter()
            .flat_map(move |part| part.split(pieces.size));
        let first = stream::iter(first.map(|piece| async { Ok(piece) }.boxed()).enumerate());
        let parts = ranges(this.size(), part_size).enumerate().skip(skipped);
        let rows = parts.flat_map(move |(number, part)| {
            let in_part = ranges(part.end - part.start, pieces.size).enumerate();
            let missing: Vec<(usize, Range<u64>)> = in_part
                .map(|(index, piece)| {
                    let piece = part.start + piece.start..part.start + piece.end;
                    (number * pieces.in_a_part + index, piece)
                })
                .filter(|(index, _)| !skip.contains(index))
                .collect();
            // One request for each row of them.
            let rows = missing.chunk_by(|(index, _), (next, _)| index + 1 == *next);
            let rows: Vec<Row> = rows.map(<[_]>::to_vec).collect();
            rows
        });
        // One after the other: an object waits for one slot at a time.
        let rows = stream::iter(rows);
        let rows = rows.then(move |row| async move { (this.copier.part_slot().await.ok(), row) });
        let rest = rows.flat_map(move |(slot, row)| stream::iter(this.read_row(row, slot)));
        first.chain(rest).boxed()
    }

    /// Pieces that follow one another, by one request.
    fn read_row(
        &self,
        row: Row,
        slot: Option<Slot>,
    ) -> impl Iterator<Item = (usize, PartRead<'_>)> {
        let start = row.first().map_or(0, |(_, piece)| piece.start);
        let end = row.last().map_or(0, |(_, piece)| piece.end);
        let mut turns = Turns::of(OpenPart {
            reader: self,
            range: start..end,
            slot,
            body: None,
        });
        row.into_iter().map(move |(index, piece)| {
            let turn = turns.next();
            let read = async move {
                // Whoever has read the piece before ends first, and says why it failed.
                let mut part = turn.mine.await.map_err(|_| {
                    FailedObject::new(self.name, "the bytes before these could not be read")
                })?;
                let piece = part.next(piece).await?;
                // Nobody waits for it after the last piece.
                let _ = turn.next.send(part);
                Ok(piece)
            };
            (index, read.boxed())
        })
    }
}

/// Something that is handed from one to the next, in the order in which they were made and not
/// that in which a scheduler polls them.
struct Turns<T>(oneshot::Receiver<T>);

struct Turn<T> {
    mine: oneshot::Receiver<T>,
    next: oneshot::Sender<T>,
}

impl<T> Turns<T> {
    fn of(shared: T) -> Self {
        let (first, mine) = oneshot::channel();
        // It cannot fail: the receiver is at hand.
        let _ = first.send(shared);
        Self(mine)
    }

    fn next(&mut self) -> Turn<T> {
        let (next, after) = oneshot::channel();
        let mine = replace(&mut self.0, after);
        Turn { mine, next }
    }
}

impl OpenPart<'_> {
    /// Reads the next piece, once the one before the last was written.
    async fn next(&mut self, piece: Range<u64>) -> Result<LoadedPart, NotCopied> {
        let reader = self.reader;
        let body = if let Some(body) = &mut self.body {
            body
        } else {
            let length = piece.end - piece.start;
            let reserve = reader.copier.reserve(length, PIECES_IN_MEMORY).await?;
            let body = reader.open_range(self.range.clone()).await?;
            let body = OpenBody::new(body, reserve, self.range.start);
            self.body.insert(body)
        };
        let broke = |failed: &FailedRequest| reader.broke(failed);
        let is_last = piece.end == self.range.end;
        let piece = body.next(reader.copier, reader.name, piece, broke).await?;
        if is_last && let Some(slot) = &mut self.slot {
            let bytes = self.range.end - self.range.start;
            slot.end(Outcome::Done { bytes });
        }
        Ok(piece)
    }
}

/// Small enough for the cache of a processor, and large enough that writing costs little.
const SMALLEST: u64 = 512 << 10;

/// Each is remembered until the file is complete.
const MOST: u64 = 16_384;

const MOST_IN_A_PART: u64 = 64;

/// One is read while another is written.
const PIECES_IN_MEMORY: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_order_whoever_is_polled_first() {
        let mut turns = Turns::of(Vec::new());
        let take = |number| {
            let turn = turns.next();
            async move {
                let mut order: Vec<usize> = turn.mine.await.ok()?;
                order.push(number);
                let last = order.clone();
                let _ = turn.next.send(order);
                Some(last)
            }
        };
        let mut reads: Vec<_> = (0..3).map(take).map(FutureExt::boxed).collect();
        for waiting in reads[1..].iter_mut().rev() {
            assert!(waiting.now_or_never().is_none());
        }
        let ended = futures::future::join_all(reads.into_iter().rev()).await;
        assert_eq!(ended[0], Some(vec![0, 1, 2]));
    }

    #[test]
    fn pieces_divide_their_parts_and_are_not_too_many() {
        let mib = 1 << 20;
        let of = |part_size, object_size| {
            let pieces = Pieces::of(part_size, object_size)?;
            assert_eq!(pieces.size * pieces.in_a_part as u64, part_size);
            assert!(object_size.div_ceil(pieces.size) <= MOST);
            Some(pieces.size)
        };
        assert_eq!(of(8 * mib, 20 * mib), Some(mib / 2));
        assert_eq!(of(8 * mib, 8_192 * mib), Some(mib / 2));
        assert_eq!(of(8 * mib, 8_193 * mib), Some(mib));
        assert_eq!(of(8 * mib, 131_072 * mib), Some(8 * mib));
        assert_eq!(of(8 * mib, 131_073 * mib), None);
        assert_eq!(of(5 * mib, 20 * mib), Some(mib / 2));
        assert_eq!(of(1 << 10, 20 * mib), None);
        assert_eq!(of(mib, 20 * mib), Some(mib / 2));
    }
}
