//! What can be wrong with a chaos file, and on which line.

use std::ops::Range;

use thiserror::Error;

/// What is wrong with a chaos file, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct FileError {
    line: Option<usize>,
    problem: String,
}

impl FileError {
    pub(super) fn nothing() -> Self {
        Self {
            line: None,
            problem: "the file injects nothing: name a profile, give a rate, or write a [[rule]]"
                .to_owned(),
        }
    }

    /// The line, counted from 1; none where the file as a whole is meant.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }
}

/// The text of a file, to find lines in.
#[derive(Clone, Copy)]
pub(super) struct SourceText<'t>(pub(super) &'t str);

impl SourceText<'_> {
    pub(super) fn error(self, span: Range<usize>, problem: String) -> FileError {
        let before = self.0.get(..span.start).unwrap_or_default();
        FileError {
            line: Some(before.matches('\n').count() + 1),
            problem,
        }
    }

    /// The file is not TOML.
    pub(super) fn broken(self, error: &toml::de::Error) -> FileError {
        let span = error.span().unwrap_or_default();
        self.error(span, error.message().to_owned())
    }
}
