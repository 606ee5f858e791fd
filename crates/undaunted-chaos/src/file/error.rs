//! What can be wrong with a chaos file.

use thiserror::Error;

/// What is wrong with a chaos file, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct FileError {
    line: Option<usize>,
    problem: String,
}

impl FileError {
    pub(super) const fn at(line: usize, problem: String) -> Self {
        Self {
            line: Some(line),
            problem,
        }
    }

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
