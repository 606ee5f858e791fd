//! Parts for local files: each part has its place in a staging file, which is renamed into
//! place in the end.
//!
//! The local file system's own `MultipartUpload` appends by a running offset, so a part that
//! is sent again after a lost response would stand in the file twice. Here a part that is sent
//! again is written over itself.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use object_store::local::LocalFileSystem;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Error, Extensions, MultipartId, ObjectStoreExt, PutMultipartOptions, PutPayload, PutResult,
    Result,
};
use tokio::task::spawn_blocking;

use crate::kept_upload::{KeptUpload, PartSize};
use crate::staging::{blocking, generic, stage, write_at};

/// [`MultipartStore`] for a [`LocalFileSystem`]. Parts may come in any order and have any size.
#[derive(Debug)]
pub(crate) struct LocalParts {
    files: Arc<LocalFileSystem>,
    uploads: Mutex<HashMap<MultipartId, Arc<Upload>>>,
}

/// One upload. Dropping the last reference to one that was not completed removes its file.
#[derive(Debug)]
struct Upload {
    staging: PathBuf,
    extents: Mutex<Extents>,
}

/// Where the parts stand in the staging file.
#[derive(Debug, Default)]
struct Extents {
    /// The length of the first part that came: that of all but the last, as a rule.
    usual: Option<u64>,
    parts: BTreeMap<usize, Extent>,
}

#[derive(Clone, Copy, Debug)]
struct Extent {
    start: u64,
    length: u64,
}

impl LocalParts {
    pub(crate) fn new(files: Arc<LocalFileSystem>) -> Self {
        Self {
            files,
            uploads: Mutex::default(),
        }
    }

    fn find(&self, path: &Path, id: &MultipartId) -> Result<Arc<Upload>> {
        lock(&self.uploads)
            .get(id)
            .cloned()
            .ok_or_else(|| not_found(path, id))
    }

    /// The upload that another process may have begun.
    fn find_kept(&self, path: &Path, id: &MultipartId) -> Result<Option<KeptUpload>> {
        let Some(part_size) = PartSize::of(id) else {
            return Ok(None);
        };
        let destination = self.files.path_to_filesystem(path)?;
        Ok(Some(KeptUpload::new(&destination, part_size)))
    }

    async fn written(&self, path: &Path) -> Result<PutResult> {
        let meta = self.files.head(path).await?;
        Ok(PutResult {
            e_tag: meta.e_tag,
            version: meta.version,
            extensions: Extensions::default(),
        })
    }
}

#[async_trait]
impl MultipartStore for LocalParts {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let destination = self.files.path_to_filesystem(path)?;
        let staging = blocking(move || stage(&destination).map(|(staging, _)| staging)).await?;
        let id = staging.display().to_string();
        let upload = Arc::new(Upload {
            staging,
            extents: Mutex::default(),
        });
        lock(&self.uploads).insert(id.clone(), upload);
        Ok(id)
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        if !opts.tags.is_empty() || !opts.attributes.is_empty() {
            return Err(Error::NotSupported {
                source: "local files have no tags and no attributes".into(),
            });
        }
        let Some(part_size) = opts.extensions.get::<PartSize>().copied() else {
            return self.create_multipart(path).await;
        };
        let destination = self.files.path_to_filesystem(path)?;
        blocking(move || KeptUpload::new(&destination, part_size).begin()).await?;
        Ok(part_size.into())
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let part = PartId {
            content_id: part_idx.to_string(),
        };
        if let Some(kept) = self.find_kept(path, id)? {
            let written = spawn_blocking(move || kept.write(part_idx, &data)).await?;
            return written.map(|()| part).map_err(|e| missing(e, path, id));
        }
        let upload = self.find(path, id)?;
        let start = lock(&upload.extents).place(part_idx, data.content_length() as u64);
        blocking(move || write_at(&upload.staging, start, &data)).await?;
        Ok(part)
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        if let Some(kept) = self.find_kept(path, id)? {
            let count = parts.len();
            let published = spawn_blocking(move || kept.publish(count)).await?;
            published.map_err(|error| missing(error, path, id))?;
            return self.written(path).await;
        }
        let upload = self.find(path, id)?;
        let destination = self.files.path_to_filesystem(path)?;
        let extents = lock(&upload.extents).of(parts.len()).map_err(generic)?;
        let staged = Arc::clone(&upload);
        blocking(move || {
            if !in_order(&extents) {
                rearrange(&staged.staging, &extents)?;
            }
            fs::rename(&staged.staging, &destination)
        })
        .await?;
        lock(&self.uploads).remove(id);
        self.written(path).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        if let Some(kept) = self.find_kept(path, id)? {
            let removed = spawn_blocking(move || kept.remove()).await?;
            return removed.map_err(|error| missing(error, path, id));
        }
        let upload = self.find(path, id)?;
        blocking(move || fs::remove_file(&upload.staging)).await?;
        lock(&self.uploads).remove(id);
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Completed and aborted uploads have no file any more, which is as good.
        let _ = fs::remove_file(&self.staging);
    }
}

