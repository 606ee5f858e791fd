//! An S3 server, a client that does not retry, and what went over the wire between them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{ObjectStoreExt, RetryConfig};
use undaunted_chaos::server::{S3Server, S3ServerBuilder};
use undaunted_chaos::{Fault, Operation, Rule};

pub(crate) async fn start(builder: S3ServerBuilder) -> (S3Server, AmazonS3) {
    let server = builder.start().await.unwrap();
    let client = client(&server).build().unwrap();
    (server, client)
}

/// The same, and the responses as they come in. Bodies reach the client only as a whole.
pub(crate) async fn spied(builder: S3ServerBuilder) -> (S3Server, AmazonS3, Spy) {
    let server = builder.start().await.unwrap();
    let spy = Spy::default();
    let client = client(&server).with_http_connector(spy.clone());
    (server, client.build().unwrap(), spy)
}

fn client(server: &S3Server) -> AmazonS3Builder {
    configured(server.object_store_options())
}

/// A client with these options, the last of each name.
pub(crate) fn client_with(options: impl IntoIterator<Item = (String, String)>) -> AmazonS3 {
    configured(options).build().unwrap()
}

fn configured(options: impl IntoIterator<Item = (String, String)>) -> AmazonS3Builder {
    let client = AmazonS3Builder::new().with_bucket_name("bucket");
    options
        .into_iter()
        .fold(client, |client, (key, value)| {
            client.with_config(key.parse().unwrap(), value)
        })
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        })
}

/// A server with a bucket in which `a/b` is `0123456789`, and this fault for this operation.
pub(crate) async fn one_fault(operation: Operation, fault: Fault) -> (S3Server, AmazonS3, Spy) {
    let (server, client, spy) = spied(S3Server::builder()).await;
    client.put(&key(), "0123456789".into()).await.unwrap();
    server.plan().add(Rule::new(operation, fault).always());
    (server, client, spy)
}

pub(crate) fn key() -> Path {
    Path::from("a/b")
}

/// A connector that keeps a copy of every response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spy {
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A response as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// What of the body came, and whether it came in full.
    pub(crate) body: String,
    pub(crate) is_whole: bool,
}

impl Spy {
    /// The newest response.
    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What it says its length is.
    pub(crate) fn length(&self) -> Option<usize> {
        self.header("content-length")
            .map(|length| length.parse().unwrap())
    }
}

impl HttpConnector for Spy {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        let spy = self.clone();
        Ok(HttpClient::new(SpiedService { inner, spy }))
    }
}

#[derive(Debug)]
struct SpiedService {
    inner: HttpClient,
    spy: Spy,
}

#[async_trait]
impl HttpService for SpiedService {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = self.inner.execute(request).await?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap().to_owned();
            (name.to_string(), value)
        });
        let headers = headers.collect();
        let mut whole = Vec::new();
        let mut chunks = body.bytes_stream();
        let error = loop {
            match futures::StreamExt::next(&mut chunks).await {
                Some(Ok(chunk)) => whole.extend_from_slice(&chunk),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        self.spy.seen.lock().unwrap().push(Seen {
            status: head.status.as_u16(),
            headers,
            body: String::from_utf8_lossy(&whole).into_owned(),
            is_whole: error.is_none(),
        });
        if let Some(error) = error {
            return Err(error);
        }
        let body = HttpResponseBody::from(Bytes::from(whole));
        Ok(HttpResponse::from_parts(head, body))
    }
}
