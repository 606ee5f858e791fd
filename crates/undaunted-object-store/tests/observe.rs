//! What is observed of the operations within a future.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, RenameOptions};
use undaunted::{Jitter, RetryConfig, StopReason};
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Rule};
use undaunted_object_store::{Operation, RetryStore, observe};

type Store = RetryStore<FaultyStore<InMemory>>;

fn store(rules: impl IntoIterator<Item = Rule>) -> Store {
    let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
    let plan = FaultPlan::scripted(rules);
    RetryStore::new(FaultyStore::new(InMemory::new(), plan), config)
}

fn fails(operation: undaunted_chaos::Operation, count: u64) -> Rule {
    Rule::new(operation, Fault::FailBefore(Failure::status(503))).count(count)
}

const SECONDS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

#[tokio::test(start_paused = true)]
async fn a_failed_operation_says_what_it_took() {
    let store = store([fails(undaunted_chaos::Operation::Get, 100)]);
    let path = Path::from("a");
    let (result, observed) = observe(store.get(&path)).await;
    result.unwrap_err();
    assert_eq!(observed.elapsed, Duration::from_secs(7));
    let failed = observed.failed_operation.unwrap();
    assert_eq!(failed.operation, Operation::Get);
    assert_eq!(failed.location, path);
    for report in [&failed.report, &observed.report] {
        assert_eq!(report.attempts(), 4);
        assert_eq!(report.delays(), SECONDS);
        assert_eq!(report.elapsed(), Duration::from_secs(7));
        assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));
        let failures = report.failures();
        assert_eq!(failures.len(), 4);
        assert!(failures[3].error.contains("503"), "{}", failures[3].error);
    }
}

#[tokio::test(start_paused = true)]
async fn operations_that_follow_each_other_add_up() {
    // A rename is a copy, which is retried, and a delete, which fails.
    let denied = Fault::FailBefore(Failure::status(403));
    let store = store([
        fails(undaunted_chaos::Operation::Copy, 2),
        Rule::new(undaunted_chaos::Operation::Delete, denied),
    ]);
    let (from, to) = (Path::from("a"), Path::from("b"));
    store.put(&from, "x".into()).await.unwrap();
    let rename = store.rename_opts(&from, &to, RenameOptions::default());
    let (result, observed) = observe(rename).await;
    assert!(matches!(result, Err(Error::PermissionDenied { .. })));
    assert_eq!(observed.report.attempts(), 4);
    assert_eq!(observed.report.delays(), &SECONDS[..2]);
    let numbers = observed
        .report
        .failures()
        .iter()
        .map(|failed| failed.attempt);
    assert!(numbers.eq([1, 2, 4]));
    let failed = observed.failed_operation.unwrap();
    assert_eq!(failed.operation, Operation::Delete);
    assert_eq!(failed.location, from);
    assert_eq!(failed.report.attempts(), 1);
    assert_eq!(failed.report.stop_reason(), Some(StopReason::Permanent));
}

#[tokio::test(start_paused = true)]
async fn what_one_sees_is_seen_around_it_and_not_beside_it() {
    let store = Arc::new(store([fails(undaunted_chaos::Operation::Put, 2)]));
    let path = Path::from("a");
    let (inner, outer) = observe(async {
        let one = observe(store.put(&path, "x".into()));
        let (one, other) = futures::join!(one, observe(store.list_with_delimiter(None)));
        (one.1, other.1)
    })
    .await;
    assert_eq!(inner.0.report.attempts(), 3);
    assert_eq!(inner.1.report.attempts(), 1);
    assert_eq!(outer.report.attempts(), 4);
    assert_eq!(outer.report.delays().len(), 2);
    assert!(outer.failed_operation.is_none());
    let ((), nothing) = observe(async {}).await;
    assert_eq!(nothing.report.attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_spawned_is_not_seen() {
    let store = Arc::new(store([]));
    let spawned = async {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.get(&Path::from("a")).await.map(drop) }).await
    };
    let (result, observed) = observe(spawned).await;
    assert!(result.unwrap().is_err());
    assert_eq!(observed.report.attempts(), 0);
}
