//! Local trees, and which local files can be copied under which keys.

use std::cmp::Ordering;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Path as FsPath, PathBuf};

use object_store::path::Path;
use walkdir::WalkDir;

use crate::error::FailedObject;

/// An entry below a directory.
#[derive(Debug)]
pub(crate) enum TreeEntry {
    File(Path),
    Folder {
        relative: PathBuf,
        is_empty: bool,
    },
    /// What cannot be copied.
    Unusable(FailedObject),
}

/// Calls `visit` for everything below `folder`, the folder itself first and otherwise in the order
/// of the keys, until it returns false.
/// Links are followed. `display_name` is the folder's name in messages.
pub(crate) fn walk(
    folder: &FsPath,
    display_name: &FsPath,
    mut visit: impl FnMut(TreeEntry) -> bool,
) {
    let entries = WalkDir::new(folder).follow_links(true).sort_by(by_key);
    for entry in entries {
        let entry = match entry {
            Ok(entry) => {
                let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                inspect(&entry, relative).unwrap_or_else(|reason| {
                    let name = display_name.join(relative).display().to_string();
                    TreeEntry::Unusable(FailedObject::new(name, reason))
                })
            }
            Err(error) => TreeEntry::Unusable(unusable(&error, folder, display_name)),
        };
        if !visit(entry) {
            return;
        }
    }
}

/// The order that stores list in: `a-b` is before `a/b`, although `a` is before `a-b`.
fn by_key(a: &walkdir::DirEntry, b: &walkdir::DirEntry) -> Ordering {
    let key = |entry: &walkdir::DirEntry| {
        let slash = entry.file_type().is_dir().then_some(b'/');
        let name = entry.file_name().as_encoded_bytes().to_vec();
        name.into_iter().chain(slash)
    };
    key(a).cmp(key(b))
}

fn inspect(entry: &walkdir::DirEntry, relative: &FsPath) -> Result<TreeEntry, String> {
    if entry.file_type().is_dir() {
        // One that cannot be read is not empty, as far as is known: the walk says what is wrong.
        let children = fs::read_dir(entry.path());
        return Ok(TreeEntry::Folder {
            relative: relative.to_owned(),
            is_empty: children.is_ok_and(|mut children| children.next().is_none()),
        });
    }
    let metadata = entry.metadata().map_err(|error| error.to_string())?;
    check_file(entry.path(), &metadata)?;
    Ok(TreeEntry::File(key_of(relative)?))
}

fn unusable(error: &walkdir::Error, folder: &FsPath, display_name: &FsPath) -> FailedObject {
    let path = error.path().unwrap_or(folder);
    let name = |path: &FsPath| match path.strip_prefix(folder) {
        Ok(relative) if !relative.as_os_str().is_empty() => {
            display_name.join(relative).display().to_string()
        }
        _ => display_name.display().to_string(),
    };
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!(
            "it is a symbolic link to {}, which contains it: following it would never end",
            name(ancestor)
        ),
        (None, Some(io)) if is_link => {
            format!("it is a broken symbolic link ({io})")
        }
        (None, Some(io)) => io.to_string(),
        (None, None) => error.to_string(),
    };
    FailedObject::new(name(path), reason)
}

/// Checks that this is a file whose content can be copied.
pub(crate) fn check_file(path: &FsPath, metadata: &Metadata) -> Result<(), String> {
    if !metadata.is_file() {
        return Err(
            "it is neither a file nor a directory: to copy a stream, pipe it into SRC -".to_owned(),
        );
    }
    // Files under /proc and the like have content although their size is 0.
    if metadata.len() == 0 {
        let read = File::open(path).and_then(|mut file| file.read(&mut [0]));
        if read.map_err(|error| error.to_string())? > 0 {
            return Err(
                "its size is reported as 0, but it has content: redirect it into SRC -".to_owned(),
            );
        }
    }
    Ok(())
}

/// The key for a relative path.
pub(crate) fn key_of(relative: &FsPath) -> Result<Path, &'static str> {
    let text = relative.to_str().ok_or(NOT_UTF8)?;
    let key = Path::parse(text).map_err(|_| CONTROL)?;
    if key.as_ref() != text {
        return Err(CONTROL);
    }
    check_name(&key)?;
    Ok(key)
}

/// Checks that the last part of this key can be the name of a local file.
pub(crate) fn check_name(key: &Path) -> Result<(), &'static str> {
    // object_store only looks at what follows the first #.
    let digits = key.filename().and_then(|name| name.split_once('#'));
    match digits {
        Some((_, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(STAGING)
        }
        _ => Ok(()),
    }
}

pub(crate) const NOT_UTF8: &str = "the name is not UTF-8, as keys of object stores are";
const CONTROL: &str = "the name has a control character, such as newline, which keys cannot have";
const STAGING: &str =
    "names that end in # and a number are reserved for files being written: rename it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_walked_in_the_order_of_its_keys() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b", "a-b", "a.b", "a0", "a/b-c/d", "a/b.c"] {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        }
        let mut keys = Vec::new();
        walk(folder.path(), folder.path(), |entry| {
            if let TreeEntry::File(key) = entry {
                keys.push(key);
            }
            true
        });
        assert_eq!(keys.len(), 6);
        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn names_are_checked() {
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
