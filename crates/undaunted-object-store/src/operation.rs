//! The operations of a store, and what is told of them.

use std::fmt;

use object_store::path::Path;
use undaunted::Event;

/// Something that happened in a retried operation of a store.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoreEvent<'a> {
    /// The operation.
    pub operation: Operation,
    /// The object, or the prefix that is listed.
    pub location: &'a Path,
    /// What happened.
    pub event: &'a Event<'a>,
}

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
