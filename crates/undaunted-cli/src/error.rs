//! Why the command ended before it copied or listed anything, and its exit status.

use std::io;

use thiserror::Error;
use undaunted_object_store::OpenError;

use crate::failure::Failure;

#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the server cannot start: {0}")]
    Serve(#[source] io::Error),
    #[error("{path} cannot be written to: {source}")]
    Record { path: String, source: io::Error },
    #[error("stdout cannot be written to: {0}")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl CliError {
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Record { .. } | Self::Serve(_) | Self::Stdout(_) => FAILED,
            Self::Open(_) | Self::Usage(_) => USAGE,
        }
    }
}

/// A mistake on the command line. The message says what would be right.
#[derive(Debug, Error)]
pub(crate) enum UsageError {
    #[error("SRC and DST are the same: {path}")]
    SameObject { path: String },
    #[error("DST {destination} is inside SRC {source_path}: a tree cannot be copied into itself")]
    IntoItself {
        source_path: String,
        destination: String,
    },
    #[error("{path} is a directory: add --recursive to copy what is in it")]
    Directory { path: String },
    #[error("{path} is a file, and a tree needs a directory to go to")]
    TreeOntoFile { path: String },
    #[error("{path} is a file, not a directory: leave out the slash at its end")]
    SlashBehindFile { path: String },
    #[error(
        "{path} is neither a file nor a directory, and would be replaced by one: use - and a redirection"
    )]
    SpecialDestination { path: String },
    #[error("{path} is a symbolic link that leads nowhere: remove it, or name the file itself")]
    DanglingDestination { path: String },
    #[error("stdin has no name: write one behind the slash of DST {path}")]
    NamelessStdin { path: String },
    #[error("- is a stream and not a tree: leave out --recursive")]
    RecursiveStream,
    #[error("SRC and DST are both -: there is nothing for this command to do")]
    BothStreams,
    #[error("{flag} cannot be used with DST -: {why}")]
    StdoutFlag {
        flag: &'static str,
        why: &'static str,
    },
    #[error("- cannot be listed: name a path or a URL")]
    ListStream,
    #[error("an argument is empty: write . for the current directory")]
    Empty,
    #[error("the URL {url} is not valid: {reason}")]
    InvalidUrl { url: String, reason: String },
    #[error(
        "the URL {url} has a {part}, which is no part of an object's name: write ? as %3F and # \
         as %23; options of the store go into --option"
    )]
    UrlExtras { url: String, part: &'static str },
    #[error("{name:?} cannot be the name of a file here: {reason}")]
    Name { name: String, reason: &'static str },
    #[error("{flag} cannot be kept by {store}: leave it out")]
    Attributes {
        flag: &'static str,
        store: &'static str,
    },
    #[error("--part-size is {size} bytes, but {store} takes parts of at least 5MiB")]
    PartSize { size: u64, store: &'static str },
    #[error("{flag} is given, but {store} has no options")]
    NoOptions {
        flag: &'static str,
        store: &'static str,
    },
    #[error("the retry policy is not valid: {0}")]
    Policy(#[from] undaunted::ConfigError),
    #[error("signals cannot be listened for: {0}")]
    Signals(#[source] io::Error),
}

pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
