//! The calls that clients make, and their results.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;

/// One operation, as its caller would name it. Each client has its own way to do it.
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
    /// Delete all of these in one call.
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
    /// Read the first bytes, pause, read the rest.
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
    /// Put all of these at the same time, each with the [numbered](Content::numbered) content of
    /// its place.
    PutMany {
        keys: &'static [&'static str],
        content: Content,
    },
    /// Copy and delete, if the client has no rename.
    Rename {
        from: &'static str,
        to: &'static str,
    },
    /// Replace `instead_of`, which the caller has read before; a conflict if it has changed.
    Update {
        key: &'static str,
        content: Content,
        instead_of: Content,
    },
    /// Put in parts of [`PART`]. When the upload fails, the caller aborts it as the client
    /// provides.
    Upload {
        key: &'static str,
        content: Content,
    },
}

/// The result of a call that succeeded.
#[derive(Debug)]
pub enum Reply {
    /// Nothing to return.
    Done,
    /// The bytes that were read, in the order asked for.
    Bodies(Vec<Bytes>),
    Keys {
        listed: Vec<String>,
        /// The keys that the client left out of the list and named in another way.
        named: Vec<String>,
    },
    /// The size of the object.
    Size(u64),
}

/// The kind of an error, as far as a caller knows it without reading the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// "Already exists" or "precondition failed".
    Conflict,
    NotFound,
    /// The credentials are wrong or insufficient.
    Denied,
    /// Any other error.
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

    /// A failure with the text of the error and of those causes that it does not repeat itself.
    pub fn of(kind: Kind, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        Self { kind, text }
    }
}

impl Reply {
    /// A list that leaves no key out.
    pub fn listed(listed: Vec<String>) -> Self {
        Self::Keys {
            listed,
            named: Vec::new(),
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

/// The smallest part that S3 accepts.
pub const PART: usize = 5 * 1024 * 1024;
