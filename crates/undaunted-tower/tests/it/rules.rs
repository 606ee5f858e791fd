//! Rules of the user's own, on responses and on errors.

use std::error::Error;
use std::io;

use http::{Method, Response};
use tower::{Layer, ServiceExt};
use undaunted::builder::AsError;
use undaunted::{RetryReport, Rules, StopReason, Verdict};
use undaunted_tower::{ByClone, ByRules, HttpProtocol, RetryLayer};

use crate::script::Step::{Fails, Status};
use crate::script::{Body, Script, Step};
use crate::{begins, layer, request, seconds};

fn rules() -> Rules {
    Rules::builder()
        .retryable_status([423])
        .permanent_status([500])
        .throttled_codes(["ServerIsTired"])
        .classify("our lock", |error| {
            let error = error.downcast_ref::<io::Error>()?;
            (error.kind() == io::ErrorKind::PermissionDenied).then_some(Verdict::TRANSIENT)
        })
        .build()
        .unwrap()
}

fn ruled<W>() -> RetryLayer<HttpProtocol<ByClone, ByRules<W>>> {
    layer()
        .with_reports()
        .protocol(HttpProtocol::new().rules(rules()))
}

/// The response to a request that meets these steps.
async fn send(method: Method, script: &Script) -> Result<Response<Body>, io::Error> {
    let service = ruled().layer(script.clone());
    service.oneshot(request(method)).await
}

fn report(response: &Response<Body>) -> &RetryReport {
    response.extensions().get().unwrap()
}

/// The rules that decided about the failures.
fn decided(response: &Response<Body>) -> Vec<Option<&str>> {
    let failures = report(response).failures().iter();
    failures.map(|failure| failure.rule.as_deref()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_status_of_the_users_own_is_transient() {
    let hint = &[("retry-after", "7")];
    let script = Script::new([Status(423, hint), Status(503, &[]), Status(200, &[])]);
    let response = send(Method::GET, &script).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(decided(&response), [Some("retryable_status 423"), None]);
    let wait = begins(&script)[1];
    assert!(wait >= seconds(7) && wait <= seconds(9), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_of_the_users_own_is_permanent_and_reported_as_a_failure() {
    let script = Script::new([Status(500, &[])]);
    let response = send(Method::GET, &script).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(decided(&response), [Some("permanent_status 500")]);
    assert_eq!(report(&response).stop_reason(), Some(StopReason::Permanent));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_failure_by_a_rule_only() {
    let steps = || [Status(302, &[]), Status(200, &[])];
    let script = Script::new(steps());
    let response = layer().layer(script).oneshot(request(Method::GET)).await;
    assert_eq!(response.unwrap().status(), 302);
    let rules = Rules::builder().retryable_status([302]).build().unwrap();
    let layer = layer().protocol(HttpProtocol::new().rules(rules));
    let response = layer.layer(Script::new(steps()));
    let response = response.oneshot(request(Method::GET)).await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_code_in_the_headers_comes_before_the_status() {
    let code = &[("x-ms-error-code", "ServerIsTired")];
    let script = Script::new([Status(500, code), Status(200, &[])]);
    let response = send(Method::GET, &script).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(decided(&response), [Some("throttled_codes ServerIsTired")]);
}

#[tokio::test(start_paused = true)]
async fn rules_are_no_evidence_that_a_post_was_not_processed() {
    let script = Script::new([Status(423, &[])]);
    let response = send(Method::POST, &script).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), begins(&script).len()),
        (423, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn errors_are_judged_by_the_rules_boxed_or_not() {
    let steps = || [Fails(io::ErrorKind::PermissionDenied), Status(200, &[])];
    let response = send(Method::GET, &Script::new(steps())).await.unwrap();
    assert_eq!(decided(&response), [Some("classify our lock")]);
    let response = boxed::<Box<dyn Error + Send + Sync>, _>(steps()).await;
    assert_eq!(decided(&response), [Some("classify our lock")]);
}

async fn boxed<E, W>(steps: [Step; 2]) -> Response<Body>
where
    E: From<io::Error> + undaunted::Retryable + AsError<W> + Send + std::fmt::Debug + 'static,
    W: 'static,
{
    let client = Script::new(steps).map_err(E::from);
    let service = ruled::<W>().layer(client);
    service.oneshot(request(Method::GET)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn without_rules_the_status_decides() {
    let script = Script::new([Status(423, &[])]);
    let service = layer().layer(script.clone());
    let response = service.oneshot(request(Method::GET)).await.unwrap();
    assert_eq!(response.status(), 423);
}
