//! `--update`: whether the destination has the source's content already.

mod content;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectMeta;

use crate::store_kind::StoreKind;
pub(crate) use content::ContentTag;

/// What is known of an object without reading it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    kind: StoreKind,
    size: u64,
    /// When it was last changed. For a local source that is when anything about it was, since
    /// tools that keep the time of an older file set the other one.
    changed: DateTime<Utc>,
    e_tag: Option<String>,
    file: Option<PathBuf>,
}

/// What can be said of two objects without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Same,
    Different,
    /// The same if this file has this content.
    SameIf(PathBuf, ContentTag),
}

impl Known {
    pub(crate) fn listed(kind: StoreKind, meta: &ObjectMeta) -> Self {
        Self {
            kind,
            size: meta.size,
            changed: meta.last_modified,
            e_tag: meta.e_tag.clone(),
            file: None,
        }
    }

    /// A local file that is to be copied.
    pub(crate) fn local_source(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        let inode_changed = time(metadata.ctime(), metadata.ctime_nsec());
        let modified = time(metadata.mtime(), metadata.mtime_nsec());
        Ok(Self::local(
            file,
            metadata.len(),
            modified.max(inode_changed),
        ))
    }

    /// A local file that a copy would replace; none if there is none.
    pub(crate) fn local_destination(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let modified = time(metadata.mtime(), metadata.mtime_nsec());
        Some(Self::local(file, metadata.len(), modified))
    }

    fn local(file: &Path, size: u64, changed: DateTime<Utc>) -> Self {
        Self {
            kind: StoreKind::Local,
            size,
            changed,
            e_tag: None,
            file: Some(file.to_owned()),
        }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) const fn has_size_of(&self, other: &Self) -> bool {
        self.size == other.size
    }

    /// Whether it should have an ETag that is made of the content, and none is known.
    pub(crate) const fn lacks_tag(&self) -> bool {
        self.kind.has_md5() && self.e_tag.is_none()
    }

    /// Compares a source with its destination, whose parts would have the size that is given.
    pub(crate) fn compare(&self, destination: &Self, part_size: u64) -> Comparison {
        if self.size != destination.size {
            return Comparison::Different;
        }
        if self.size == 0 {
            return Comparison::Same;
        }
        let tags = (self.content_tag(), destination.content_tag());
        if let (Some(ours), Some(theirs)) = &tags {
            if ours == theirs {
                return Comparison::Same;
            }
            // Tags of uploads in parts depend on the size of the parts.
            if ours.is_of_whole() && theirs.is_of_whole() {
                return Comparison::Different;
            }
        }
        if destination.changed >= self.changed + resolution(self.changed) {
            return Comparison::Same;
        }
        let ends = (&self.file, &destination.file, tags);
        let ((Some(file), None, (_, Some(tag))) | (None, Some(file), (Some(tag), _))) = ends else {
            return Comparison::Different;
        };
        match tag.with_part_size(self.size, part_size) {
            Some(tag) => Comparison::SameIf(file.clone(), tag),
            None => Comparison::Different,
        }
    }

    /// The ETag, if it is made of the content.
    fn content_tag(&self) -> Option<ContentTag> {
        let e_tag = self.e_tag.as_deref().filter(|_| self.kind.has_md5());
        ContentTag::parse(e_tag?)
    }
}

