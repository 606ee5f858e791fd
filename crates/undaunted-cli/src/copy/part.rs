//! Parts of an object: while they are in memory, and what is remembered of them afterwards.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use twox_hash::XxHash3_128;

use super::memory::Room;
use crate::slots::{Outcome, Slot};

/// A part in memory, with the room that it has there.
#[derive(Debug)]
pub(super) struct LoadedPart {
    offset: u64,
    bytes: Bytes,
    room: Option<Room>,
    slot: Option<Slot>,
}

/// The range and the digest of a part that was read from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<u64>,
    pub(super) digest: u128,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) parts: Vec<Part>,
    /// Bytes of them that an earlier run had written.
    pub(super) resumed_bytes: u64,
}

impl LoadedPart {
    pub(super) const fn new(offset: u64, bytes: Bytes, room: Room) -> Self {
        Self {
            offset,
            bytes,
            room: Some(room),
            slot: None,
        }
    }

    /// The same part with a slot, until it is sent.
    pub(super) fn with_slot(self, slot: Option<Slot>) -> Self {
        Self { slot, ..self }
    }

    /// It was sent.
    pub(super) fn end(mut self) {
        let bytes = self.bytes.len() as u64;
        if let Some(slot) = &mut self.slot {
            slot.end(Outcome::Done { bytes });
        }
    }

    /// The bytes in slices of this size.
    pub(super) fn slices(&self, size: usize) -> impl Iterator<Item = Bytes> {
        let length = self.bytes.len();
        let starts = (0..length).step_by(size);
        starts.map(move |start| {
            self.bytes
                .slice(start..length.min(start.saturating_add(size)))
        })
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns room and slot although the bytes stay.
    pub(super) fn release_room(&mut self) {
        self.room = None;
        self.slot = None;
    }

    /// The same bytes as parts of this size.
    pub(super) fn split(self, size: u64) -> impl Iterator<Item = Self> + Send {
        let room = self.room.map(Arc::new);
        let (offset, bytes) = (self.offset, self.bytes);
        ranges(bytes.len() as u64, size).map(move |range| Self {
            offset: offset + range.start,
            // The length of what is in memory fits.
            bytes: bytes.slice(index(range.start)..index(range.end)),
            room: room.clone().map(Room::share),
            slot: None,
        })
    }

    pub(super) fn part(&self) -> Part {
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

    /// The size of the object that these are all the parts of.
    pub(super) fn total(parts: &[Self]) -> u64 {
        parts.iter().map(Self::length).sum()
    }

    pub(super) fn has_content(&self, bytes: &[u8]) -> bool {
        digest(bytes) == self.digest
    }
}

/// The ranges of an object's parts, at least one.
pub(super) fn ranges(size: u64, part_size: u64) -> impl Iterator<Item = Range<u64>> + Send {
    let count = size.div_ceil(part_size).max(1);
    (0..count).map(move |index| {
        let start = index * part_size;
        start..size.min(start.saturating_add(part_size))
    })
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Not cryptographic: 128 bits find every accidental change, and forgery is no concern here.
fn digest(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::copy::memory::Memory;
    use crate::slots::Waiting;

    #[test]
    fn a_part_that_is_split_keeps_its_room_until_its_last_piece_is_gone() {
        let memory = Memory::new(1, Waiting::new());
        let room = memory.room(1).now_or_never().unwrap();
        let part = LoadedPart::new(10, Bytes::from_static(b"abcde"), room);
        let mut pieces: Vec<_> = part.split(2).collect();
        let found = |piece: &LoadedPart| (piece.part().range, piece.bytes().clone());
        let wanted = [(10..12, "ab"), (12..14, "cd"), (14..15, "e")];
        let wanted = wanted.map(|(range, bytes)| (range, Bytes::from_static(bytes.as_bytes())));
        assert!(pieces.iter().map(found).eq(wanted));
        while let Some(piece) = pieces.pop() {
            assert!(memory.room(1).now_or_never().is_none());
            drop(piece);
        }
        assert!(memory.room(1).now_or_never().is_some());
    }

    #[test]
    fn ranges_cover_the_object_without_gaps() {
        let ends = |size, part| ranges(size, part).map(|range| (range.start, range.end));
        assert!(ends(0, 4).eq([(0, 0)]));
        assert!(ends(4, 4).eq([(0, 4)]));
        assert!(ends(9, 4).eq([(0, 4), (4, 8), (8, 9)]));
        assert!(ends(9, u64::MAX).eq([(0, 9)]));
    }
}
