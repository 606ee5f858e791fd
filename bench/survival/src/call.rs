//! What a client is asked to do, and what it can answer.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;

/// One operation, as its caller would name it. How a client does it is the client's affair.
#[derive(Clone, Debug)]
pub enum Call {
    /// Create the object; a conflict if there is one.
    Create {
        key: &'static str,
        content: Content,
    },
    Copy {
        from: &'static str,
        to: &'static str,
    },
    Delete {
        key: &'static str,
    },
    /// Delete all of these in one go.
    DeleteMany {
        keys: &'static [&'static str],
    },
    Get {
        key: &'static str,
    },
    /// Read all of these at the same time.
    GetMany {
        keys: &'static [&'static str],
    },
    /// Read the first bytes, do something else, read the rest.
    GetPausing {
        key: &'static str,
        pause: Duration,
    },
    GetRange {
        key: &'static str,
        range: Range<u64>,
    },
    Head {
        key: &'static str,
    },
    List {
        prefix: &'static str,
    },
    Put {
        key: &'static str,
        content: Content,
    },
    /// Copy and delete, where the client has no operation of that name.
    Rename {
        from: &'static str,
        to: &'static str,
    },
    /// Put over `instead_of`, which the caller has read before; a conflict if it has changed.
    Update {
        key: &'static str,
        content: Content,
        instead_of: Content,
    },
    /// Put in parts of [`PART`]. When the upload fails, the caller gives it up by the client's
    /// own means.
    Upload {
        key: &'static str,
        content: Content,
    },
}

/// What a call that succeeded brought.
#[derive(Debug)]
pub enum Reply {
    /// It is done.
    Done,
    /// The bytes that were read, in the order asked for.
    Bodies(Vec<Bytes>),
    /// The keys that were listed.
    Keys(Vec<String>),
    /// The size of the object.
    Size(u64),
}

/// What a caller can tell from an error without reading its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// "Already exists" or "precondition failed".
    Conflict,
    NotFound,
    /// The credentials are wrong or do not suffice.
    Denied,
    /// Whatever else.
    Other,
}

/// A call that failed.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    pub text: String,
}

impl Failure {
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self {
            kind: Kind::Other,
            text: error.to_string(),
        }
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::NotFound => "not found",
            Self::Denied => "denied",
            Self::Other => "error",
        }
    }
}

/// The smallest part that S3 takes.
pub const PART: usize = 5 * 1024 * 1024;
