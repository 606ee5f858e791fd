//! The calls that a fault can hit.

use crate::names::named;

named! {
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
    pub enum Operation {
        /// Gives a multipart upload up.
        AbortMultipart = "abort_multipart",
        /// Makes an object of the parts of a multipart upload.
        CompleteMultipart = "complete_multipart",
        /// Copies an object inside the store.
        Copy = "copy",
        /// Starts a multipart upload.
        CreateMultipart = "create_multipart",
        /// Deletes one object. `delete_stream` is one call for each of its keys.
        Delete = "delete",
        /// Reads an object or one range of it.
        Get = "get",
        /// Reads several ranges of an object in one call.
        ///
        /// It goes to the inner store's own `get_ranges`, so that a store's way of reading
        /// ranges stays in use. For faults that hit bodies, all the ranges in the order asked
        /// are one body.
        GetRanges = "get_ranges",
        /// Asks for an object's metadata: `get_opts` with `head` set.
        Head = "head",
        /// Lists objects: one stream, one `list_with_delimiter` or one page.
        List = "list",
        /// Anything else that a server is asked for: about buckets, tags, rights or uploads
        /// under way. Calls to a store are never this.
        Other = "other",
        /// Writes an object in one call.
        Put = "put",
        /// Sends one part of a multipart upload.
        PutPart = "put_part",
        /// Moves an object inside the store.
        Rename = "rename",
    }
}

impl Operation {
    /// Whether the call changes an object, so that its response can be lost after it was
    /// applied.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(
            self,
            Self::Get | Self::GetRanges | Self::Head | Self::List | Self::Other
        )
    }

    /// Whether the response to the call has an object's bytes in it.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Get | Self::GetRanges)
    }

    /// Whether a server's response to the request is an XML document. Of deletes those of many
    /// keys have one.
    pub(crate) const fn has_document(self) -> bool {
        matches!(
            self,
            Self::CompleteMultipart
                | Self::Copy
                | Self::CreateMultipart
                | Self::Delete
                | Self::List
        )
    }

    /// Whether the response names the ETag of an object or of a part.
    pub(crate) const fn has_etag(self) -> bool {
        matches!(
            self,
            Self::CompleteMultipart
                | Self::Copy
                | Self::Get
                | Self::Head
                | Self::Put
                | Self::PutPart
        )
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
