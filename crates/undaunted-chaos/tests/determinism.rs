//! The same seed injects the same faults, whatever the order of the calls.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use futures::stream::StreamExt;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use undaunted_chaos::{ChaosSpec, FaultKind, FaultPlan, FaultyStore, Injection, Operation, Rates};

const KEYS: usize = 24;
const ROUNDS: usize = 6;

fn plan(seed: u64) -> FaultPlan {
    let spec: ChaosSpec = "flaky,throttle=0.05,corrupt_body=0.05".parse().unwrap();
    spec.with_seed(seed).plan()
}

/// What is done with one key. Between the calls it lets others run, as often as `pauses` says.
async fn work(store: &FaultyStore<InMemory>, index: usize, pauses: usize) {
    let pause = async || {
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
    };
    let key = Path::from(format!("k/{index}"));
    for _ in 0..ROUNDS {
        let _ = store.put(&key, "some content".into()).await;
        pause().await;
        if let Ok(result) = store.get(&key).await {
            pause().await;
            let _ = result.bytes().await;
        }
        pause().await;
        let _ = store.list(Some(&key)).count().await;
        let _ = store.head(&key).await;
        pause().await;
        let _ = store.delete(&key).await;
    }
}

/// The injections in an order that does not depend on time.
fn sorted(plan: &FaultPlan) -> Vec<Injection> {
    let mut log = plan.log();
    log.sort_by(|a, b| {
        (a.operation, &a.key, a.part, a.nth).cmp(&(b.operation, &b.key, b.part, b.nth))
    });
    log
}

async fn one_after_the_other(seed: u64) -> Vec<Injection> {
    let store = FaultyStore::new(InMemory::new(), plan(seed));
    for index in 0..KEYS {
        work(&store, index, 0).await;
    }
    sorted(store.plan())
}

async fn at_once(seed: u64, stride: usize) -> (Vec<Injection>, Vec<Injection>) {
    let store = FaultyStore::new(InMemory::new(), plan(seed));
    let tasks: Vec<_> = (0..KEYS)
        .map(|index| {
            let store = store.clone();
            let pauses = (index * stride) % 5;
            tokio::spawn(async move { work(&store, index, pauses).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (sorted(store.plan()), store.plan().log())
}

#[tokio::test]
async fn a_seed_repeats_itself_and_differs_from_others() {
    let first = one_after_the_other(1).await;
    assert!(first.len() > KEYS * ROUNDS / 2, "{}", first.len());
    assert_eq!(first, one_after_the_other(1).await);
    assert_ne!(first, one_after_the_other(2).await);
}

#[tokio::test]
async fn the_order_of_concurrent_calls_changes_nothing() {
    let want = one_after_the_other(3).await;
    let (first, first_in_time) = at_once(3, 1).await;
    let (second, second_in_time) = at_once(3, 3).await;
    assert_eq!(first, want);
    assert_eq!(second, want);
    assert_ne!(first_in_time, second_in_time, "the order did differ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_change_nothing() {
    assert_eq!(at_once(4, 2).await.0, one_after_the_other(4).await);
}

#[tokio::test]
async fn parts_sent_in_another_order_meet_the_same_faults() {
    let mut logs = Vec::new();
    for order in [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]] {
        let rates = Rates {
            before: 0.25,
            after: 0.25,
            ..Rates::default()
        };
        let store = FaultyStore::new(InMemory::new(), FaultPlan::seeded(11, rates));
        let key = Path::from("big");
        let id = store.inner().create_multipart(&key).await.unwrap();
        for round in 0..4 {
            for part in order {
                let data = format!("{round}{part}");
                let _ = store.put_part(&key, &id, part, data.into()).await;
            }
        }
        logs.push(sorted(store.plan()));
    }
    assert!(logs[0].len() > 4);
    assert_eq!(logs[0], logs[1]);
}

#[tokio::test]
async fn enough_attempts_get_through() {
    for max_in_a_row in [1, 2, 3] {
        let rates = Rates {
            before: 0.5,
            after: 0.5,
            ..Rates::default()
        };
        let plan = ChaosSpec::new(9, rates)
            .with_max_in_a_row(max_in_a_row)
            .plan();
        let store = Arc::new(FaultyStore::new(InMemory::new(), plan));
        for n in 0..50 {
            let key = Path::from(format!("{n}"));
            let mut attempts = 1;
            while store.put(&key, "x".into()).await.is_err() {
                attempts += 1;
            }
            assert_eq!(
                attempts,
                max_in_a_row + 1,
                "every call is a fault if it may"
            );
        }
        let faults = store.plan().injected(FaultKind::FailBefore)
            + store.plan().injected(FaultKind::FailAfter);
        assert_eq!(faults, 50 * u64::from(max_in_a_row));
        assert_eq!(store.plan().calls(Operation::Put), faults + 50);
    }
}

#[tokio::test]
async fn the_default_bound_is_three() {
    let rates = Rates {
        error: 1.0,
        ..Rates::default()
    };
    let store = FaultyStore::new(InMemory::new(), FaultPlan::seeded(1, rates));
    let key = Path::from("k");
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        outcomes.push(store.put(&key, "x".into()).await.is_ok());
    }
    let four = [false, false, false, true];
    assert_eq!(outcomes, [four, four].concat());
}
