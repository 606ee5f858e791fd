//! Deadlines of the code around a request.

use std::io;

use http::{Method, Response};
use tokio::time::Instant;
use tower::{Layer, ServiceExt};
use undaunted::{
    RetryReport, StopReason, TimedOut, one_attempt, with_deadline, with_retry, without_deadline,
};
use undaunted_tower::RetryLayer;

use crate::script::Step::{Fails, Hangs, Status};
use crate::script::{Body, Script};
use crate::{begins, builder, get, layer, request, seconds};

fn after(number: u64) -> Instant {
    Instant::now() + seconds(number)
}

/// The response to a GET through this layer.
async fn send(layer: RetryLayer, script: Script) -> io::Result<Response<Body>> {
    get(&layer, &script).await
}

fn limit(error: &io::Error) -> Option<&TimedOut> {
    error.get_ref()?.downcast_ref()
}

fn deadline(number: u64) -> TimedOut {
    TimedOut::Deadline {
        limit: seconds(number),
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_cut_at_the_deadline() {
    let begin = Instant::now();
    let script = Script::new([Hangs]);
    let call = with_deadline(after(10), send(layer(), script.clone()));
    let error = call.await.unwrap_err();
    assert_eq!(limit(&error), Some(&deadline(10)));
    assert_eq!(begin.elapsed(), seconds(10));
    assert_eq!(script.shared().lock().unwrap().running, 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_gone_leaves_the_deadline_as_the_error() {
    let begin = Instant::now();
    let call = send(layer(), Script::new([Status(503, &[]), Hangs]));
    let error = with_deadline(after(10), call).await.unwrap_err();
    assert_eq!(limit(&error), Some(&deadline(10)));
    assert_eq!(begin.elapsed(), seconds(10));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_error_says_more_than_the_deadline() {
    let script = Script::new([Fails(io::ErrorKind::ConnectionReset), Hangs]);
    let call = with_deadline(after(10), send(layer(), script.clone()));
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_begun_and_the_response_is_the_callers() {
    let begin = Instant::now();
    let script = Script::new([Status(503, &[]), Status(503, &[("retry-after", "60")])]);
    let layer = layer().with_reports();
    let response = with_deadline(after(10), send(layer.clone(), script.clone())).await;
    let response = response.unwrap();
    assert_eq!(
        (response.status().as_u16(), begin.elapsed()),
        (503, seconds(1))
    );
    let report = response.extensions().get::<RetryReport>().unwrap();
    assert_eq!(report.stop_reason(), Some(StopReason::CallerDeadline));
    assert_eq!(report.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_limits_the_earlier_one_is_named() {
    let config = builder().total_timeout(Some(seconds(10))).build().unwrap();
    let layer = RetryLayer::new(config);
    for (caller, want) in [
        (5, deadline(5)),
        (20, TimedOut::Total { limit: seconds(10) }),
    ] {
        let call = send(layer.clone(), Script::new([Status(503, &[]), Hangs]));
        let error = with_deadline(after(caller), call).await.unwrap_err();
        assert_eq!(limit(&error), Some(&want));
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_made_after_the_deadline() {
    let script = Script::new([]);
    let call = with_deadline(Instant::now(), send(layer(), script.clone()));
    let error = call.await.unwrap_err();
    assert_eq!(limit(&error), Some(&deadline(0)));
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_nested_deadlines_counts() {
    for (inner, outer) in [(5, 60), (60, 5)] {
        let call = with_deadline(after(inner), send(layer(), Script::new([Hangs])));
        let error = with_deadline(after(outer), call).await.unwrap_err();
        assert_eq!(limit(&error), Some(&deadline(5)));
    }
    let script = Script::new([Status(503, &[]), Status(200, &[])]);
    let call = without_deadline(send(layer(), script.clone()));
    with_deadline(Instant::now(), call).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_retries_around_the_layer_too() {
    let begin = Instant::now();
    let script = Script::new([Hangs, Hangs, Hangs]);
    let (layer, config) = (layer(), builder().build().unwrap());
    let request = || with_deadline(after(3), send(layer.clone(), script.clone()));
    let error = with_deadline(after(8), with_retry(request, &config));
    let error = error.await.unwrap_err();
    assert_eq!(limit(&error), Some(&deadline(3)));
    // The second attempt begins after 4 s and ends after 7 s; no third would begin in time.
    assert_eq!(begins(&script), [0, 4].map(seconds));
    assert_eq!(begin.elapsed(), seconds(7));
}

#[tokio::test(start_paused = true)]
async fn a_layer_in_another_is_told_to_make_one_attempt() {
    let script = Script::new([503; 4].map(|status| Status(status, &[])));
    let inner = layer().layer(script.clone());
    let client = tower::service_fn(move |request| one_attempt(inner.clone().oneshot(request)));
    let service = layer().layer(client);
    let response = service.oneshot(request(Method::GET)).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(begins(&script).len(), 4);
}

/// That the first attempt was not sent shows nothing of the second.
#[tokio::test(start_paused = true)]
async fn a_post_that_was_cut_is_not_reported_as_one_that_was_not_sent() {
    for step in [Fails(io::ErrorKind::ConnectionRefused), Status(429, &[])] {
        let script = Script::new([step, Hangs]);
        let call = layer().layer(script.clone()).oneshot(request(Method::POST));
        let error = with_deadline(after(10), call).await.unwrap_err();
        assert_eq!(limit(&error), Some(&deadline(10)));
        assert_eq!(begins(&script).len(), 2);
    }
}
