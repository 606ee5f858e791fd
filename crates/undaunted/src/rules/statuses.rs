//! Statuses as the methods of a builder take them: single ones, or a range.

use std::ops::{Range, RangeInclusive};

/// Statuses that a rule is for: a list of single ones (`[423, 425]`, a `Vec`, a slice), or a range
/// (`520..=527`).
///
/// They are not the same: a range may hold a status that states a fact, such as 404, and leaves it as
/// it is, while one that is named is refused.
pub trait Statuses: sealed::Sealed {
    /// The statuses as ranges. One that is named is a range by itself.
    #[doc(hidden)]
    fn ranges(self) -> Vec<RangeInclusive<u16>>;
}

impl Statuses for RangeInclusive<u16> {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        vec![self]
    }
}

impl Statuses for Range<u16> {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        match self.end.checked_sub(1) {
            Some(last) => vec![self.start..=last],
            // Not a range of statuses, which is said as for any other that is none.
            None => vec![RangeInclusive::new(self.start, 0)],
        }
    }
}

impl Statuses for u16 {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        vec![self..=self]
    }
}

impl Statuses for &[u16] {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        self.iter().map(|status| *status..=*status).collect()
    }
}

impl Statuses for Vec<u16> {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        self.as_slice().ranges()
    }
}

impl<const N: usize> Statuses for [u16; N] {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        self.as_slice().ranges()
    }
}

impl<const N: usize> Statuses for &[u16; N] {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        self.as_slice().ranges()
    }
}

impl Statuses for &Vec<u16> {
    fn ranges(self) -> Vec<RangeInclusive<u16>> {
        self.as_slice().ranges()
    }
}

mod sealed {
    use std::ops::{Range, RangeInclusive};

    /// The method is not for others to write.
    pub trait Sealed {}

    impl Sealed for RangeInclusive<u16> {}
    impl Sealed for Range<u16> {}
    impl Sealed for u16 {}
    impl Sealed for &[u16] {}
    impl Sealed for Vec<u16> {}
    impl Sealed for &Vec<u16> {}
    impl<const N: usize> Sealed for [u16; N] {}
    impl<const N: usize> Sealed for &[u16; N] {}
}
