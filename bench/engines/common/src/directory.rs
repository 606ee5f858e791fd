//! A copy of a directory, so that every run begins with the same objects.

use std::fs;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

pub(crate) fn copied(from: &Path) -> Result<TempDir> {
    let directory = TempDir::new()?;
    copy(from, directory.path())?;
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
