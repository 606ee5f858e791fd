//! Limits of time, and calls that are dropped.

use std::io;
use std::sync::Arc;

use tokio::time::{Instant, timeout};
use undaunted::RetryBudget;
use undaunted_tower::RetryLayer;

use crate::script::Script;
use crate::script::Step::{Fails, Hangs, Status};
use crate::{begins, builder, get, layer, seconds};

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_cut_and_repeated() {
    let config = builder().attempt_timeout(Some(seconds(5))).build().unwrap();
    let script = Script::new([Hangs, Status(200, &[])]);
    get(&RetryLayer::new(config), &script).await.unwrap();
    assert_eq!(begins(&script), [0, 6].map(seconds));
    assert_eq!(script.shared().lock().unwrap().running, 0);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_the_call() {
    let config = builder().total_timeout(Some(seconds(10))).build().unwrap();
    let layer = RetryLayer::new(config);
    let begin = Instant::now();
    let error = get(&layer, &Script::new([Hangs])).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "timed out after 10s in all");
    assert_eq!(begin.elapsed(), seconds(10));

    // An earlier error says more than the limit.
    let script = Script::new([Fails(io::ErrorKind::ConnectionReset), Hangs]);
    let error = get(&layer, &script).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

    // An earlier response is gone, since it would have held its connection.
    let script = Script::new([Status(503, &[]), Hangs]);
    let error = get(&layer, &script).await.unwrap_err();
    assert_eq!(error.to_string(), "timed out after 10s in all");

    // A wait that would end after the deadline does not begin.
    let script = Script::new([Status(503, &[("retry-after", "60")])]);
    let begin = Instant::now();
    let response = get(&layer, &script).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), begin.elapsed()),
        (503, seconds(0))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_nothing_behind() {
    let budget = Arc::new(RetryBudget::new());
    let layer = layer().budget(budget.clone());
    let full = budget.tokens();
    // In the middle of an attempt.
    let script = Script::new([Hangs]);
    let call = timeout(seconds(1), get(&layer, &script)).await;
    assert!(call.is_err());
    assert_eq!(script.shared().lock().unwrap().running, 0);
    // In a wait, whose retry was paid for.
    let script = Script::new([Status(503, &[("retry-after", "60")])]);
    let call = timeout(seconds(1), get(&layer, &script)).await;
    assert!(call.is_err());
    assert_eq!(budget.tokens(), full);
}
