//! Errors of the command and their exit codes, and objects that could not be copied.

use std::error::Error as _;
use std::io;

use serde::Serialize;
use thiserror::Error;
use undaunted_object_store::{OpenError, full_text};
use undaunted_sim::Builtin;

use crate::request::FailedRequest;
use crate::text;

/// Why the command ended before it copied or listed anything.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Failed(#[from] FailedObject),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the server cannot start")]
    Serve(#[source] io::Error),
    #[error("{path} cannot be written to")]
    Record { path: String, source: io::Error },
    #[error("the report {path} cannot be written")]
    Report { path: String, source: io::Error },
    #[error("the metrics cannot be written to {path}")]
    Metrics { path: String, source: io::Error },
    #[error("stdout cannot be written to")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl CliError {
    /// The whole error as one line. Names stay as they are; other errors may hold a URL, whose
    /// secrets are left out.
    pub(crate) fn message(&self) -> String {
        let message = match self {
            Self::Failed(failed) => failed.to_string(),
            Self::Usage(usage) => match usage.source() {
                Some(source) => format!("{usage}: {}", full_text(source)),
                None => usage.to_string(),
            },
            error => full_text(error),
        };
        text::escaped(&message).into_owned()
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_)
            | Self::Metrics { .. }
            | Self::Record { .. }
            | Self::Report { .. }
            | Self::Serve(_)
            | Self::Stdout(_) => FAILED,
            Self::Open(_) | Self::Usage(_) => USAGE,
        }
    }
}

/// An object that could not be copied or listed, and why.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize)]
#[error("{object}: {reason}")]
pub(crate) struct FailedObject {
    /// The object's name in messages.
    pub(crate) object: String,
    pub(crate) reason: String,
    /// Attempts of the request that failed, if it was a request.
    pub(crate) attempts: Option<u32>,
    /// Whether the source is no longer the object that was to be copied.
    #[serde(skip)]
    pub(crate) source_changed: bool,
}

impl FailedObject {
    pub(crate) fn new(object: impl Into<String>, reason: impl AsRef<str>) -> Self {
        Self {
            object: object.into(),
            reason: text::escaped(reason.as_ref()).into_owned(),
            attempts: None,
            source_changed: false,
        }
    }

    pub(crate) fn io(object: impl Into<String>, error: &io::Error) -> Self {
        Self::new(object, error.to_string())
    }

    pub(crate) fn request(object: impl Into<String>, failed: &FailedRequest) -> Self {
        Self {
            attempts: failed.attempts(),
            ..Self::new(object, failed.to_string())
        }
    }

    /// The same failure with one more thing to know.
    pub(crate) fn and(mut self, note: &str) -> Self {
        self.reason.push_str("; ");
        self.reason.push_str(&text::escaped(note));
        self
    }
}

/// A mistake on the command line. The message says how to correct it.
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
    #[error("{path} is a file, but SRC is a directory: choose a directory as DST")]
    TreeOntoFile { path: String },
    #[error("{path} is a file, not a directory: remove the trailing slash")]
    SlashAfterFile { path: String },
    #[error(
        "{path} is neither a file nor a directory, and a copy would replace it: use DST - and a \
         redirection"
    )]
    SpecialDestination { path: String },
    #[error("{path} is a broken symbolic link: remove it, or name its target")]
    DanglingDestination { path: String },
    #[error("stdin has no name: add the name of the copy to DST {path}")]
    NamelessStdin { path: String },
    #[error("- is a stream, not a directory: remove --recursive")]
    RecursiveStream,
    #[error("stdin has no time and no ETag to compare with: remove --update")]
    UpdateFromStdin,
    #[error("SRC and DST are both -: name a path or a URL for one of them")]
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
    #[error("{0}")]
    NotAsWritten(String),
    #[error("this looks like the URL {url}: write that, or ./ before the name of a local file")]
    MistypedUrl { url: String },
    #[error(
        "the URL {url} has a {part}: in the name of an object write ? as %3F and # as %23; set \
         options of the store with --option"
    )]
    UrlPart { url: String, part: &'static str },
    #[error("{name:?} cannot be the name of a file here: {reason}")]
    Name { name: String, reason: &'static str },
    #[error("{flag} is not supported by {store}: remove it")]
    Attributes {
        flag: &'static str,
        store: &'static str,
    },
    #[error("--part-size is {size} bytes, but {store} requires at least 5MiB")]
    PartSize { size: u64, store: &'static str },
    #[error("{flag} has no effect on {store}: remove it")]
    NoOptions {
        flag: &'static str,
        store: &'static str,
    },
    #[error("the retry policy is not valid")]
    Policy(#[from] undaunted::ConfigError),
    #[error(transparent)]
    Rules(#[from] undaunted::ParseConfigError),
    #[error(
        "{name:?} is no policy: it is default, interactive, background or storage, or the path of a \
         file that ends in .toml"
    )]
    UnknownPolicy { name: String },
    #[error(
        "{name:?} is no scenario: it is the path of a file that ends in .toml, or one of {}",
        Builtin::ALL.iter().map(|builtin| builtin.name).collect::<Vec<_>>().join(", ")
    )]
    UnknownScenario { name: String },
    #[error("{path} has no requests: record some with `undaunted serve --record`")]
    EmptyRecording { path: String },
    #[error(
        "{path}: line {number} is no request as `undaunted serve --record` writes it: {problem}"
    )]
    RecordedLine {
        path: String,
        number: usize,
        problem: String,
    },
    #[error("{flag} {path} would replace a file that is read or written: choose another name")]
    Replaced { flag: &'static str, path: String },
    #[error(
        "the file cannot be printed with the changes of the flags, as it is written: remove them, or write \
         each policy as a table [[policy]] and seed and duration at the top"
    )]
    NotPrinted,
    #[error("no policy can be run against serve: {reason}")]
    NotForReal { reason: String },
    #[error("two policies have the name {name:?}: give each its own")]
    PolicyTwice { name: String },
    #[error("--duration is longer than zero, and at most a year")]
    Duration,
    #[error("{fault}: that begins after the end; choose a longer --duration")]
    FaultBeyondEnd { fault: String },
    #[error("{path} has {number} policies: give a file with one")]
    SeveralPolicies { path: String, number: usize },
    #[error("{path}: {error}")]
    File {
        path: String,
        error: undaunted_sim::ScenarioError,
    },
    #[error("{path} cannot be read")]
    Unreadable { path: String, source: io::Error },
    #[error("the handler for Ctrl-C and SIGTERM cannot be installed")]
    Signals(#[source] io::Error),
}

pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