fn time(seconds: i64, nanoseconds: i64) -> DateTime<Utc> {
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
    DateTime::from_timestamp(seconds, nanoseconds).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How much later than this the change may have been.
fn resolution(time: DateTime<Utc>) -> TimeDelta {
    if time.timestamp_subsec_nanos() == 0 {
        WHOLE_SECONDS
    } else {
        TICK
    }
}

/// S3 gives times in whole seconds, and FAT in pairs of them.
const WHOLE_SECONDS: TimeDelta = TimeDelta::seconds(2);

/// Kernels stamp files with the time of their last tick, of which there are at least 100 a second.
const TICK: TimeDelta = TimeDelta::milliseconds(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kind: StoreKind, size: u64, millis: i64, e_tag: Option<&str>) -> Known {
        Known {
            kind,
            size,
            changed: DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap(),
            e_tag: e_tag.map(|tag| format!("\"{tag}\"")),
            file: (kind == StoreKind::Local).then(|| PathBuf::from("file")),
        }
    }

    fn s3(millis: i64, e_tag: &str) -> Known {
        known(StoreKind::S3, 25, millis, Some(e_tag))
    }

    fn local(millis: i64) -> Known {
        known(StoreKind::Local, 25, millis, None)
    }

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "1123456789abcdef0123456789abcdef";
    const A3: &str = "0123456789abcdef0123456789abcdef-3";
    const B3: &str = "1123456789abcdef0123456789abcdef-3";

    #[test]
    fn size_comes_first_and_empty_objects_are_the_same() {
        let longer = known(StoreKind::S3, 26, 0, Some(A));
        assert_eq!(s3(0, A).compare(&longer, 10), Comparison::Different);
        let empty = |kind, millis| known(kind, 0, millis, None);
        let (old, new) = (empty(StoreKind::Azure, 0), empty(StoreKind::Local, 9_000));
        assert_eq!(new.compare(&old, 10), Comparison::Same);
    }

    #[test]
    fn etags_of_content_decide_between_stores() {
        let compare = |source: &str, destination: &str, millis| {
            s3(5_000, source).compare(&s3(millis, destination), 10)
        };
        assert_eq!(compare(A, A, 0), Comparison::Same);
        assert_eq!(compare(A3, A3, 0), Comparison::Same);
        assert_eq!(compare(A, B, 90_000), Comparison::Different);
        // One of them says nothing of the whole: the time decides.
        assert_eq!(compare(A, B3, 90_000), Comparison::Same);
        assert_eq!(compare(A3, B3, 90_000), Comparison::Same);
        assert_eq!(compare(A3, B3, 0), Comparison::Different);
        // Azure's are numbers of versions, and equal by chance at most.
        let azure = known(StoreKind::Azure, 25, 0, Some("0x8D"));
        assert_eq!(azure.compare(&azure, 10), Comparison::Different);
    }

    #[test]
    fn otherwise_the_destination_must_be_newer_than_the_resolution_of_the_times() {
        let copied = |source: i64, destination: i64| {
            local(source).compare(&known(StoreKind::Azure, 25, destination, None), 10)
        };
        assert_eq!(copied(5, 25), Comparison::Same);
        assert_eq!(copied(5, 24), Comparison::Different);
        assert_eq!(copied(5, 5), Comparison::Different);
        // A whole second may be any time within it.
        assert_eq!(copied(1_000, 3_000), Comparison::Same);
        assert_eq!(copied(1_000, 2_999), Comparison::Different);
    }

    #[test]
    fn the_md5_of_a_file_settles_what_times_do_not() {
        let file = PathBuf::from("file");
        let tag = |text: &str| ContentTag::parse(&format!("\"{text}\"")).unwrap();
        let sized = |text: &str| tag(text).with_part_size(25, 10).unwrap();
        let up = local(9_000).compare(&s3(0, A), 10);
        assert_eq!(up, Comparison::SameIf(file.clone(), sized(A)));
        let down = s3(9_000, A3).compare(&local(0), 10);
        assert_eq!(down, Comparison::SameIf(file, sized(A3)));
        // 25 bytes are not 3 parts of 20.
        assert_eq!(s3(9_000, A3).compare(&local(0), 20), Comparison::Different);
        assert_eq!(local(9_000).compare(&local(0), 10), Comparison::Different);
    }

    #[test]
    fn a_file_with_the_time_of_an_older_one_is_as_new_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "x").unwrap();
        let old = DateTime::from_timestamp(1_000, 0).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(old.into()))
            .unwrap();
        assert_eq!(Known::local_destination(&path).unwrap().changed, old);
        assert!(Known::local_source(&path).unwrap().changed > old);
    }
}
