//! Parts of an object: while they are in memory, and what is remembered of them afterwards.

use std::ops::Range;

use bytes::Bytes;
use twox_hash::XxHash3_128;

use super::memory::Room;

/// A part in memory, with the room that it has there.
#[derive(Debug)]
pub(super) struct LoadedPart {
    offset: u64,
    bytes: Bytes,
    room: Option<Room>,
}

/// The range and the digest of a part that was read from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<u64>,
    digest: u128,
}

impl LoadedPart {
    pub(super) const fn new(offset: u64, bytes: Bytes, room: Room) -> Self {
        Self {
            offset,
            bytes,
            room: Some(room),
        }
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the room although the bytes stay.
    pub(super) fn release_room(&mut self) {
        self.room = None;
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

/// Not cryptographic: 128 bits find every accidental change, and forgery is no concern here.
fn digest(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_object_without_gaps() {
        let ends = |size, part| ranges(size, part).map(|range| (range.start, range.end));
        assert!(ends(0, 4).eq([(0, 0)]));
        assert!(ends(4, 4).eq([(0, 4)]));
        assert!(ends(9, 4).eq([(0, 4), (4, 8), (8, 9)]));
        assert!(ends(9, u64::MAX).eq([(0, 9)]));
    }
}
