//! Uploads to local files that outlive their process, so that another one can continue them.
//!
//! All parts but the last have one size, so the place of a part follows from its number. The
//! staging file has one name for each destination, so nothing but the size has to be remembered.

use std::fs::{self, File};
use std::io;
use std::path::{Path as FsPath, PathBuf};

use object_store::{MultipartId, PutPayload};

use crate::staging::{beside, write_at};

/// The size in bytes of all parts of an upload but the last, which is not longer.
///
/// In the extensions of [`PutMultipartOptions`](object_store::PutMultipartOptions), it lets an
/// upload to local files be continued by its id, also by another process: its staging file stays
/// until the upload is completed or aborted. There is at most one such upload of a destination;
/// one that is begun replaces an earlier one. Other stores ignore it.
///
/// ```
/// use object_store::multipart::MultipartStore;
/// use object_store::{Extensions, PutMultipartOptions, path::Path};
/// use undaunted::RetryConfig;
/// use undaunted_object_store::{PartSize, open};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("{}/object", folder.path().display());
/// let (store, path) = open(&url, RetryConfig::storage())?;
/// let mut extensions = Extensions::new();
/// extensions.insert(PartSize::new(4));
/// let options = PutMultipartOptions { extensions, ..Default::default() };
/// let id = store.create_multipart_opts(&path, options).await?;
/// let second = store.put_part(&path, &id, 1, "56".into()).await?;
///
/// // Another process, which knows the id and the parts that arrived.
/// let (store, path) = open(&url, RetryConfig::storage())?;
/// let first = store.put_part(&path, &id, 0, "1234".into()).await?;
/// store.complete_multipart(&path, &id, vec![first, second]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSize(u64);

/// An upload that any process can continue.
#[derive(Clone, Debug)]
pub(crate) struct KeptUpload {
    destination: PathBuf,
    part_size: u64,
}

impl PartSize {
    /// A size in bytes. 0 counts as 1.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(if bytes == 0 { 1 } else { bytes })
    }

    /// The size in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The file that the parts are written to, beside the local file that they become.
    #[must_use]
    pub fn staging_file(destination: &FsPath) -> PathBuf {
        beside(destination, DIGITS)
    }

    /// The size that an id of [`MultipartId::from`] has.
    pub(crate) fn of(id: &MultipartId) -> Option<Self> {
        let size = id.strip_prefix(PREFIX)?.parse().ok()?;
        Some(Self::new(size))
    }
}

/// The id of a local upload with parts of this size.
impl From<PartSize> for MultipartId {
    fn from(size: PartSize) -> Self {
        format!("{PREFIX}{}", size.0)
    }
}

impl KeptUpload {
    pub(crate) fn new(destination: &FsPath, part_size: PartSize) -> Self {
        Self {
            destination: destination.to_owned(),
            part_size: part_size.0,
        }
    }

    /// Makes the staging file, which is empty, in the place of an earlier one.
    pub(crate) fn begin(&self) -> io::Result<()> {
        if let Some(folder) = self.destination.parent() {
            fs::create_dir_all(folder)?;
        }
        // What has its name may be a link to another file.
        match self.remove() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::create_new(self.staging()).map(drop)
    }

    pub(crate) fn write(&self, part: usize, data: &PutPayload) -> io::Result<()> {
        let length = data.content_length() as u64;
        let start = self.part_size.checked_mul(part as u64);
        let Some(start) = start.filter(|_| length <= self.part_size) else {
            return Err(invalid(format!(
                "part {part} has {length} bytes, and the parts of this upload have {}",
                self.part_size
            )));
        };
        write_at(&self.staging(), start, data)
    }

    /// Puts the staging file in the place of the destination, in one step.
    pub(crate) fn publish(&self, parts: usize) -> io::Result<()> {
        let staging = self.staging();
        let length = fs::metadata(&staging)?.len();
        if length.div_ceil(self.part_size) != parts as u64 {
            return Err(invalid(format!(
                "{parts} parts of {} bytes were to be written, but {length} bytes are in {}",
                self.part_size,
                staging.display()
            )));
        }
        fs::rename(staging, &self.destination)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_file(self.staging())
    }

