//! Local files: opening them as a store, and reading them without holding up the runtime.

use std::io::{Read, Seek, SeekFrom};
use std::path::absolute;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResult, GetResultPayload, Result};
use same_file::is_same_file;
use tokio::task::spawn_blocking;
use url::Url;

use super::backend::Backend;
use super::target::{OpenError, Target};
use crate::capabilities::Capabilities;
use crate::checked_body::short;
use crate::error::generic;
use crate::local_files::LocalFiles;
use crate::local_parts::LocalParts;
use crate::redact::visible;

pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    target.takes_no_options("file")?;
    Ok(Backend::of_files(LocalFileSystem::new()))
}

impl Backend {
    /// Local files, and what can be done with them beyond the trait.
    #[must_use]
    pub fn of_files(files: LocalFileSystem) -> Self {
        let files = Arc::new(files);
        let paths = files.clone();
        let capabilities = Capabilities::none()
            .with_parts(Arc::new(LocalParts::new(files.clone())))
            .with_native_rename()
            .with_aliases(move |a, b| {
                let file = |path| paths.path_to_filesystem(path).ok();
                let files = file(a).zip(file(b));
                files.is_some_and(|(a, b)| is_same_file(a, b).unwrap_or(false))
            });
        Self::new(Arc::new(LocalFiles::new(files)), capabilities)
    }
}

/// Where a path leads that is written as on a command line: relative to the current folder, or
/// absolute.
pub(super) fn locate(text: &str) -> Result<(Url, Path), OpenError> {
    let invalid = |reason: String| OpenError::InvalidPath {
        path: text.to_owned(),
        reason,
    };
    let path = absolute(text).map_err(|error| invalid(error.to_string()))?;
    let url =
        Url::from_file_path(&path).map_err(|()| invalid("it has no absolute form".to_owned()))?;
    let path =
        Path::from_absolute_path(&path).map_err(|error| invalid(visible(&error.to_string())))?;
    Ok((url, path))
}

/// Adds the range of a file to `buffer`. A payload that is a stream comes back.
pub(crate) async fn read_file(
    result: GetResult,
    buffer: &mut Vec<u8>,
) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
    let mut file = match result.payload {
        GetResultPayload::File(file, _) => file,
        GetResultPayload::Stream(stream) => return Ok(Some(stream)),
    };
    let start = result.range.start;
    let length = result.range.end.saturating_sub(start);
    let mut bytes = std::mem::take(buffer);
    let (bytes, came) = spawn_blocking(move || {
        let came = file
            .seek(SeekFrom::Start(start))
            .and_then(|_| file.take(length).read_to_end(&mut bytes));
        (bytes, came)
    })
    .await?;
    *buffer = bytes;
    let came = came.map_err(generic)? as u64;
    if came < length {
        return Err(short(length - came));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use object_store::{GetOptions, GetRange, ObjectStore};

    use super::*;

    /// The bytes 2 to 8 of a file of ten, which is cut to this length before they are read.
    async fn read(length: u64) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a");
        std::fs::write(&name, "0123456789").unwrap();
        let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(2..8)));
        let result = files.get_opts(&Path::from("a"), options).await.unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(name).unwrap();
        file.set_len(length).unwrap();
        let mut buffer = Vec::new();
        let rest = read_file(result, &mut buffer).await?;
        assert!(rest.is_none());
        Ok(buffer)
    }

    #[tokio::test]
    async fn a_file_that_ends_short_is_an_error() {
        assert_eq!(read(10).await.unwrap(), b"234567");
        assert_eq!(read(8).await.unwrap(), b"234567");
        let error = read(5).await.unwrap_err().to_string();
        assert!(error.contains("the body ended 3 bytes short"), "{error}");
    }
}
