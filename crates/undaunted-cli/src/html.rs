//! Reports for a browser, as files.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;
use undaunted_sim::Report;

use crate::error::CliError;

/// Writes the report, with the command line that makes it again. A file of that name is replaced when the
/// new one is complete.
pub(crate) fn write(report: Report, path: &Path) -> Result<(), CliError> {
    let html = report.made_by(command_line()).to_string();
    replace(path, html.as_bytes()).map_err(|source| CliError::Report {
        path: path.display().to_string(),
        source,
    })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A pipe or a device has no complete version to be replaced by.
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        return fs::write(path, content);
    }
    // The file that a link names, and not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = temporary(&path).tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are for their owner only. A report is a file as any, with the permissions of the one
/// that it replaces.
#[cfg(unix)]
fn temporary(path: &Path) -> Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;

    let before = fs::metadata(path).map(|file| file.permissions());
    let mut builder = Builder::new();
    // The umask takes from these.
    builder.permissions(before.unwrap_or_else(|_| fs::Permissions::from_mode(0o666)));
    builder
}

#[cfg(not(unix))]
fn temporary(_path: &Path) -> Builder<'static, 'static> {
    Builder::new()
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
