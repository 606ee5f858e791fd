//! What is below a local directory.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Path as FsPath, PathBuf};

use object_store::path::Path;
use walkdir::WalkDir;

use crate::failure::Failure;

/// Something below a directory.
#[derive(Debug)]
pub(crate) enum Found {
    File(Path),
    Folder {
        relative: PathBuf,
        is_empty: bool,
    },
    /// Something that cannot be copied.
    Problem(Failure),
}

/// Tells `found` of everything below `folder`, the folder itself first, until it returns
/// false. Links are followed. `shown` is what messages call the folder.
pub(crate) fn walk(folder: &FsPath, shown: &FsPath, mut found: impl FnMut(Found) -> bool) {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries {
        let thing = match entry {
            Ok(entry) => {
                let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                inspect(&entry, relative).unwrap_or_else(|reason| {
                    let name = shown.join(relative).display().to_string();
                    Found::Problem(Failure::new(name, reason))
                })
            }
            Err(error) => Found::Problem(problem(&error, folder, shown)),
        };
        if !found(thing) {
            return;
        }
    }
}

fn inspect(entry: &walkdir::DirEntry, relative: &FsPath) -> Result<Found, String> {
    if entry.file_type().is_dir() {
        let mut children = fs::read_dir(entry.path()).map_err(|error| error.to_string())?;
        return Ok(Found::Folder {
            relative: relative.to_owned(),
            is_empty: children.next().is_none(),
        });
    }
    let metadata = entry.metadata().map_err(|error| error.to_string())?;
    check_file(entry.path(), &metadata)?;
    Ok(Found::File(key_of(relative)?))
}

fn problem(error: &walkdir::Error, folder: &FsPath, shown: &FsPath) -> Failure {
    let path = error.path().unwrap_or(folder);
    let name = |path: &FsPath| match path.strip_prefix(folder) {
        Ok(relative) if !relative.as_os_str().is_empty() => {
            shown.join(relative).display().to_string()
        }
        _ => shown.display().to_string(),
    };
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!(
            "it is a symbolic link to {}, which it is in: a tree without end",
            name(ancestor)
        ),
        (None, Some(io)) if is_link => {
            format!("it is a symbolic link that leads nowhere ({io})")
        }
        (None, Some(io)) => io.to_string(),
        (None, None) => error.to_string(),
    };
    Failure::new(name(path), reason)
}

/// Whether this is a file whose content can be copied.
pub(crate) fn check_file(path: &FsPath, metadata: &Metadata) -> Result<(), String> {
    if !metadata.is_file() {
        return Err(
            "it is neither a file nor a directory: copy a stream with - and a pipe".to_owned(),
        );
    }
    // Files under /proc and the like say that they are empty, and are not.
    if metadata.len() == 0 {
        let read = File::open(path).and_then(|mut file| file.read(&mut [0]));
        if read.map_err(|error| error.to_string())? > 0 {
            return Err(
                "it says that it is empty, but is not: copy it with - and a redirection".to_owned(),
            );
        }
    }
    Ok(())
}

/// The key of a relative path, if it can be one.
pub(crate) fn key_of(relative: &FsPath) -> Result<Path, &'static str> {
    let text = relative.to_str().ok_or(NOT_UTF8)?;
    let key = Path::parse(text).map_err(|_| CONTROL)?;
    if key.as_ref() != text {
        return Err(CONTROL);
    }
    check_name(&key)?;
    Ok(key)
}

/// Whether a local file can have the last part of this key as its name.
pub(crate) fn check_name(key: &Path) -> Result<(), &'static str> {
    // object_store looks at what is behind the first # only.
    let digits = key.filename().and_then(|name| name.split_once('#'));
    match digits {
        Some((_, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(STAGING)
        }
        _ => Ok(()),
    }
}

pub(crate) const NOT_UTF8: &str = "the name is not UTF-8, which the keys of object stores are";
const CONTROL: &str =
    "the name has a control character in it, such as newline, which no key can have";
const STAGING: &str =
    "names that end in # and a number are kept for files that are being written: rename it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_and_cannot_be_keys() {
        for good in [
            "a b", "é/ü", "a%20b", "a#", "a#x1", "a?b", "a+b", "a\\b", "#x/b", "a#1/b",
        ] {
            assert_eq!(key_of(FsPath::new(good)).unwrap().as_ref(), good);
        }
        for (bad, why) in [
            ("a\nb", CONTROL),
            ("a/\u{7f}", CONTROL),
            ("a#1", STAGING),
            ("#12", STAGING),
        ] {
            assert_eq!(key_of(FsPath::new(bad)), Err(why), "{bad}");
        }
    }
}
