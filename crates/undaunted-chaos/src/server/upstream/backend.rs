//! Verifying what comes in, and passing it on.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::header::{CONNECTION, HeaderName, RANGE, TRANSFER_ENCODING};
use hyper::http::Extensions;
use hyper::{HeaderMap, Method, Request, Response, Uri};
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Request, S3Response, S3Result};

use super::Upstream;
use super::lists::Lists;
use crate::fault::Fault;
use crate::server::backend::{Backend, KnownKey};
use crate::server::host::Hosts;
use crate::server::objects::TookEffect;

/// S3 at another endpoint, with the signatures of clients checked here.
pub(super) struct UpstreamBackend {
    service: S3Service,
    upstream: Upstream,
}

impl UpstreamBackend {
    pub(super) fn new(upstream: Upstream) -> Self {
        let mut builder = S3ServiceBuilder::new(Lists(upstream.clone()));
        builder.set_auth(KnownKey);
        builder.set_host(Hosts);
        builder.set_route(PassOn(upstream.clone()));
        Self {
            service: builder.build(),
            upstream,
        }
    }
}

#[async_trait]
impl Backend for UpstreamBackend {
    async fn serve(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let response = self.service.call(request).await;
        response.map_err(|error| io::Error::other(format!("{error:?}")))
    }

    async fn replace(&self, path: &str) -> io::Result<()> {
        let uri: Uri = path.parse().map_err(io::Error::other)?;
        let get = self.upstream.ask(Method::GET, &uri, Bytes::new()).await;
        let content = get.map_err(io::Error::other)?;
        let other = crate::body::inverted(&content);
        let put = self.upstream.ask(Method::PUT, &uri, other).await;
        put.map(drop).map_err(io::Error::other)
    }
}

impl Upstream {
    /// A request of the server's own, and the whole body of its response.
    pub(super) async fn ask(&self, method: Method, uri: &Uri, body: Bytes) -> S3Result<Bytes> {
        let mut headers = HeaderMap::new();
        headers.insert(hyper::header::CONTENT_LENGTH, body.len().into());
        let request = S3Request {
            input: Body::from(body),
            method,
            uri: uri.clone(),
            headers,
            extensions: Extensions::new(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        let response = self.send(self.outgoing(request).await?).await?;
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| self.unreachable(&error))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let mut error = super::bad_gateway(format!("the upstream {self} responded {status}"));
        error.set_status_code(status);
        Err(error)
    }
}

/// Takes every request but the lists that a fault changes.
struct PassOn(Upstream);

#[async_trait]
impl S3Route for PassOn {
    fn is_match(
        &self,
        _method: &Method,
        _uri: &Uri,
        _headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> bool {
        !matches!(
            extensions.get(),
            Some(Fault::InsertKeys { .. } | Fault::RepeatToken | Fault::TruncatedWithoutToken)
        )
    }

    async fn call(&self, mut request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let ignores_range = matches!(request.extensions.get(), Some(Fault::IgnoreRange))
            && request.headers.remove(RANGE).is_some();
        let response = self.0.send(self.0.outgoing(request).await?).await?;
        let (mut head, body) = response.into_parts();
        for name in [CONNECTION, TRANSFER_ENCODING, KEEP_ALIVE] {
            head.headers.remove(name);
        }
        let mut passed = S3Response::new(Body::from(body));
        passed.status = Some(head.status);
        passed.headers = head.headers;
        if ignores_range {
            passed.headers.remove(hyper::header::ACCEPT_RANGES);
            passed.extensions.insert(TookEffect);
        }
        Ok(passed)
    }
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
