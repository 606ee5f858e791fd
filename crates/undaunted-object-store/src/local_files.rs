//! Local files of all names that file systems let them have, in all folders.
//!
//! object_store writes `name` as `name#1` first and renames it then, for which a name of 254 or
//! 255 bytes has no room; and where a folder is there and nothing can be created in it, such as `/proc`,
//! it tries for ever. So what is written and copied is staged here; all else is object_store's.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, Extensions, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};

use crate::staging::{blocking, not_written, stage};

/// A [`LocalFileSystem`] that stages files as we do.
#[derive(Debug)]
pub(crate) struct LocalFiles(Arc<LocalFileSystem>);

impl LocalFiles {
    pub(crate) const fn new(files: Arc<LocalFileSystem>) -> Self {
        Self(files)
    }
}

impl fmt::Display for LocalFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for LocalFiles {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        if !opts.attributes.is_empty() || matches!(opts.mode, PutMode::Update(_)) {
            // Says that files have none of that.
            return self.0.put_opts(location, payload, opts).await;
        }
        let file = self.0.path_to_filesystem(location)?;
        let name = file.clone();
        let is_new = matches!(opts.mode, PutMode::Create);
        let path = location.to_string();
        blocking(move || Ok(write(&file, &payload, is_new)))
            .await?
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::AlreadyExists {
                    path,
                    source: Box::new(error),
                },
                _ => not_written(name, error),
            })?;
        let meta = self.0.head(location).await?;
        Ok(PutResult {
            e_tag: meta.e_tag,
            version: meta.version,
            extensions: Extensions::default(),
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        if matches!(options.mode, CopyMode::Create) {
            // Nothing is staged.
            return self.0.copy_opts(from, to, options).await;
        }
        let original = self.0.path_to_filesystem(from)?;
        let file = self.0.path_to_filesystem(to)?;
        // For the error, where there is none.
        self.0.head(from).await?;
        blocking(move || Ok(link(&original, &file).map_err(|error| not_written(file, error))))
            .await?
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}

fn write(file: &FsPath, payload: &PutPayload, is_new: bool) -> io::Result<()> {
    let (staging, mut staged) = stage(file)?;
    let published = payload
        .iter()
        .try_for_each(|bytes| staged.write_all(bytes))
        .and_then(|()| {
            if is_new {
                fs::hard_link(&staging, file)
            } else {
                fs::rename(&staging, file)
            }
        });
    if is_new || published.is_err() {
        let _ = fs::remove_file(&staging);
    }
    published
}

/// Puts a link to the original in the place of the file, in one step. Unlike object_store's, it
/// leaves no staging file where both are one file already, as after a copy that is repeated.
fn link(original: &FsPath, file: &FsPath) -> io::Result<()> {
    let (staging, _) = stage(file)?;
    let linked = fs::remove_file(&staging)
        .and_then(|()| fs::hard_link(original, &staging))
        .and_then(|()| fs::rename(&staging, file));
    // A rename does nothing where both are links to one file.
    let _ = fs::remove_file(&staging);
    linked
}

#[cfg(test)]
mod tests {
    use object_store::PutMode;

    use super::*;

    fn store(folder: &FsPath) -> LocalFiles {
        LocalFiles::new(Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()))
    }

    async fn text(store: &LocalFiles, path: &Path) -> Bytes {
        store.get(path).await.unwrap().bytes().await.unwrap()
    }

    #[tokio::test]
    async fn ranges_are_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = (store(folder.path()), Path::from("a"));
        store.put(&path, "0123456789".into()).await.unwrap();
        let ranges = store.get_ranges(&path, &[2..4, 7..10]).await.unwrap();
        assert_eq!(ranges, ["23", "789"]);
    }

    /// Whatever the name is, what a file cannot have is refused as object_store refuses it.
    #[tokio::test]
    async fn attributes_and_updates_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for length in [1, 255] {
            let path = Path::from("n".repeat(length));
            let attributes = [(object_store::Attribute::ContentType, "text/plain")];
            let with_type = PutOptions {
                attributes: attributes.into_iter().collect(),
                ..PutOptions::default()
            };
            let update = PutMode::Update(object_store::UpdateVersion {
                e_tag: None,
                version: None,
            });
            for options in [with_type, update.into()] {
                let put = store.put_opts(&path, "x".into(), options).await;
                assert!(
                    matches!(put, Err(Error::NotImplemented { .. })),
                    "{length}: {put:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn names_of_every_length_are_written_and_copied() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for length in [1, 200, 239, 240, 252, 253, 254, 255] {
            let path = Path::from(format!("new/{}", "n".repeat(length)));
            let copy = Path::from(format!("copies/{}", "c".repeat(length)));
            store.put(&path, "first".into()).await.unwrap();
            let put = store.put(&path, "second".into()).await.unwrap();
            assert_eq!(put.e_tag, store.head(&path).await.unwrap().e_tag);
            let created = store
                .put_opts(&path, "third".into(), PutMode::Create.into())
                .await;
            assert!(
                matches!(created, Err(Error::AlreadyExists { .. })),
                "{length}"
            );
            store.copy(&path, &copy).await.unwrap();
            store.copy(&path, &copy).await.unwrap();
            store.copy(&copy, &copy).await.unwrap();
            assert_eq!(text(&store, &copy).await, "second");
            let created = Path::from(format!("created/{}", "d".repeat(length)));
            store
                .put_opts(&created, "new".into(), PutMode::Create.into())
                .await
                .unwrap();
            assert_eq!(text(&store, &created).await, "new");
            let missing = store.copy(&Path::from("missing"), &copy).await;
            assert!(
                matches!(missing, Err(Error::NotFound { .. })),
                "{length}: {missing:?}"
            );
        }
        for sub in ["new", "copies", "created"] {
            let names = fs::read_dir(folder.path().join(sub)).unwrap();
            let staged = names.filter(|name| {
                let name = name.as_ref().unwrap().file_name();
                name.to_str().unwrap().contains('#')
            });
            assert_eq!(staged.count(), 0, "{sub}");
        }
    }
}
