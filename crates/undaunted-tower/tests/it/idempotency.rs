//! Which requests are repeated.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Method};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use undaunted_tower::{HttpProtocol, Protocol, RetryLayer};

use crate::script::Step::{Fails, Hangs, Status};
use crate::script::{Script, Step};
use crate::{begins, builder, layer, request, seconds};

/// The number of attempts at a request that first meets `step`, and then success.
async fn attempts<R>(layer: &RetryLayer<R>, method: &Method, step: Step) -> usize
where
    R: Protocol<http::Request<Full<Bytes>>, http::Response<Full<Bytes>>, io::Error>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let script = Script::new([step, Status(200, &[])]);
    let _ = layer
        .layer(script.clone())
        .oneshot(request(method.clone()))
        .await;
    begins(&script).len()
}

fn timed() -> RetryLayer {
    RetryLayer::new(builder().attempt_timeout(Some(seconds(5))).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_post_is_repeated_only_if_it_was_not_processed() {
    for method in [Method::POST, Method::PATCH] {
        for (step, want) in [
            // The service did nothing.
            (Status(429, &[]), 2),
            (Status(503, &[("x-ms-error-code", "ServerBusy")]), 2),
            (Fails(io::ErrorKind::ConnectionRefused), 2),
            // Nobody knows.
            (Status(500, &[]), 1),
            (Status(503, &[]), 1),
            (Status(503, &[("retry-after", "1")]), 1),
            (Fails(io::ErrorKind::ConnectionReset), 1),
            (Fails(io::ErrorKind::TimedOut), 1),
            (Hangs, 1),
        ] {
            assert_eq!(attempts(&timed(), &method, step).await, want, "{method}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_request_is_repeated_after_any_failure_that_may_pass() {
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
    ];
    for method in methods {
        for step in [
            Status(503, &[]),
            Fails(io::ErrorKind::ConnectionReset),
            Hangs,
        ] {
            assert_eq!(attempts(&timed(), &method, step).await, 2, "{method}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_with_an_idempotency_key_is_repeated() {
    let script = Script::new([Status(503, &[]), Status(200, &[])]);
    let mut post = request(Method::POST);
    let key = HeaderValue::from_static("1f3c");
    post.headers_mut().insert("idempotency-key", key);
    let response = layer().layer(script.clone()).oneshot(post).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn all_requests_are_repeated_by_choice() {
    let layer = layer().protocol(HttpProtocol::new().retry_non_idempotent());
    assert_eq!(attempts(&layer, &Method::POST, Status(503, &[])).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_copy_of_its_body_is_made_once() {
    let protocol = HttpProtocol::new().clone_body_with(|_: &Full<Bytes>| None);
    let layer = layer().protocol(protocol);
    assert_eq!(attempts(&layer, &Method::GET, Status(503, &[])).await, 1);
    let protocol = HttpProtocol::new().clone_body_with(|body: &Full<Bytes>| Some(body.clone()));
    let layer = layer.protocol(protocol);
    assert_eq!(attempts(&layer, &Method::GET, Status(503, &[])).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_repeated_says_why() {
    let said = |layer: RetryLayer| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&lines);
        let layer = layer.on_event(move |event| listener.lock().unwrap().push(event.to_string()));
        (layer, lines)
    };
    for (method, step, words) in [
        (Method::POST, Status(503, &[]), "not safe to repeat"),
        (Method::POST, Hangs, "HttpProtocol::retry_non_idempotent()"),
        (
            Method::PATCH,
            Fails(io::ErrorKind::ConnectionReset),
            "Idempotency-Key",
        ),
        // It would not be repeated in any case.
        (Method::POST, Fails(io::ErrorKind::NotFound), "not found"),
    ] {
        let (layer, lines) = said(timed());
        assert_eq!(attempts(&layer, &method, step).await, 1);
        let lines = lines.lock().unwrap();
        assert!(lines[0].contains(words), "{lines:?}");
        let is_said = lines[0].contains("safe to repeat");
        assert_eq!(is_said, words != "not found", "{lines:?}");
    }
}
