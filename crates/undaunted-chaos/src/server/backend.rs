//! The S3 implementation behind the faults.

use std::io;
use std::path::Path as FsPath;

use async_trait::async_trait;
use hyper::{Request, Response};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, S3Result, s3_error};

use super::host::Hosts;
use super::objects::{Access, Objects};
use super::range;
use super::request::bucket_and_key;

/// What carries out the requests that no fault prevents.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// Carries a request out, if its signature is right. Faults in its extensions that are known
    /// here hit it.
    async fn serve(&self, request: Request<Body>) -> io::Result<Response<Body>>;

    /// Puts an object of the same length in the place of the one at this path.
    async fn replace(&self, path: &str) -> io::Result<()>;
}

/// S3 over a directory.
pub(super) struct DirectoryBackend {
    service: S3Service,
    /// For what has been verified.
    verified: S3Service,
    objects: Objects,
}

impl DirectoryBackend {
    pub(super) fn new(root: &FsPath, page_size: i32) -> io::Result<Self> {
        let objects = Objects::new(root, page_size)?;
        let mut builder = S3ServiceBuilder::new(objects.clone());
        builder.set_host(Hosts);
        let verified = builder.build();
        let mut builder = S3ServiceBuilder::new(objects.clone());
        builder.set_host(Hosts);
        builder.set_auth(KnownKey);
        builder.set_access(Access);
        Ok(Self {
            service: builder.build(),
            verified,
            objects,
        })
    }
}

#[async_trait]
impl Backend for DirectoryBackend {
    async fn serve(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let again = range::taken(&request);
        let failed = |error: HttpError| io::Error::other(format!("{error:?}"));
        let response = self.service.call(request).await.map_err(failed)?;
        match again {
            Some(again) if response.headers().contains_key(range::MARK) => {
                self.verified.call(again).await.map_err(failed)
            }
            _ => Ok(response),
        }
    }

    async fn replace(&self, path: &str) -> io::Result<()> {
        let (bucket, key) = bucket_and_key(path);
        self.objects.replace(&bucket, &key).await
    }
}

/// The one pair of keys.
pub(super) struct KnownKey;

#[async_trait]
impl S3Auth for KnownKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY {
            return Ok(SecretKey::from(SECRET_KEY));
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// The access key that the server knows.
pub const ACCESS_KEY: &str = "undaunted";
/// The secret key that goes with it. The server is for tests, and so is the secret.
pub const SECRET_KEY: &str = "undaunted-secret";
