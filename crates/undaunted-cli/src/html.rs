//! Reports for a browser, as files.

use std::env;
use std::path::Path;

use undaunted_sim::Report;

use crate::error::CliError;
use crate::replace::replace;

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
