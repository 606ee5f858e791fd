//! Which attempts are made when, and what the caller gets.

use std::io;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use undaunted::{RetryReport, StopReason};

use crate::script::Script;
use crate::script::Step::{Fails, Status};
use crate::{begins, get, layer, seconds};

#[tokio::test(start_paused = true)]
async fn failed_responses_and_errors_are_retried_after_the_delays() {
    let script = Script::new([
        Status(503, &[]),
        Fails(io::ErrorKind::ConnectionReset),
        Status(500, &[]),
        Status(200, &[]),
    ]);
    let response = get(&layer(), &script).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(begins(&script), [0, 1, 3, 7].map(seconds));
    let bodies = script.shared().lock().unwrap().bodies.clone();
    assert_eq!(bodies, ["sent"; 4]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_at_least_what_the_service_asks_for() {
    let hint = &[("retry-after", "7")];
    let script = Script::new([Status(429, hint), Status(200, &[])]);
    get(&layer(), &script).await.unwrap();
    let delay = begins(&script)[1];
    assert!(delay >= seconds(7) && delay <= seconds(9), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_response_reaches_the_caller_as_it_came() {
    let script = Script::new([503, 503, 503, 502].map(|status| Status(status, &[])));
    let response = get(&layer(), &script).await.unwrap();
    assert_eq!(response.status(), 502);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "the body");
    assert_eq!(begins(&script).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_reaches_the_caller_as_it_came() {
    let script = Script::new([
        Status(503, &[]),
        Fails(io::ErrorKind::ConnectionReset),
        Status(503, &[]),
        Fails(io::ErrorKind::BrokenPipe),
    ]);
    let error = get(&layer(), &script).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_cannot_change_is_returned_immediately() {
    for status in [204, 304, 400, 403, 404, 409, 412, 501, 507] {
        let script = Script::new([Status(status, &[])]);
        let response = get(&layer(), &script).await.unwrap();
        assert_eq!(response.status(), status);
    }
    let script = Script::new([Fails(io::ErrorKind::InvalidInput)]);
    let error = get(&layer(), &script).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn events_and_reports_say_what_was_done() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let layer = layer()
        .name("search")
        .with_reports()
        .on_event(move |event| {
            let subject = event.subject.map(ToString::to_string);
            seen.lock().unwrap().push((event.to_string(), subject));
        });
    let script = Script::new([Status(503, &[]), Status(200, &[])]);
    let response = get(&layer, &script).await.unwrap();
    let report: &RetryReport = response.extensions().get().unwrap();
    assert_eq!((report.operation(), report.attempts()), ("search", 2));
    assert_eq!(report.delays(), [seconds(1)]);

    let script = Script::new([503, 503, 503, 503].map(|status| Status(status, &[])));
    let response = get(&layer, &script).await.unwrap();
    let report: &RetryReport = response.extensions().get().unwrap();
    assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));

    let (text, subject) = events.lock().unwrap()[0].clone();
    assert_eq!(
        text,
        "Retry attempt 1/3 for search GET localhost/a after 1.00s: HTTP status 503"
    );
    // Without its query, where signatures are.
    assert_eq!(subject.as_deref(), Some("GET localhost/a"));
    assert_eq!(events.lock().unwrap().len(), 6);
}
