//! Requests that no client of the other tests makes: signed URLs with headers of our own.

#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use http::{HeaderMap, Method};
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpRequest, ReqwestConnector,
};
use object_store::signer::Signer;
use undaunted_chaos::server::{S3Server, S3ServerBuilder};
use undaunted_chaos::{Failure, Fault, Operation, Rule};

use common::s3::{client_with, key};

mod common;

/// A server with a bucket in which `a/b` is `0123456789`.
struct Served {
    server: S3Server,
    client: AmazonS3,
    http: HttpClient,
}

/// A response that has come in full.
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Served {
    async fn new(builder: S3ServerBuilder) -> Self {
        let server = builder.start().await.unwrap();
        let client = client_with(server.object_store_options());
        client.put(&key(), "0123456789".into()).await.unwrap();
        let options = ClientOptions::new().with_allow_http(true);
        let http = ReqwestConnector::default().connect(&options).unwrap();
        Self {
            server,
            client,
            http,
        }
    }

    /// A request with these headers, to the URL that the client signs.
    async fn ask(&self, client: &AmazonS3, method: Method, headers: &[(&str, &str)]) -> Seen {
        let (key, lasts) = (key(), Duration::from_secs(60));
        let url = client.signed_url(method.clone(), &key, lasts);
        let url = url.await.unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let mut request = http::Request::new("x".to_owned().into());
        *request.method_mut() = method;
        // Whatever its name is, the host is here.
        let here = url
            .as_str()
            .replacen(&host, &self.server.address().to_string(), 1);
        *request.uri_mut() = here.parse().unwrap();
        let all = headers.iter().copied().chain([("host", host.as_str())]);
        for (name, value) in all {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let request: HttpRequest = request;
        let (head, body) = self.http.execute(request).await.unwrap().into_parts();
        let body = body.bytes().await.unwrap();
        Seen {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn content(&self) -> String {
        common::content(&self.client, &key()).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_not_done_is_refused_and_loses_nothing() {
    let served = Served::new(S3Server::builder()).await;
    for (method, header, value, status, code) in [
        (
            Method::DELETE,
            "if-match",
            "\"other\"",
            412,
            "PreconditionFailed",
        ),
        (
            Method::PUT,
            "if-none-match",
            "\"other\"",
            501,
            "NotImplemented",
        ),
        (
            Method::PUT,
            "x-amz-write-offset-bytes",
            "10",
            501,
            "NotImplemented",
        ),
        (
            Method::GET,
            "x-amz-expected-bucket-owner",
            "1",
            403,
            "AccessDenied",
        ),
    ] {
        let refused = served.ask(&served.client, method, &[(header, value)]).await;
        assert_eq!(refused.status, status, "{header}: {}", refused.body);
        let body = &refused.body;
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
        let id = refused.headers["x-amz-request-id"].to_str().unwrap();
        let element = format!("<RequestId>{id}</RequestId>");
        assert!(body.contains(&element), "{body}");
        assert_eq!(served.content().await, "0123456789");
    }
}

#[tokio::test]
async fn ranges_are_taken_as_by_s3() {
    let served = Served::new(S3Server::builder()).await;
    for (range, status, body) in [
        ("bytes=2-4", 206, "234"),
        ("bytes=8-99999999999999999999", 206, "89"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("bytes=4-2", 200, "0123456789"),
        ("items=0-1", 200, "0123456789"),
    ] {
        let headers = [("range", range)];
        let seen = served.ask(&served.client, Method::GET, &headers).await;
        assert_eq!((seen.status, seen.body.as_str()), (status, body), "{range}");
        assert!(!seen.headers.contains_key("x-undaunted-range"));
        let head = served.ask(&served.client, Method::HEAD, &headers).await;
        assert_eq!(head.status, status, "{range}");
    }
    let beyond = [("range", "bytes=10-")];
    let beyond = served.ask(&served.client, Method::GET, &beyond).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.headers["content-range"], "bytes */10");
    // A range opens nothing without a signature.
    let mut other = served.server.object_store_options();
    other.push(("aws_secret_access_key".to_owned(), "other".to_owned()));
    let other = client_with(other);
    let ignored = [("range", "items=0-1")];
    assert_eq!(served.ask(&other, Method::GET, &ignored).await.status, 403);
}

#[tokio::test]
async fn the_bucket_may_be_in_the_name_of_the_host() {
    let served = Served::new(S3Server::builder()).await;
    let port = served.server.address().port();
    let mut options = served.server.object_store_options();
    for (name, value) in [
        ("aws_endpoint", format!("http://bucket.localhost:{port}")),
        ("aws_virtual_hosted_style_request", "true".to_owned()),
    ] {
        options.push((name.to_owned(), value));
    }
    let client = client_with(options);
    let got = served.ask(&client, Method::GET, &[]).await;
    assert_eq!((got.status, got.body.as_str()), (200, "0123456789"));
    let requests = served.server.requests();
    let record = requests.last().unwrap();
    assert_eq!(record.path, "/bucket/a/b");
    assert_eq!(
        (record.operation, record.key.as_str()),
        (Operation::Get, "a/b")
    );

    let fault = Fault::FailBefore(Failure::status(503));
    let rule = Rule::new(Operation::Get, fault).key("a/b");
    served.server.plan().add(rule);
    assert_eq!(served.ask(&client, Method::GET, &[]).await.status, 503);
}
