//! The layer over a service whose responses are written down, in virtual time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod attempts;
mod bodies;
mod idempotency;
mod limits;
mod readiness;
mod script;
mod shared;

use std::io;
use std::time::Duration;

use http::{Method, Request, Response};
use tower::{Layer, ServiceExt};
use undaunted::{Jitter, RetryConfig, RetryConfigBuilder};
use undaunted_tower::RetryLayer;

use script::{Body, Script};

/// Delays of 1 s, 2 s and 4 s.
fn builder() -> RetryConfigBuilder {
    RetryConfig::builder().jitter(Jitter::None)
}

fn layer() -> RetryLayer {
    RetryLayer::new(builder().build().unwrap())
}

fn request(method: Method) -> Request<Body> {
    let request = Request::builder().method(method);
    request
        .uri("http://localhost/a?secret")
        .body("sent".into())
        .unwrap()
}

/// The response to a GET through this layer.
async fn get(layer: &RetryLayer, script: &Script) -> io::Result<Response<Body>> {
    layer
        .layer(script.clone())
        .oneshot(request(Method::GET))
        .await
}

/// When the attempts began, from the first.
fn begins(script: &Script) -> Vec<Duration> {
    let shared = script.shared();
    let shared = shared.lock().unwrap();
    let first = shared.began[0];
    shared.began.iter().map(|began| *began - first).collect()
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}
