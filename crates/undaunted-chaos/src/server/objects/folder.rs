//! The files of objects: found, put in place, removed.

use std::fs::{self, File, Metadata};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use s3s::{S3ErrorCode, S3Result, dto, s3_error};
use tempfile::NamedTempFile;

use super::conditions::WriteConditions;
use super::digests::Digests;
use super::names::{KeyPaths, directory_names, names_beside};
use super::record::{Record, Stamp};
use super::tags::Tags;
use super::{failed, hidden_files_of};

/// A directory of buckets. Its calls block, for as long as a file system takes.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Held by whoever moves files to where others find them; read by whoever looks for some.
    structure: RwLock<()>,
    digests: Digests,
}

/// An object that was found. Its content stays readable when it is replaced.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    /// With the right ETag.
    pub(super) record: Record,
}

impl Folder {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let folder = Self {
            structure: RwLock::default(),
            digests: Digests::default(),
            root,
        };
        fs::create_dir_all(folder.staging())?;
        fs::create_dir_all(folder.uploads())?;
        folder.remove_old_staged()?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the uploads that are not complete are, each in a directory.
    pub(super) fn uploads(&self) -> PathBuf {
        hidden_files_of(&self.root).join("uploads")
    }

    fn staging(&self) -> PathBuf {
        hidden_files_of(&self.root).join("staging")
    }

    /// The directory of a bucket that exists.
    pub(super) fn bucket(&self, bucket: &str) -> S3Result<PathBuf> {
        let path = self.root.join(bucket);
        if !s3s::path::check_bucket_name(bucket) || !path.is_dir() {
            return Err(s3_error!(
                NoSuchBucket,
                "The specified bucket does not exist."
            ));
        }
        Ok(path)
    }

