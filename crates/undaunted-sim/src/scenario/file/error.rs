//! What can be wrong with a scenario file, on which line and in which field.

use std::ops::Range;

use serde_path_to_error::{Path, Segment};
use thiserror::Error;

/// What is wrong with a scenario file, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{}{problem}", .line.map(|line| format!("line {line}: ")).unwrap_or_default(),
    .field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct ScenarioError {
    line: Option<usize>,
    field: Option<String>,
    problem: String,
}

impl ScenarioError {
    /// The line, counted from 1; none where the file as a whole is meant.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The field, such as `lasts of fault 2`, where one is meant.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

/// The text of a file, to find lines in.
#[derive(Clone, Copy)]
pub(super) struct Source<'t>(pub(super) &'t str);

impl Source<'_> {
    pub(super) fn at(self, span: &Range<usize>, field: &str, problem: String) -> ScenarioError {
        ScenarioError {
            line: Some(self.line(span.start)),
            field: (!field.is_empty()).then(|| field.to_owned()),
            problem,
        }
    }

    /// The file is not TOML.
    pub(super) fn broken(self, error: &toml::de::Error) -> ScenarioError {
        let span = error.span().unwrap_or_default();
        self.at(&span, "", error.message().to_owned())
    }

    /// A value is not what a field needs.
    pub(super) fn wrong(self, error: &toml::de::Error, path: &Path) -> ScenarioError {
        let span = error.span().unwrap_or_default();
        let field = name(path);
        self.at(&span, &field, error.message().to_owned())
    }

    /// Where a field stands in the table that begins there; the table itself if it is not found.
    pub(super) fn find(self, table: &Range<usize>, field: &str) -> Range<usize> {
        let text = self.0.get(table.clone()).unwrap_or_default();
        let mut offset = table.start;
        for line in text.split_inclusive('\n') {
            let rest = line.trim_start().strip_prefix(field);
            if rest.is_some_and(|rest| rest.trim_start().starts_with('=')) {
                return offset..offset + line.len();
            }
            offset += line.len();
        }
        table.clone()
    }

    fn line(self, offset: usize) -> usize {
        let before = self.0.get(..offset).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

/// `lasts of fault 2`: the inner name first, and numbers from 1.
fn name(path: &Path) -> String {
    let mut names: Vec<String> = Vec::new();
    for segment in path {
        match segment {
            // How the parser passes positions on.
            Segment::Map { key } if key.starts_with("$__serde_spanned") => {}
            Segment::Map { key } => names.push(key.clone()),
            Segment::Seq { index } => {
                if let Some(last) = names.last_mut() {
                    *last = format!("{last} {}", index + 1);
                }
            }
            _ => {}
        }
    }
    names.reverse();
    names.join(" of ")
}
