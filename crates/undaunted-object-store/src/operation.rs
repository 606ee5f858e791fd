//! The operations of a store, as events and logs name them.

use std::fmt;

/// An operation of an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Giving up a multipart upload.
    AbortMultipart,
    /// Making an object of a multipart upload's parts.
    CompleteMultipart,
    /// Copying an object within the store.
    Copy,
    /// Beginning a multipart upload.
    CreateMultipart,
    /// Deleting an object.
    Delete,
    /// Reading an object, a range of it, or what is known about it.
    Get,
    /// Listing.
    List,
    /// Writing an object in one request.
    Put,
    /// Writing a part of a multipart upload.
    PutPart,
    /// Moving an object within the store.
    Rename,
}

impl Operation {
    /// The operation in one word: `get`, `put_part` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbortMultipart => "abort_multipart",
            Self::CompleteMultipart => "complete_multipart",
            Self::Copy => "copy",
            Self::CreateMultipart => "create_multipart",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::List => "list",
            Self::Put => "put",
            Self::PutPart => "put_part",
            Self::Rename => "rename",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
