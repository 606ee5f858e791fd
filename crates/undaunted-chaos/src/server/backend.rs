//! The S3 implementation behind the faults, and what is put right in front of it.

use std::io;
use std::path::{Component, Path as FsPath, PathBuf};
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::keys::Keys;
use super::record::RequestRecord;
use super::{ACCESS_KEY, SECRET_KEY};
use crate::Operation;

/// S3 over a folder.
#[derive(Clone)]
pub(super) struct Backend {
    service: S3Service,
    root: PathBuf,
    keys: Arc<Keys>,
}

impl Backend {
    pub(super) fn new(root: &FsPath) -> io::Result<Self> {
        let files =
            FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_access(Access);
        Ok(Self {
            service: builder.build(),
            root: root.to_owned(),
            keys: Arc::default(),
        })
    }

    pub(super) async fn serve(
        &self,
        request: Request<Body>,
        record: &RequestRecord,
    ) -> io::Result<Response<Body>> {
        let reads = matches!(record.operation, Operation::Get | Operation::Head);
        if reads && self.is_folder(&record.path) {
            return Ok(no_such_key());
        }
        // Not every write has its key alone: one that stalls would keep all readers out.
        let alone = record.operation.is_write() && record.condition.is_some();
        let _held = self.keys.hold(&record.path, alone).await;
        self.call(request).await
    }

    /// Puts an object of the same length in the place of the one at this path.
    pub(super) async fn replace(&self, path: &str) -> io::Result<()> {
        let old = self.call(own_request(Method::GET, path, Body::empty())?);
        let old = old.await?;
        let content_type = old.headers().get(CONTENT_TYPE).cloned();
        let body = old.into_body().collect().await;
        let body = body.map_err(|error| io::Error::other(format!("{error:?}")))?;
        let other = crate::body::turned_over(&body.to_bytes());
        let mut request = own_request(Method::PUT, path, Body::from(other))?;
        if let Some(content_type) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        let _held = self.keys.hold(path, true).await;
        let answer = self.call(request).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            let status = answer.status();
            Err(io::Error::other(format!("replacing {path} gave {status}")))
        }
    }

    async fn call(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let answer = self.service.call(request).await;
        answer.map_err(|error| io::Error::other(format!("{error:?}")))
    }

    /// S3 has no folders: reading one is reading what is not there.
    fn is_folder(&self, path: &str) -> bool {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let relative = FsPath::new(decoded.trim_start_matches('/'));
        let inside = relative
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        inside && relative.components().count() > 1 && self.root.join(relative).is_dir()
    }
}

/// Marks a request that the server makes to itself, which nobody signs.
#[derive(Clone, Copy)]
struct Own;

fn own_request(method: Method, path: &str, body: Body) -> io::Result<Request<Body>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .extension(Own)
        .body(body)
        .map_err(io::Error::other)
}

struct Access;

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let is_own = context.extensions_mut().get::<Own>().is_some();
        if is_own || context.credentials().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "Signature is required"))
    }
}

fn no_such_key() -> Response<Body> {
    let document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
                    <Message>The specified key does not exist.</Message></Error>";
    let mut answer = Response::new(Body::from(document.to_owned()));
    *answer.status_mut() = hyper::StatusCode::NOT_FOUND;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
