//! What a plan is told of a call.

use crate::operation::Operation;
use crate::random::finish;

/// A call to a store or a request to a server, before any fault has hit it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IncomingCall<'c> {
    pub(crate) operation: Operation,
    pub(crate) key: &'c str,
    /// Which part, if it sends one.
    pub(crate) part: Option<usize>,
    /// The HTTP method, if it is a request.
    pub(crate) method: Option<&'c str>,
}

impl<'c> IncomingCall<'c> {
    /// A call that is no request and sends no part.
    pub(crate) const fn new(operation: Operation, key: &'c str) -> Self {
        Self {
            operation,
            key,
            part: None,
            method: None,
        }
    }

    /// A call that sends this part, counted from 0.
    pub(crate) const fn of_part(key: &'c str, part: usize) -> Self {
        Self {
            part: Some(part),
            ..Self::new(Operation::PutPart, key)
        }
    }

    /// The series that the call belongs to: its operation on its key, and for a part its
    /// number. Parts have series of their own because they are sent at the same time, in no
    /// order.
    ///
    /// FNV-1a with a good finish; std's hasher may change between releases, and then seeds
    /// would mean something else.
    pub(crate) fn series(&self) -> u64 {
        let part = self.part.map(|part| part as u64);
        let bytes = self
            .operation
            .as_str()
            .bytes()
            // No key and no name has this byte in it: both are UTF-8.
            .chain([0xff])
            .chain(self.key.bytes())
            .chain([0xff])
            .chain(part.into_iter().flat_map(u64::to_le_bytes));
        let hash = bytes.fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
        finish(hash)
    }
}

// The published constants of FNV-1a.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn parts_have_series_of_their_own() {
        let whole = IncomingCall::new(Operation::PutPart, "k");
        let parts = [0, 1, 256].map(|part| IncomingCall::of_part("k", part));
        let series: BTreeSet<_> = parts
            .into_iter()
            .chain([whole])
            .map(|call| call.series())
            .collect();
        assert_eq!(series.len(), 4);
    }

    /// If this fails, every seed that anybody wrote down has changed its meaning.
    #[test]
    fn a_series_is_the_same_for_ever() {
        let series = IncomingCall::of_part("a/b", 1).series();
        assert_eq!(series, 2_344_060_164_195_750_855);
    }
}
