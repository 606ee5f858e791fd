//! The inner service is ready before each attempt.

use std::io;

use http::Method;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, ServiceExt};

use crate::script::Script;
use crate::script::Step::Status;
use crate::{begins, get, layer, request, seconds};

#[tokio::test(start_paused = true)]
async fn every_attempt_waits_until_the_service_is_ready() {
    let script = Script::new([Status(503, &[]), Status(503, &[]), Status(200, &[])]);
    let script = script.ready_after(seconds(10));
    get(&layer(), &script).await.unwrap();
    // A delay, and the time to become ready.
    assert_eq!(begins(&script), [0, 11, 23].map(seconds));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_never_ready_again_ends_the_call() {
    let script = Script::new([Status(503, &[])]).never_ready_after(1);
    let error = get(&layer(), &script).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    assert_eq!(begins(&script).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_holds_no_place_of_the_service() {
    let script = Script::new([Status(503, &[]), Status(200, &[]), Status(200, &[])]);
    let service = ConcurrencyLimitLayer::new(1).layer(script.clone());
    let service = layer().layer(service);
    let first = service.clone().oneshot(request(Method::GET));
    let second = service.oneshot(request(Method::GET));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().status(), 200);
    assert_eq!(second.unwrap().status(), 200);
    // The second call was not behind the delay of the first.
    assert_eq!(begins(&script), [0, 0, 1].map(seconds));
}
