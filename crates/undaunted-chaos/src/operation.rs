//! The calls that a fault can hit.

use std::fmt;

/// One kind of call to a store, as a [`FaultPlan`](crate::FaultPlan) sees it.
///
/// The key that goes with a call is the object's key; for [`Copy`](Self::Copy) and
/// [`Rename`](Self::Rename) it is the destination's, and for [`List`](Self::List) it is the
/// prefix (empty where none was given).
///
/// ```
/// use undaunted_chaos::Operation;
///
/// assert_eq!(Operation::CompleteMultipart.to_string(), "complete_multipart");
/// assert!(Operation::Put.is_write());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Gives a multipart upload up.
    AbortMultipart,
    /// Makes an object of the parts of a multipart upload.
    CompleteMultipart,
    /// Copies an object inside the store.
    Copy,
    /// Starts a multipart upload.
    CreateMultipart,
    /// Deletes one object. `delete_stream` is one call for each of its keys.
    Delete,
    /// Reads an object or one range of it.
    Get,
    /// Reads several ranges of an object in one call.
    ///
    /// It goes to the inner store's own `get_ranges`, so that a store's way of reading ranges
    /// stays in use. For faults that hit bodies, all the ranges in the order asked are one
    /// body.
    GetRanges,
    /// Asks for an object's metadata: `get_opts` with `head` set.
    Head,
    /// Lists objects: one stream, one `list_with_delimiter` or one page.
    List,
    /// Anything else that a server is asked for: about buckets, tags, rights or uploads under
    /// way. Calls to a store are never this.
    Other,
    /// Writes an object in one call.
    Put,
    /// Sends one part of a multipart upload.
    PutPart,
    /// Moves an object inside the store.
    Rename,
}

impl Operation {
    /// Every operation, in the order of their names.
    pub const ALL: &'static [Self] = &[
        Self::AbortMultipart,
        Self::CompleteMultipart,
        Self::Copy,
        Self::CreateMultipart,
        Self::Delete,
        Self::Get,
        Self::GetRanges,
        Self::Head,
        Self::List,
        Self::Other,
        Self::Put,
        Self::PutPart,
        Self::Rename,
    ];

    /// The name in words: `get`, `put_part`, `complete_multipart` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbortMultipart => "abort_multipart",
            Self::CompleteMultipart => "complete_multipart",
            Self::Copy => "copy",
            Self::CreateMultipart => "create_multipart",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::GetRanges => "get_ranges",
            Self::Head => "head",
            Self::List => "list",
            Self::Other => "other",
            Self::Put => "put",
            Self::PutPart => "put_part",
            Self::Rename => "rename",
        }
    }

    /// Whether the call changes an object, so that its answer can be lost after it was
    /// applied.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(
            self,
            Self::Get | Self::GetRanges | Self::Head | Self::List | Self::Other
        )
    }

    /// Whether the answer to the call has an object's bytes in it.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Get | Self::GetRanges)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_sorted_and_holds_every_name_once() {
        assert!(Operation::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            Operation::ALL
                .windows(2)
                .all(|pair| pair[0].as_str() < pair[1].as_str())
        );
    }

    #[test]
    fn reads_are_not_writes() {
        let reads: Vec<_> = Operation::ALL.iter().filter(|op| !op.is_write()).collect();
        assert_eq!(
            reads,
            [
                &Operation::Get,
                &Operation::GetRanges,
                &Operation::Head,
                &Operation::List,
                &Operation::Other
            ]
        );
    }
}
