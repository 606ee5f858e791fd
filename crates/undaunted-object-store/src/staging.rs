//! Staging files: a file is written under another name beside its own, and then renamed.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Seek, SeekFrom, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path as FsPath, PathBuf};

use object_store::{Error, PutPayload, Result};
use tokio::task::spawn_blocking;

/// A new file beside the destination, named so that the local file system does not list it:
/// the destination's name, `#` and a number. A long name is replaced by its hash. Folders that are
/// missing are made, once: there are file systems where nothing can be created, which say the same.
pub(crate) fn stage(destination: &FsPath) -> io::Result<(PathBuf, File)> {
    let mut missing = destination.parent();
    let mut number = 1_u64;
    loop {
        let staging = beside(destination, &number.to_string());
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&staging);
        match created.map_err(|error| (error.kind(), error)) {
            Ok(file) => return Ok((staging, file)),
            Err((io::ErrorKind::AlreadyExists, _)) => number += 1,
            Err((io::ErrorKind::NotFound, error)) => match missing.take() {
                Some(folder) => fs::create_dir_all(folder)?,
                None => return Err(error),
            },
            Err((_, error)) => return Err(error),
        }
    }
}

/// Writes a part to its place in a staging file that is there.
pub(crate) fn write_at(staging: &FsPath, start: u64, data: &PutPayload) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // What has its name may be a link to another file.
    #[cfg(unix)]
    options.custom_flags(libc::O_NOFOLLOW);
    let mut file = options.write(true).open(staging)?;
    file.seek(SeekFrom::Start(start))?;
    data.iter().try_for_each(|bytes| file.write_all(bytes))
}

/// The name of a staging file with these digits.
pub(crate) fn beside(destination: &FsPath, digits: &str) -> PathBuf {
    let base = if is_long(destination) {
        let mut hasher = DefaultHasher::new();
        destination.file_name().hash(&mut hasher);
        destination.with_file_name(format!("{:016x}", hasher.finish()))
    } else {
        destination.to_owned()
    };
    let mut name = base.into_os_string();
    name.push("#");
    name.push(digits);
    name.into()
}

/// Whether the name leaves too little room for `#` and a number.
pub(crate) fn is_long(file: &FsPath) -> bool {
    let name = file.file_name();
    name.is_some_and(|name| name.len() > LONGEST_NAME - LONGEST_SUFFIX)
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await?.map_err(generic)
}

/// What went wrong with the file of this name.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", .file.display())]
struct FileError {
    file: PathBuf,
    source: io::Error,
}

pub(crate) fn not_written(file: PathBuf, source: io::Error) -> Error {
    Error::Generic {
        store: "LocalFileSystem",
        source: Box::new(FileError { file, source }),
    }
}

pub(crate) fn generic(error: io::Error) -> Error {
    Error::Generic {
        store: "LocalFileSystem",
        source: Box::new(error),
    }
}

/// Bytes that the common file systems allow for a name.
const LONGEST_NAME: usize = 255;

/// `#` and more digits than uploads of one file are ever under way, and one that marks a second
/// file of an upload.
const LONGEST_SUFFIX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_followed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("a");
        let names = [1, 2].map(|_| stage(&file).unwrap().0);
        assert_eq!(names, ["a#1", "a#2"].map(|name| file.with_file_name(name)));
    }

    /// Where the folder is there and says "not found" to what is created in it.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_creates_nothing_is_an_error() {
        let error = stage(FsPath::new("/proc/undaunted")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_wrong_with_every_name_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = stage(&folder.path().join("a\0b")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn only_a_name_without_room_for_the_digits_is_shortened() {
        let beside = |length: usize| {
            let file = FsPath::new("folder").join("n".repeat(length));
            let staging = beside(&file, "1");
            assert_eq!(staging.parent(), file.parent());
            let name = staging.file_name().unwrap().to_str().unwrap();
            name.len()
        };
        assert_eq!([1, 100, 239].map(beside), [3, 102, 241]);
        assert_eq!([240, 255].map(beside), [18, 18]);
    }
}
