//! Who waits for a turn: first come, first served, and whoever leaves frees the place.
//!
//! A place keeps others back only while its call asks for the turn. A future that nobody polls,
//! such as one of a buffered stream whose reader is busy, does not ask: the others pass it, and it
//! goes first again once it does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Who waits: a bit for each place, of which the first belongs to `first`.
pub(super) struct Queue {
    words: VecDeque<Word>,
    /// The number of the first bit, a multiple of 64.
    first: u64,
    /// The next number to be given.
    end: u64,
    length: usize,
    /// Since when `asked` is kept.
    since: Option<Instant>,
}

/// 64 places.
#[derive(Clone, Copy, Default)]
struct Word {
    waiting: u64,
    /// Who has asked in this period, and who did in the last.
    asked: u64,
    asked_before: u64,
}

impl Word {
    const fn asking(&self) -> u64 {
        self.waiting & (self.asked | self.asked_before)
    }
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            words: VecDeque::new(),
            first: 0,
            end: 0,
            length: 0,
            since: None,
        }
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Whether nobody asks for a turn.
    pub(super) fn is_idle(&self) -> bool {
        self.words.iter().all(|word| word.asking() == 0)
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
        if self.words.is_empty() {
            self.first = number - number % BITS;
        }
        while number < self.first {
            self.words.push_front(Word::default());
            self.first -= BITS;
        }
        let (index, bit) = self.locate(number);
        while self.words.len() <= index {
            self.words.push_back(Word::default());
        }
        self.words[index].waiting |= bit;
        self.length += 1;
        true
    }

    pub(super) fn remove(&mut self, number: u64) {
        let (index, bit) = self.locate(number);
        let word = self.words.get_mut(index);
        if let Some(word) = word.filter(|word| word.waiting & bit != 0) {
            word.waiting &= !bit;
            word.asked &= !bit;
            word.asked_before &= !bit;
            self.length -= 1;
        }
        while self.words.front().is_some_and(|word| word.waiting == 0) {
            self.words.pop_front();
            self.first += BITS;
        }
    }

    /// Notes that this place asks for its turn, and counts who asks before it.
    pub(super) fn ask(&mut self, number: u64, now: Instant) -> usize {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= PERIOD {
            self.since = Some(now);
            for word in &mut self.words {
                word.asked_before = std::mem::take(&mut word.asked);
            }
        }
        let (index, bit) = self.locate(number);
        let whole = self.words.iter().take(index);
        let whole: u32 = whole.map(|word| word.asking().count_ones()).sum();
        let Some(word) = self.words.get_mut(index) else {
            return whole as usize;
        };
        word.asked |= bit;
        (whole + (word.asking() & (bit - 1)).count_ones()) as usize
    }

    fn locate(&self, number: u64) -> (usize, u64) {
        let offset = number.saturating_sub(self.first);
        let word = usize::try_from(offset / BITS).unwrap_or(usize::MAX);
        (word, 1 << (offset % BITS))
    }
}

const BITS: u64 = 64;
/// A million places, which are 400 kB.
const FARTHEST: u64 = 1 << 20;
/// Longer than the longest time until a call asks again, so that none is passed by chance.
const PERIOD: Duration = Duration::from_millis(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn who_leaves_and_who_does_not_ask_is_passed() {
        for later in [Duration::ZERO, PERIOD] {
            let mut queue = Queue::new();
            let [silent, first, second, third] = [(); 4].map(|()| queue.push());
            let asked = now();
            for number in [first, second] {
                queue.ask(number, asked);
            }
            // Who asked in the last period still counts.
            let now = asked + later;
            assert_eq!(queue.ask(third, now), 2, "{later:?}");
            queue.remove(second);
            assert_eq!(queue.ask(third, now), 1, "{later:?}");
            // A place that is taken again counts when its call asks for it.
            assert!(queue.insert(second));
            assert_eq!(queue.ask(third, now), 1, "{later:?}");
            queue.ask(second, now);
            queue.ask(first, now);
            assert_eq!(queue.ask(third, now), 2, "{later:?}");
            queue.ask(silent, now);
            assert_eq!(queue.ask(third, now), 3, "{later:?}");
            assert_eq!(queue.length(), 4);
        }
    }

    #[test]
    fn who_has_not_asked_for_two_periods_is_passed() {
        let mut queue = Queue::new();
        let [first, second] = [queue.push(), queue.push()];
        let start = now();
        queue.ask(first, start);
        assert_eq!(queue.ask(second, start + PERIOD), 1);
        assert_eq!(queue.ask(second, start + 2 * PERIOD), 0);
    }

    #[test]
    fn a_place_is_freed_once() {
        let mut queue = Queue::new();
        let [first, second] = [queue.push(), queue.push()];
        queue.remove(first);
        queue.remove(first);
        assert_eq!(queue.length(), 1);
        queue.remove(second);
        assert_eq!(queue.length(), 0);
    }

    #[test]
    fn places_from_before_all_that_wait_are_taken_again() {
        let mut queue = Queue::new();
        for number in 0..200 {
            assert_eq!(queue.push(), number);
            queue.remove(number);
        }
        for number in [130, 3, 70] {
            assert!(queue.insert(number));
            queue.ask(number, now());
        }
        for (number, ahead) in [(3, 0), (70, 1), (130, 2)] {
            assert_eq!(queue.ask(number, now()), ahead, "{number}");
        }
    }

    #[test]
    fn a_place_from_a_million_calls_ago_is_not_taken_again() {
        let mut queue = Queue::new();
        let first = queue.push();
        queue.remove(first);
        for _ in 1..FARTHEST {
            let number = queue.push();
            queue.remove(number);
        }
        assert!(queue.insert(first));
        queue.remove(first);
        queue.push();
        assert!(!queue.insert(first));
        assert_eq!(queue.length(), 1);
    }
}
