//! What the calls of a layer share: the budget and the pacer.

use std::sync::Arc;

use http::Method;
use tower::{Layer, ServiceExt};
use undaunted::{Pacer, RetryBudget};

use crate::script::Script;
use crate::script::Step::Status;
use crate::{begins, get, layer, request, seconds};

#[tokio::test(start_paused = true)]
async fn the_budget_ends_retries_while_everything_fails() {
    // For two retries of transient failures.
    let budget = Arc::new(RetryBudget::with_capacity_and_refill(28, 0));
    let layer = layer().budget(budget);
    let script = Script::new([503; 3].map(|status| Status(status, &[])));
    let response = get(&layer, &script).await.unwrap();
    assert_eq!(response.status(), 503);
    // Another call, which finds nothing left.
    let script = Script::new([Status(503, &[])]);
    let response = get(&layer, &script).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), begins(&script).len()),
        (503, 1)
    );
    // Without a budget all retries are made.
    let script = Script::new([503; 4].map(|status| Status(status, &[])));
    get(&layer.without_budget(), &script).await.unwrap();
    assert_eq!(begins(&script).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_service_that_throttles_wait_for_their_turns() {
    let pacer = Arc::new(Pacer::new());
    let layer = layer().pacer(pacer.clone());
    let script = Script::new([Status(429, &[("retry-after", "3")]), Status(200, &[])]);
    assert!(!pacer.is_active());
    get(&layer, &script).await.unwrap();
    assert!(pacer.is_active());
    let delay = begins(&script)[1];
    assert!(delay >= seconds(3), "{delay:?}");
    // A POST that was throttled was not processed, and waits for its turn as well.
    let script = Script::new([Status(429, &[]), Status(200, &[])]);
    let service = layer.layer(script.clone());
    service.oneshot(request(Method::POST)).await.unwrap();
    assert_eq!(begins(&script).len(), 2);
}