impl Extents {
    /// The place of a part: the one that it has if it is sent again; else where it belongs if
    /// all before it are of the usual length, or behind all others if that is taken.
    fn place(&mut self, part: usize, length: u64) -> u64 {
        if let Some(extent) = self.parts.get(&part) {
            if extent.length == length {
                return extent.start;
            }
        }
        let usual = *self.usual.get_or_insert(length);
        let others = || self.parts.iter().filter(|(other, _)| **other != part);
        let behind = others().map(|(_, extent)| extent.end()).max();
        let due = usual.checked_mul(part as u64);
        let is_free = |start: u64| {
            let end = start.saturating_add(length);
            others().all(|(_, other)| end <= other.start || other.end() <= start)
        };
        let start = due
            .filter(|start| length <= usual && is_free(*start))
            .unwrap_or(behind.unwrap_or_default());
        self.parts.insert(part, Extent { start, length });
        start
    }

    /// The places of parts 0 to `count`, in order.
    fn of(&self, count: usize) -> io::Result<Vec<Extent>> {
        (0..count)
            .map(|part| {
                self.parts.get(&part).copied().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::InvalidInput,
                        format!("part {part} is missing"),
                    )
                })
            })
            .collect()
    }
}

impl Extent {
    const fn end(self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// Whether the file is the object as it stands, as it is when all parts are where they belong.
fn in_order(extents: &[Extent]) -> bool {
    let mut end = 0;
    extents.iter().all(|extent| {
        let follows = extent.start == end;
        end += extent.length;
        follows
    })
}

/// Writes the parts in order into a second file, which takes the place of the first.
fn rearrange(staging: &FsPath, extents: &[Extent]) -> io::Result<()> {
    let mut from = File::open(staging)?;
    let mut sorted_name = staging.as_os_str().to_owned();
    sorted_name.push("0");
    let sorted = PathBuf::from(sorted_name);
    let copied = File::create(&sorted).and_then(|mut to| {
        extents.iter().try_for_each(|extent| {
            from.seek(SeekFrom::Start(extent.start))?;
            io::copy(&mut (&mut from).take(extent.length), &mut to).map(drop)
        })
    });
    let replaced = copied.and_then(|()| fs::rename(&sorted, staging));
    if replaced.is_err() {
        let _ = fs::remove_file(&sorted);
    }
    replaced
}

fn not_found(path: &Path, id: &MultipartId) -> Error {
    Error::NotFound {
        path: path.to_string(),
        source: format!("there is no upload {id}").into(),
    }
}

/// The error of an upload that another process may have ended.
fn missing(error: io::Error, path: &Path, id: &MultipartId) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => not_found(path, id),
        _ => generic(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The data is consistent between any two statements that could panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
