//! hyper-util's client with retries and a header on each request, against an S3 server that fails
//! half of all reads.
//!
//! `cargo run -p undaunted-tower --example hyper`

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStoreExt, PutPayload};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::set_header::SetRequestHeaderLayer;
use undaunted::{RetryConfig, RetryReport};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{FaultPlan, Operation, Rates};
use undaunted_tower::RetryLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let attempts = read_through_faults(20).await?;
    println!("read 20 objects with {attempts} requests");
    Ok(())
}

/// Reads an object this many times, and returns how many requests that took.
pub(crate) async fn read_through_faults(reads: u32) -> Result<u32, Box<dyn Error + Send + Sync>> {
    let service = failing_service().await?;
    let config = RetryConfig::builder()
        .max_retries(10)
        .base_delay(Duration::from_millis(5))
        .attempt_timeout(Some(Duration::from_secs(5)))
        .build()?;
    let agent = HeaderValue::from_static("example/1.0");
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(config).name("read").with_reports())
        // What is inside sees each attempt.
        .layer(SetRequestHeaderLayer::overriding(header::USER_AGENT, agent))
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let mut attempts = 0;
    for _ in 0..reads {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&service.url)
            .body(Full::default())?;
        let response = client.clone().oneshot(request).await?;
        let report = response.extensions().get::<RetryReport>();
        attempts += report.map_or(0, RetryReport::attempts);
        // The layer ends with the head of the response. A body that breaks is the caller's.
        let body = response.into_body().collect().await?.to_bytes();
        assert_eq!(body, "the object");
    }
    assert_eq!(
        service.server.plan().calls(Operation::Get),
        u64::from(attempts)
    );
    Ok(attempts)
}

struct Service {
    server: S3Server,
    url: String,
}

/// An S3 server that fails half of all requests, and a signed URL of an object there.
async fn failing_service() -> Result<Service, Box<dyn Error + Send + Sync>> {
    let rates = Rates {
        before: 0.2,
        error: 0.2,
        after: 0.1,
        ..Rates::default()
    };
    let plan = FaultPlan::seeded(7, rates);
    // A response that never comes is given up soon.
    let hang = Duration::from_millis(50);
    let server = S3Server::builder().plan(plan).hang(hang).start().await?;
    let mut store = AmazonS3Builder::new().with_bucket_name("bucket");
    for (key, value) in server.object_store_options() {
        store = store.with_config(key.parse()?, value);
    }
    let store = store.build()?;
    let path = Path::from("object");
    store.put(&path, PutPayload::from("the object")).await?;
    let url = store
        .signed_url(Method::GET, &path, Duration::from_secs(600))
        .await?;
    Ok(Service {
        server,
        url: url.to_string(),
    })
}