    /// A file that is not an object yet. It is removed when it is dropped.
    pub(super) fn stage(&self) -> S3Result<NamedTempFile> {
        let builder = tempfile::Builder::new();
        // With the permissions of other files, which those of `tempfile` are not.
        let made = builder.make_in(self.staging(), |path| {
            File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)
        });
        made.map_err(|error| failed("cannot make a file for what comes in", &error))
    }

    /// Keeps others from moving files meanwhile.
    pub(super) fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.structure
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps others from moving files and from looking for them meanwhile.
    pub(super) fn moving(&self) -> RwLockWriteGuard<'_, ()> {
        self.structure
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, bucket: &str, key: &str) -> S3Result<Object> {
        let folder = self.bucket(bucket)?;
        let reading = self.reading();
        let found = self.find(&folder, bucket, key)?;
        let (path, mut file, metadata, record) =
            found.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        drop(reading);
        let record = self.record_of(&path, &mut file, &metadata, record)?;
        Ok(Object {
            file,
            size: metadata.len(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            record,
        })
    }

    /// What is recorded of a file, or else what it is to be recorded by.
    fn record_of(
        &self,
        path: &Path,
        file: &mut File,
        metadata: &Metadata,
        record: Option<Record>,
    ) -> S3Result<Record> {
        let stamp = Stamp::of(metadata);
        let digest_of = |file: &mut File| {
            let digest = self.digests.get(path, stamp, file);
            digest.and_then(|digest| file.rewind().map(|()| digest))
        };
        let md5 = |file: &mut File| digest_of(file).map(|digest| digest.md5);
        if let Some(record) = record.filter(|record| record.describes(stamp, || md5(file))) {
            return Ok(record);
        }
        let digest = digest_of(file);
        let digest = digest.map_err(|error| failed("cannot read the object", &error))?;
        Ok(Record {
            checksums: digest.checksums(),
            e_tag: digest.md5,
            stamp,
            ..Record::default()
        })
    }

    /// Gives an object other tags.
    pub(super) fn tag(&self, bucket: &str, key: &str, tags: Tags) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        let _moving = self.moving();
        let found = self.find(&folder, bucket, key)?;
        let (path, mut file, metadata, record) =
            found.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        let mut record = self.record_of(&path, &mut file, &metadata, record)?;
        record.attributes.tags = tags;
        let cannot = |error: &io::Error| failed("cannot tag the object", error);
        let text = serde_json::to_vec(&record).map_err(|error| cannot(&error.into()))?;
        let mut staged = self.stage()?;
        io::Write::write_all(&mut staged, &text).map_err(|error| cannot(&error))?;
        persist(staged, &self.record_path(bucket, key)).map_err(|error| cannot(&error))
    }

    /// Size, time and ETag for a list. An ETag that could only be told by reading the content is
    /// left out.
    pub(super) fn describe(&self, bucket: &str, key: &str) -> Option<dto::Object> {
        let paths = KeyPaths::of(key);
        let folder = self.root.join(bucket);
        let reading = self.reading();
        let (path, metadata) = [paths.ordinary, paths.beside]
            .into_iter()
            .map(|path| folder.join(path))
            .find_map(|path| Some((fs::metadata(&path).ok().filter(Metadata::is_file)?, path)))
            .map(|(metadata, path)| (path, metadata))?;
        let stamp = Stamp::of(&metadata);
        let record = Record::read(&self.record_path(bucket, key));
        drop(reading);
        let recorded = record.filter(|record| record.stamp == stamp);
        let class = recorded
            .as_ref()
            .map_or("STANDARD", |record| record.attributes.class())
            .to_owned();
        let e_tag = recorded
            .map(|record| record.e_tag)
            .or_else(|| Some(self.digests.known(&path, stamp)?.md5));
        Some(dto::Object {
            key: Some(key.to_owned()),
            size: i64::try_from(metadata.len()).ok(),
            last_modified: metadata.modified().ok().map(dto::Timestamp::from),
            e_tag: e_tag.map(dto::ETag::Strong),
            storage_class: Some(dto::ObjectStorageClass::from(class)),
            ..dto::Object::default()
        })
    }

    /// Makes a file an object, in one step. The record's stamp need not be set.
    pub(super) fn put(
        &self,
        staged: NamedTempFile,
        bucket: &str,
        key: &str,
        record: Record,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        let moving = self.moving();
        self.put_while(&moving, staged, bucket, key, record, conditions)
    }

    /// The same for who keeps others from moving files already.
    pub(super) fn put_while(
        &self,
        _moving: &RwLockWriteGuard<'_, ()>,
        staged: NamedTempFile,
        bucket: &str,
        key: &str,
        mut record: Record,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        self.check_while_locked(&folder, bucket, key, conditions)?;
        let cannot = |error: &io::Error| failed("cannot put the object in its place", error);
        let record_path = self.record_path(bucket, key);
        let stamp = Stamp::told_apart(staged.as_file(), &record_path);
        record.stamp = stamp.map_err(|error| cannot(&error))?;
        let text = serde_json::to_vec(&record).map_err(|error| cannot(&error.into()))?;
        let mut record_file = self.stage()?;
        io::Write::write_all(&mut record_file, &text).map_err(|error| cannot(&error))?;

        let paths = KeyPaths::of(key);
        make_room(&folder, key).map_err(|error| cannot(&error))?;
        let (ordinary, beside) = (folder.join(paths.ordinary), folder.join(paths.beside));
        let target = if ordinary.is_dir() {
            &beside
        } else {
            &ordinary
        };
        // The content first: a crash between the two loses the attributes of a write that nobody
        // was told of. The record that was there does not have the stamp of this content.
        persist(staged, target).map_err(|error| cannot(&error))?;
        if *target == ordinary {
            remove_file(&beside).map_err(|error| cannot(&error))?;
        }
        persist(record_file, &record_path).map_err(|error| cannot(&error))
    }

    /// Whether a write may be made. It has to be asked again when it is.
    pub(super) fn check(
        &self,
        bucket: &str,
        key: &str,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        let _reading = self.reading();
        self.check_while_locked(&folder, bucket, key, conditions)
    }

    fn check_while_locked(
        &self,
        folder: &Path,
        bucket: &str,
        key: &str,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        if conditions.are_none() {
            return Ok(());
        }
        let e_tag = match self.find(folder, bucket, key)? {
            None => None,
            Some((path, mut file, metadata, record)) => {
                let stamp = Stamp::of(&metadata);
                let mut digest = || Ok(self.digests.get(&path, stamp, &mut file)?.md5);
                match record.filter(|record| record.describes(stamp, &mut digest)) {
                    Some(record) => Some(record.e_tag),
                    None => {
                        Some(digest().map_err(|error| failed("cannot read the object", &error))?)
                    }
                }
            }
        };
        conditions.check(e_tag)
    }

    /// Removes an object. One that does not exist is removed already, unless there has to be one.
    pub(super) fn delete(
        &self,
        bucket: &str,
        key: &str,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        let paths = KeyPaths::of(key);
        let record = self.record_path(bucket, key);
        let records = self.records(bucket);
        let _moving = self.moving();
        let checked = self.check_while_locked(&folder, bucket, key, conditions);
        checked.map_err(|error| match error.code() {
            S3ErrorCode::NoSuchKey => s3_error!(
                PreconditionFailed,
                "At least one of the preconditions you specified did not hold."
            ),
            _ => error,
        })?;
        for (path, end) in [
            (folder.join(paths.ordinary), &folder),
            (folder.join(paths.beside), &folder),
            (record, &records),
        ] {
            remove_file(&path).map_err(|error| failed("cannot delete the object", &error))?;
            remove_empty(&path, end);
        }
        Ok(())
    }

    /// Removes a bucket in which there is nothing, or only directories in which there is nothing.
    pub(super) fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        let folder = self.bucket(bucket)?;
        let _moving = self.moving();
        remove_empty_tree(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => s3_error!(
                BucketNotEmpty,
                "The bucket you tried to delete is not empty."
            ),
            _ => failed("cannot delete the bucket", &error),
        })?;
        match fs::remove_dir_all(self.records(bucket)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("cannot delete the bucket's hidden files", &error))
            }
            _ => Ok(()),
        }
    }

    /// The file of a key, open, and what is recorded of it; the record may be of another file.
    #[expect(clippy::type_complexity, reason = "taken apart by each of its callers")]
    fn find(
        &self,
        folder: &Path,
        bucket: &str,
        key: &str,
    ) -> S3Result<Option<(PathBuf, File, Metadata, Option<Record>)>> {
        let paths = KeyPaths::of(key);
        for path in [folder.join(paths.ordinary), folder.join(paths.beside)] {
            // Opening a pipe would wait for its other end.
            if !path.is_file() {
                continue;
            }
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
            let (metadata, file) =
                opened.map_err(|error| failed("cannot open the object", &error))?;
            let record = Record::read(&self.record_path(bucket, key));
            return Ok(Some((path, file, metadata, record)));
        }
        Ok(None)
    }

    fn records(&self, bucket: &str) -> PathBuf {
        hidden_files_of(&self.root).join("records").join(bucket)
    }

    /// Beside its object's directory in any case, as if there were one.
    fn record_path(&self, bucket: &str, key: &str) -> PathBuf {
        self.records(bucket).join(KeyPaths::of(key).beside)
    }

    /// What a server left that was killed. A younger file may be of another server here.
    fn remove_old_staged(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.staging())? {
            let entry = entry?;
            let age = entry.metadata().and_then(|metadata| metadata.modified());
            let age = age.map(|modified| modified.elapsed().unwrap_or_default());
            if age.is_ok_and(|age| age > STALE) {
                if entry.path().is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Takes a directory out of the way, to where it can be removed.
    pub(super) fn take_away(&self, directory: &Path) -> io::Result<PathBuf> {
        let name = directory.file_name().unwrap_or_default();
        let aside = self.staging().join(name);
        fs::rename(directory, &aside).map(|()| aside)
    }
}

/// Makes the directories of a key. Objects whose files have the names of directories are moved
/// beside them.
fn make_room(bucket: &Path, key: &str) -> io::Result<()> {
    let ordinary = bucket.join(KeyPaths::of(key).ordinary);
    if parents(&ordinary).is_ok() {
        return Ok(());
    }
    let mut folder = bucket.to_owned();
    let mut segments: Vec<&str> = key.split('/').collect();
    segments.pop();
    for segment in segments {
        let mut here = folder.clone();
        here.extend(directory_names(segment));
        if here.symlink_metadata().is_ok() && !here.is_dir() {
            let mut beside = folder;
            beside.extend(names_beside(segment));
            parents(&beside)?;
            fs::rename(&here, beside)?;
        }
        folder = here;
    }
    parents(&ordinary)
}

fn parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn persist(staged: NamedTempFile, target: &Path) -> io::Result<()> {
    match staged.persist(target) {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::NotFound => {
            parents(target)?;
            let again = failed.file.persist(target);
            again.map(drop).map_err(|failed| failed.error)
        }
        Err(failed) => Err(failed.error),
    }
}

/// Removes a file or a link, if there is one. A directory stays.
fn remove_file(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_dir() => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Removes the directories above a path that are empty, below `end`.
fn remove_empty(path: &Path, end: &Path) {
    let above = path.ancestors().skip(1);
    for directory in above.take_while(|directory| *directory != end && directory.starts_with(end)) {
        // It fails where something is left, which ends it.
        if directory.is_dir() && fs::remove_dir(directory).is_err() {
            return;
        }
    }
}

/// Removes a tree of directories without files.
fn remove_empty_tree(directory: &Path) -> io::Result<()> {
    if has_file(directory)? {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    fs::remove_dir_all(directory)
}

fn has_file(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || has_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// No request takes so long.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
