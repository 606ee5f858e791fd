//! Files that are replaced as a whole.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use crate::error::UsageError;
use crate::location::resolve;

/// Writes a file that others may read meanwhile: one of that name is replaced when the new one is complete.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
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

/// An error if the file of this flag would replace one that is read, or that is written by another.
pub(crate) fn check<'p>(
    flag: &'static str,
    path: &Path,
    others: impl IntoIterator<Item = &'p Path>,
) -> Result<(), UsageError> {
    let written = resolve(path);
    match others.into_iter().find(|other| resolve(other) == written) {
        Some(_) => Err(UsageError::Replaced {
            flag,
            path: path.display().to_string(),
        }),
        None => Ok(()),
    }
}

/// Temporary files are for their owner only. This is a file as any, with the permissions of the one
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
