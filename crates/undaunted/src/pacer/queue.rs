//! Who waits for a turn: first come, first served, and whoever leaves frees the place.

use std::collections::VecDeque;

/// Who waits: a bit for each place, of which the first belongs to `first`.
pub(super) struct Queue {
    bits: VecDeque<u64>,
    /// The number of the first bit, a multiple of 64.
    first: u64,
    /// The next number to be given.
    end: u64,
    length: usize,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            bits: VecDeque::new(),
            first: 0,
            end: 0,
            length: 0,
        }
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// A new place, the last.
    pub(super) fn push(&mut self) -> u64 {
        let number = self.end;
        self.end += 1;
        self.insert(number);
        number
    }

    /// Takes a place again. Not one from very long ago, which would need a bit for each since.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if self.end.saturating_sub(number) > FARTHEST {
            return false;
        }
        if self.bits.is_empty() {
            self.first = number - number % BITS;
        }
        while number < self.first {
            self.bits.push_front(0);
            self.first -= BITS;
        }
        let (word, bit) = self.locate(number);
        while self.bits.len() <= word {
            self.bits.push_back(0);
        }
        self.bits[word] |= bit;
        self.length += 1;
        true
    }

    pub(super) fn remove(&mut self, number: u64) {
        let (word, bit) = self.locate(number);
        if let Some(bits) = self.bits.get_mut(word).filter(|bits| **bits & bit != 0) {
            *bits &= !bit;
            self.length -= 1;
        }
        while self.bits.front() == Some(&0) {
            self.bits.pop_front();
            self.first += BITS;
        }
    }

    /// How many wait before this place.
    pub(super) fn ahead_of(&self, number: u64) -> usize {
        let (word, bit) = self.locate(number);
        let whole: u32 = self
            .bits
            .iter()
            .take(word)
            .map(|bits| bits.count_ones())
            .sum();
        let part = self
            .bits
            .get(word)
            .map_or(0, |bits| (bits & (bit - 1)).count_ones());
        (whole + part) as usize
    }

    fn locate(&self, number: u64) -> (usize, u64) {
        let offset = number.saturating_sub(self.first);
        let word = usize::try_from(offset / BITS).unwrap_or(usize::MAX);
        (word, 1 << (offset % BITS))
    }
}

const BITS: u64 = 64;
/// A million places, which are 128 kB.
const FARTHEST: u64 = 1 << 20;