    fn staging(&self) -> PathBuf {
        PartSize::staging_file(&self.destination)
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Numbers of other staging files have no leading zeros.
const DIGITS: &str = "000";

/// Ids of other local uploads are absolute paths.
const PREFIX: &str = "part-size-";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::local::LocalFileSystem;
    use object_store::multipart::MultipartStore;
    use object_store::path::Path;
    use object_store::{Error, Extensions, PutMultipartOptions};

    use super::*;
    use crate::local_parts::LocalParts;

    fn parts(folder: &FsPath) -> LocalParts {
        LocalParts::new(Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()))
    }

    async fn begin(parts: &LocalParts, path: &Path) -> MultipartId {
        let mut extensions = Extensions::new();
        extensions.insert(PartSize::new(4));
        let options = PutMultipartOptions {
            extensions,
            ..PutMultipartOptions::default()
        };
        parts.create_multipart_opts(path, options).await.unwrap()
    }

    fn names(folder: &FsPath) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn another_process_sends_what_is_missing_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::from("a");
        let first = parts(folder.path());
        let id = begin(&first, &path).await;
        let middle = first.put_part(&path, &id, 1, "5678".into()).await.unwrap();
        drop(first);
        assert_eq!(names(folder.path()), ["a#000"]);

        let second = parts(folder.path());
        let last = second.put_part(&path, &id, 2, "9".into()).await.unwrap();
        let start = second.put_part(&path, &id, 0, "1234".into()).await.unwrap();
        let all = vec![start, middle, last];
        second.complete_multipart(&path, &id, all).await.unwrap();
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"123456789");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[tokio::test]
    async fn an_upload_that_ended_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let (parts, path) = (parts(folder.path()), Path::from("a"));
        let id = begin(&parts, &path).await;
        parts.abort_multipart(&path, &id).await.unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
        let put = parts.put_part(&path, &id, 0, "1".into()).await;
        assert!(matches!(put, Err(Error::NotFound { .. })), "{put:?}");
        let completed = parts.complete_multipart(&path, &id, Vec::new()).await;
        assert!(matches!(completed, Err(Error::NotFound { .. })));
        let aborted = parts.abort_multipart(&path, &id).await;
        assert!(matches!(aborted, Err(Error::NotFound { .. })));
    }

    #[tokio::test]
    async fn parts_that_do_not_fit_and_parts_that_are_missing_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let (parts, path) = (parts(folder.path()), Path::from("a"));
        let id = begin(&parts, &path).await;
        let long = parts.put_part(&path, &id, 0, "12345".into()).await;
        assert!(long.unwrap_err().to_string().contains("have 4"));
        let part = parts.put_part(&path, &id, 0, "1234".into()).await.unwrap();
        let two = vec![part.clone(), part.clone()];
        let completed = parts.complete_multipart(&path, &id, two).await;
        assert!(completed.unwrap_err().to_string().contains("2 parts"));
        let completed = parts.complete_multipart(&path, &id, vec![part]).await;
        completed.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_part_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::from("a");
        let parts = parts(folder.path());
        let id = begin(&parts, &path).await;
        let (staging, other) = (folder.path().join("a#000"), folder.path().join("b"));
        fs::write(&other, "precious").unwrap();
        fs::remove_file(&staging).unwrap();
        std::os::unix::fs::symlink(&other, &staging).unwrap();
        assert!(parts.put_part(&path, &id, 0, "1234".into()).await.is_err());
        assert_eq!(fs::read(&other).unwrap(), b"precious");
    }

    #[test]
    fn what_stands_in_the_way_of_an_upload_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let upload = KeptUpload::new(&folder.path().join("a"), PartSize::new(4));
        fs::create_dir(folder.path().join("a#000")).unwrap();
        // And not that something is there.
        let error = upload.begin().unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
    }

    #[test]
    fn parts_have_at_least_one_byte() {
        assert_eq!([0, 1, 7].map(|bytes| PartSize::new(bytes).get()), [1, 1, 7]);
    }
}
