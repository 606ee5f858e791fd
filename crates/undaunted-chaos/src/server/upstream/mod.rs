//! Another S3 endpoint behind the faults, in the place of a directory.

mod backend;
mod lists;
mod outgoing;
mod trailers;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::aws::AwsCredentialProvider;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::builder::S3ServerBuilder;
use backend::UpstreamBackend;

/// An S3 endpoint that requests are passed on to, for
/// [`S3ServerBuilder::upstream`].
///
/// A request is verified with the credentials of the server, as always, and signed anew with those of
/// the endpoint. Bodies pass as they come, in both directions, and are not kept.
#[derive(Clone)]
pub struct Upstream {
    inner: Arc<Inner>,
}

struct Inner {
    scheme: Scheme,
    authority: Authority,
    /// What comes before the bucket in the path, without a slash at its end.
    base: String,
    region: String,
    credentials: Option<AwsCredentialProvider>,
    client: Client<HttpsConnector<HttpConnector>, OutgoingBody>,
}

/// The body of a request on its way to the endpoint.
type OutgoingBody = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

impl Upstream {
    /// The endpoint at this URL, such as `https://s3.eu-central-1.amazonaws.com`. Its buckets are
    /// in the path. Without credentials, requests are not signed.
    ///
    /// # Errors
    ///
    /// When the URL has no host, a scheme that is not `http` or `https`, or a query, and when the
    /// certificates of the system cannot be used.
    pub fn new(
        url: &str,
        region: impl Into<String>,
        credentials: Option<AwsCredentialProvider>,
    ) -> io::Result<Self> {
        let refused = |why: &str| {
            // A URL with credentials is not repeated.
            let url = Some(url)
                .filter(|url| !url.contains('@'))
                .unwrap_or("the URL");
            let text = format!("{url:?} cannot be an upstream: {why}");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let uri: Uri = url.parse().map_err(|error| refused(&format!("{error}")))?;
        if uri.query().is_some() {
            return Err(refused("it has a query"));
        }
        let base = uri.path().trim_end_matches('/').to_owned();
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(refused("it is written http://HOST:PORT or https://HOST"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(refused("its scheme is neither http nor https"));
        }
        if authority.as_str().contains('@') {
            return Err(refused("credentials are not part of a URL"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(provider)?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            inner: Arc::new(Inner {
                scheme,
                authority,
                base,
                region: region.into(),
                credentials,
                client: Client::builder(TokioExecutor::new()).build(connector),
            }),
        })
    }

    /// Sends a request that is signed.
    async fn send(&self, request: Request<OutgoingBody>) -> S3Result<Response<Incoming>> {
        let sent = self.inner.client.request(request).await;
        sent.map_err(|error| self.unreachable(&error))
    }

    /// The response to a client whose request found no response.
    fn unreachable(&self, error: &(dyn StdError + 'static)) -> S3Error {
        let mut text = format!("the upstream {self} did not respond: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        bad_gateway(text)
    }
}

/// The URL.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            scheme,
            authority,
            base,
            ..
        } = &*self.inner;
        write!(f, "{scheme}://{authority}{base}")
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.to_string()).finish()
    }
}

impl S3ServerBuilder {
    /// Passes requests on to another endpoint instead of serving a directory. There is no
    /// [`root`](Self::root) then, and no bucket is created.
    pub fn upstream(mut self, upstream: Upstream) -> Self {
        self.backend = Some(Arc::new(UpstreamBackend::new(upstream)));
        self
    }
}

fn bad_gateway(text: String) -> S3Error {
    let code = S3ErrorCode::Custom("BadGateway".into());
    let mut error = S3Error::with_message(code, text);
    error.set_status_code(hyper::StatusCode::BAD_GATEWAY);
    error
}
