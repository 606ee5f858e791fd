//! Lists of keys, in their order, from a walk that reads only what a page needs.

use std::fs::{self, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::names::{Name, directory_names};

/// What a page is to have.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Keys up to this next delimiter are one entry.
    pub(super) delimiter: Option<String>,
    /// Only entries behind this one.
    pub(super) after: String,
    /// At most so many entries.
    pub(super) most: usize,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Key(String),
    Prefix(String),
}

impl Entry {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
}

impl Folder {
    /// The entries of a page, and whether there are more behind them.
    pub(super) fn list(&self, bucket: &Path, query: &Query) -> io::Result<(Vec<Entry>, bool)> {
        let mut walk = Walk {
            folder: self,
            query,
            found: Vec::new(),
        };
        if let (Some((directory, start)), true) = (first(bucket, &query.prefix), query.most > 0) {
            // It breaks when the page is full.
            let _ = walk.visit(&directory, start)?;
        }
        let is_truncated = walk.found.len() > query.most;
        walk.found.truncate(query.most);
        Ok((walk.found, is_truncated))
    }
}

/// The directory that all keys with this prefix are in, and what it stands for. None where there is
/// no such directory. Links to directories are not followed.
fn first<'p>(bucket: &Path, prefix: &'p str) -> Option<(PathBuf, &'p str)> {
    let start = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    let mut directory = bucket.to_owned();
    for segment in start.split_terminator('/') {
        for name in directory_names(segment) {
            directory.push(name);
            let is_directory = |metadata: Metadata| metadata.is_dir();
            if !fs::symlink_metadata(&directory).is_ok_and(is_directory) {
                return None;
            }
        }
    }
    Some((directory, start))
}

struct Walk<'w> {
    folder: &'w Folder,
    query: &'w Query,
    found: Vec<Entry>,
}

/// What a directory has, under the part of a key that its names stand for.
struct Child {
    /// The key, with a slash at the end for a directory.
    key: String,
    /// The directory.
    below: Option<PathBuf>,
}

impl Walk<'_> {
    /// Adds what is in a directory that stands for the beginning of keys.
    fn visit(&mut self, directory: &Path, start: &str) -> io::Result<ControlFlow<()>> {
        for child in self.children(directory, start)? {
            let flow = match &child.below {
                None => self.add(&child.key),
                Some(below) => self.visit_below(below, &child.key)?,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn visit_below(&mut self, directory: &Path, start: &str) -> io::Result<ControlFlow<()>> {
        // All keys below have one prefix in common, so one of them is enough.
        let common = self.common_prefix(start).map(ToOwned::to_owned);
        let Some(common) = common else {
            return self.visit(directory, start);
        };
        if !self.is_behind(&common) || !self.has_key(directory, start)? {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(self.push(Entry::Prefix(common)))
    }

    fn add(&mut self, key: &str) -> ControlFlow<()> {
        if !key.starts_with(&self.query.prefix) {
            return ControlFlow::Continue(());
        }
        let entry = match self.common_prefix(key) {
            Some(common) => Entry::Prefix(common.to_owned()),
            None => Entry::Key(key.to_owned()),
        };
        if self.is_behind(entry.text()) {
            self.push(entry)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// The entry that a key, or everything that begins with it, is in.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.query.delimiter.as_deref()?;
        let rest = key.strip_prefix(&self.query.prefix)?;
        let at = rest.find(delimiter)?;
        key.get(..self.query.prefix.len() + at + delimiter.len())
    }

    fn is_behind(&self, entry: &str) -> bool {
        entry > self.query.after.as_str()
            && self.found.last().is_none_or(|last| entry > last.text())
    }

    /// One entry more than the page shows that there are more.
    fn push(&mut self, entry: Entry) -> ControlFlow<()> {
        self.found.push(entry);
        if self.found.len() > self.query.most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Whether a key is somewhere below, of those that are asked for.
    fn has_key(&self, directory: &Path, start: &str) -> io::Result<bool> {
        for child in self.children(directory, start)? {
            let has_key = match &child.below {
                None => child.key.starts_with(&self.query.prefix),
                Some(below) => self.has_key(below, &child.key)?,
            };
            if has_key {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The children that may have something to do with the page, in the order of keys.
    fn children(&self, directory: &Path, start: &str) -> io::Result<Vec<Child>> {
        let mut children = Vec::new();
        if start.len() <= LONGEST_KEY {
            // No file moves beside its directory meanwhile, so none is missed.
            let _reading = self.folder.reading();
            self.read(directory, start, &mut children)?;
        }
        children.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        children.dedup_by(|a, b| a.key == b.key);
        Ok(children)
    }

    fn read(&self, directory: &Path, start: &str, children: &mut Vec<Child>) -> io::Result<()> {
        let entries = match fs::read_dir(directory) {
            // It was removed with the last key in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(Name::parse) else {
                continue;
            };
            let Ok(mut kind) = entry.file_type() else {
                continue;
            };
            if kind.is_symlink() {
                // Links to directories are not followed, since one may lead to where it is.
                match entry.path().metadata() {
                    Ok(metadata) if metadata.is_file() => kind = metadata.file_type(),
                    _ => continue,
                }
            }
            match name {
                Name::Segment(segment) if kind.is_dir() => {
                    let key = format!("{start}{segment}/");
                    if self.may_have(&key) {
                        let below = Some(entry.path());
                        children.push(Child { key, below });
                    }
                }
                Name::Segment(segment) | Name::Object(segment) if kind.is_file() => {
                    let key = format!("{start}{segment}");
                    if key.as_str() > self.query.after.as_str() {
                        children.push(Child { key, below: None });
                    }
                }
                Name::Beginning(text) if kind.is_dir() => {
                    let start = format!("{start}{text}");
                    if start.len() <= LONGEST_KEY {
                        self.read(&entry.path(), &start, children)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether keys that begin so may be in the page.
    fn may_have(&self, start: &str) -> bool {
        let Query { prefix, after, .. } = self.query;
        let can_match = start.starts_with(prefix) || prefix.starts_with(start);
        can_match && (start > after.as_str() || after.starts_with(start))
    }
}

/// In bytes, as on S3.
const LONGEST_KEY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_begins_where_all_its_keys_are() {
        let root = tempfile::tempdir().unwrap();
        let bucket = root.path();
        fs::create_dir_all(bucket.join("a/b/%~=")).unwrap();
        let begins = |prefix| {
            let (directory, start) = first(bucket, prefix)?;
            Some((directory.strip_prefix(bucket).unwrap().to_owned(), start))
        };
        for (prefix, directory, start) in [
            ("", "", ""),
            ("a", "", ""),
            ("a/", "a", "a/"),
            ("a/b/c", "a/b", "a/b/"),
            ("a/b//c", "a/b/%~=", "a/b//"),
        ] {
            assert_eq!(begins(prefix), Some((directory.into(), start)), "{prefix}");
        }
        for prefix in ["x/", "a/x/y", "../", "a/../a/"] {
            assert_eq!(begins(prefix), None, "{prefix}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(bucket.join("a"), bucket.join("link")).unwrap();
            assert_eq!(begins("link/b/"), None);
        }
    }
}
