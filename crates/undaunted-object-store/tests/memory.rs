//! What is held in memory, and for how long: measured on the whole process, so this file has one
//! test.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartId, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};
use undaunted::RetryConfig;
use undaunted_object_store::{Capabilities, RetryStore};

#[tokio::test(start_paused = true)]
async fn memory_does_not_grow_with_dropped_uploads_or_with_the_size_of_copies() {
    let large = Arc::new(Large::default());
    let capabilities = Capabilities::none()
        .with_parts(large.clone())
        .with_attributes();
    let store = RetryStore::builder(large)
        .config(RetryConfig::storage())
        .capabilities(capabilities)
        .resolve_by_content()
        .build();
    let path = Path::from("a");
    // What is made once is made.
    drop(store.create_multipart(&path).await.unwrap());

    let before = peak_kib();
    for _ in 0..100_000 {
        drop(store.create_multipart(&path).await.unwrap());
    }
    let grown = peak_kib() - before;
    assert!(
        grown < 4 * 1024,
        "{grown} KiB for uploads that nobody ended"
    );

    // The response is lost and a conflict follows: source and destination are compared.
    let options = CopyOptions::new().with_mode(CopyMode::Create);
    let before = peak_kib();
    store
        .copy_opts(&path, &Path::from("b"), options)
        .await
        .unwrap();
    let grown = peak_kib() - before;
    assert!(grown < 16 * 1024, "{grown} KiB to compare {SIZE} bytes");
}

/// The high-water mark of this process.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    mark.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

const SIZE: u64 = 256 * 1024 * 1024;
static CHUNK: [u8; 64 * 1024] = [7; 64 * 1024];

/// A store whose every object is large and has the same content.
#[derive(Debug, Default)]
struct Large {
    copies: AtomicU64,
    uploads: AtomicU64,
}

impl fmt::Display for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Large")
    }
}

#[async_trait]
impl ObjectStore for Large {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let chunks = if options.head {
            0
        } else {
            SIZE / CHUNK.len() as u64
        };
        let chunks = (0..chunks).map(|_| Ok(Bytes::from_static(&CHUNK)));
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter(chunks).boxed()),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: std::time::UNIX_EPOCH.into(),
                size: SIZE,
                e_tag: Some("\"1\"".to_owned()),
                version: None,
            },
            range: 0..SIZE,
            attributes: Attributes::new(),
            extensions: object_store::Extensions::default(),
        })
    }

    async fn copy_opts(&self, _: &Path, to: &Path, _: CopyOptions) -> Result<()> {
        let source = "the response was lost".into();
        if self.copies.fetch_add(1, Ordering::Relaxed) == 0 {
            let lost = std::io::Error::new(std::io::ErrorKind::TimedOut, source);
            return Err(Error::Generic {
                store: "Large",
                source: Box::new(lost),
            });
        }
        Err(Error::AlreadyExists {
            path: to.to_string(),
            source,
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        unimplemented!()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        unimplemented!()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        unimplemented!()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        unimplemented!()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        unimplemented!()
    }
}

#[async_trait]
impl MultipartStore for Large {
    async fn create_multipart(&self, _: &Path) -> Result<MultipartId> {
        Ok(self.uploads.fetch_add(1, Ordering::Relaxed).to_string())
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        _: PutMultipartOptions,
    ) -> Result<MultipartId> {
        self.create_multipart(path).await
    }

    async fn put_part(&self, _: &Path, _: &MultipartId, _: usize, _: PutPayload) -> Result<PartId> {
        unimplemented!()
    }

    async fn complete_multipart(
        &self,
        _: &Path,
        _: &MultipartId,
        _: Vec<PartId>,
    ) -> Result<PutResult> {
        unimplemented!()
    }

    async fn abort_multipart(&self, _: &Path, _: &MultipartId) -> Result<()> {
        unimplemented!()
    }
}
