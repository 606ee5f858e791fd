//! The S3 implementation behind the faults.

use std::io;
use std::path::Path as FsPath;
use std::sync::Arc;

use hyper::{Request, Response};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use super::files::Files;
use super::keys::KeyLocks;
use super::record::RequestRecord;
use super::request::bucket_and_key;

/// S3 over a folder, with signatures checked.
#[derive(Clone)]
pub(super) struct S3Backend {
    service: S3Service,
    files: Files,
    keys: Arc<KeyLocks>,
}

impl S3Backend {
    pub(super) fn new(root: &FsPath, page_size: i32) -> io::Result<Self> {
        let files = Files::new(root, page_size)?;
        let mut builder = S3ServiceBuilder::new(files.clone());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        Ok(Self {
            service: builder.build(),
            files,
            keys: Arc::default(),
        })
    }

    /// Carries a request out; faults in its extensions that the files know hit it.
    pub(super) async fn serve(
        &self,
        request: Request<Body>,
        record: &RequestRecord,
    ) -> io::Result<Response<Body>> {
        // Not every write has its key alone: one that stalls would keep all readers out.
        let alone = record.operation.is_write() && record.condition.is_some();
        let _held = self.keys.hold(&record.path, alone).await;
        let response = self.service.call(request).await;
        response.map_err(|error| io::Error::other(format!("{error:?}")))
    }

    /// Puts an object of the same length in the place of the one at this path.
    pub(super) async fn replace(&self, path: &str) -> io::Result<()> {
        let (bucket, key) = bucket_and_key(path);
        let _held = self.keys.hold(path, true).await;
        self.files.replace(&bucket, &key).await
    }
}

/// The access key that the server knows.
pub const ACCESS_KEY: &str = "undaunted";
/// The secret key that goes with it. The server is for tests, and so is the secret.
pub const SECRET_KEY: &str = "undaunted-secret";
