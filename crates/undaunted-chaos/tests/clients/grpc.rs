//! tonic 0.14.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};
use tower_service::Service;
use undaunted::{Retryable, Verdict, retry};

use crate::places::{place, says};

/// What a method of the service fails with, and what it means.
const CODES: &[(Code, &str)] = &[
    (Code::Cancelled, "transient"),
    (Code::Unknown, "transient"),
    (Code::InvalidArgument, "permanent"),
    (Code::DeadlineExceeded, "transient"),
    (Code::NotFound, "permanent"),
    (Code::AlreadyExists, "permanent"),
    (Code::PermissionDenied, "permanent"),
    (Code::ResourceExhausted, "throttled"),
    (Code::FailedPrecondition, "permanent"),
    (Code::Aborted, "transient"),
    (Code::OutOfRange, "permanent"),
    (Code::Unimplemented, "permanent"),
    (Code::Internal, "transient"),
    (Code::Unavailable, "transient"),
    (Code::DataLoss, "permanent"),
    (Code::Unauthenticated, "permanent"),
];

/// HTTP statuses of proxies, which say nothing of gRPC.
const STATUSES: &[(u16, &str)] = &[
    (401, "permanent"),
    (403, "permanent"),
    (404, "permanent"),
    (429, "transient"),
    (500, "transient"),
    (502, "transient"),
    (503, "transient"),
    (504, "transient"),
];

/// A service whose methods fail, each with what its name says.
#[derive(Clone)]
struct Failing;

impl NamedService for Failing {
    const NAME: &'static str = "test.Failing";
}

impl Service<Request<Body>> for Failing {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move { Ok(fail(&method).await) })
    }
}

async fn fail(method: &str) -> Response<Body> {
    let (kind, value) = method.split_once('-').unwrap_or((method, ""));
    let exhausted = |details| Status::with_error_details(Code::ResourceExhausted, "", details);
    let status = match kind {
        "code" => Status::new(Code::from_i32(value.parse().unwrap()), "failed"),
        "http" => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = value.parse().unwrap();
            return response;
        }
        "retry_info" => exhausted(ErrorDetails::with_retry_info(Some(HINT))),
        "pushback" => {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-retry-pushback-ms", value.parse().unwrap());
            Status::with_metadata(Code::Unavailable, "", metadata)
        }
        _ => {
            sleep(Duration::from_secs(600)).await;
            Status::internal("nobody waits for this")
        }
    };
    status.into_http()
}

/// A channel to the service.
async fn channel() -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(Failing);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    lazily(&format!("http://{address}"))
}

fn lazily(url: &str) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    endpoint.timeout(Duration::from_millis(500)).connect_lazy()
}

async fn call(channel: &Channel, method: &str) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    let not_ready = |error: tonic::transport::Error| Status::from_error(error.into());
    client.ready().await.map_err(not_ready)?;
    let path = PathAndQuery::try_from(format!("/test.Failing/{method}")).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    client.unary(tonic::Request::new(()), path, codec).await?;
    Ok(())
}

#[tokio::test]
async fn every_code_has_its_verdict() {
    let channel = channel().await;
    for (code, want) in CODES {
        let method = format!("code-{}", *code as i32);
        let status = call(&channel, &method).await.unwrap_err();
        assert_eq!(status.code(), *code);
        assert_eq!(status.verdict().as_str(), *want, "{status:?}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = status.into();
        assert_eq!(boxed.verdict().as_str(), *want, "{code:?}, boxed");
    }
    for (status, want) in STATUSES {
        let error = call(&channel, &format!("http-{status}")).await.unwrap_err();
        assert_eq!(error.verdict().as_str(), *want, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn what_the_service_asks_for_is_the_hint() {
    let channel = channel().await;
    let hint = Some(HINT);
    let status = call(&channel, "retry_info").await.unwrap_err();
    assert_eq!(status.verdict(), Verdict::Throttled { retry_after: hint });
    let status = call(&channel, "pushback-1500").await.unwrap_err();
    assert_eq!(status.verdict(), Verdict::Transient { retry_after: hint });
    let status = call(&channel, "pushback--1").await.unwrap_err();
    assert_eq!(status.verdict(), Verdict::Permanent);
}

#[tokio::test]
async fn failures_of_connections_are_transient() {
    let status = call(&channel().await, "slow").await.unwrap_err();
    assert_eq!(status.verdict(), Verdict::TRANSIENT, "{status:?}");
    for name in [
        "connection refused",
        "unknown host",
        "response that is not HTTP",
    ] {
        let place = place(name).await;
        let status = call(&lazily(&place.url), "code-0").await.unwrap_err();
        assert_eq!(status.verdict(), Verdict::TRANSIENT, "{name}: {status:?}");
    }
    let closed = says("").await;
    let status = call(&lazily(&closed), "code-0").await.unwrap_err();
    assert_eq!(status.verdict(), Verdict::TRANSIENT, "closed: {status:?}");
}

#[retry(max_retries = 2, base_delay = "1ms")]
async fn retried(channel: &Channel, attempts: &mut u32) -> Result<(), Status> {
    *attempts += 1;
    call(channel, "code-14").await
}

#[tokio::test]
async fn a_retried_function_needs_no_more_than_the_attribute() {
    let mut attempts = 0;
    let status = retried(&channel().await, &mut attempts).await.unwrap_err();
    assert_eq!((status.code(), attempts), (Code::Unavailable, 3));
}

const HINT: Duration = Duration::from_millis(1_500);
