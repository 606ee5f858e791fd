//! Reports for a browser, as files.

use std::env;
use std::fs;
use std::path::Path;

use undaunted_sim::Report;

use crate::error::{CliError, UsageError};
use crate::replace::replace;

/// An error if the report would replace one of the files that it is made from.
pub(crate) fn check<'p>(
    path: &Path,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> Result<(), UsageError> {
    let Ok(report) = fs::canonicalize(path) else {
        return Ok(());
    };
    let is_same = |input: &&Path| fs::canonicalize(input).is_ok_and(|input| input == report);
    match inputs.into_iter().find(is_same) {
        Some(input) => Err(UsageError::ReportOverInput {
            path: input.display().to_string(),
        }),
        None => Ok(()),
    }
}

/// Writes the report, with the command line that makes it again. A file of that name is replaced when the
/// new one is complete.
pub(crate) fn write(report: Report, path: &Path) -> Result<(), CliError> {
    let html = report.made_by(command_line()).to_string();
    replace(path, html.as_bytes()).map_err(|source| CliError::Report {
        path: path.display().to_string(),
        source,
    })
}

/// The command line as a shell takes it.
fn command_line() -> String {
    let arguments = env::args_os().skip(1);
    let words = arguments.map(|argument| quoted(&argument.to_string_lossy()));
    std::iter::once("undaunted".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// In single quotes if a shell would take it for anything but itself.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let shown = ["--seed", "lost > 0.1%", "it's", ""].map(quoted);
        assert_eq!(shown, ["--seed", "'lost > 0.1%'", r"'it'\''s'", "''"]);
    }
}
