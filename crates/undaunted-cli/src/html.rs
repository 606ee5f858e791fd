//! Reports for a browser, as files.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;
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
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(content)?;
    readable_by_all(&file)?;
    file.persist(path)?;
    Ok(())
}

/// Temporary files are for their owner only; a report is a file as any.
#[cfg(unix)]
fn readable_by_all(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let permissions = fs::Permissions::from_mode(0o644);
    file.as_file().set_permissions(permissions)
}

#[cfg(not(unix))]
fn readable_by_all(_file: &NamedTempFile) -> io::Result<()> {
    Ok(())
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
