//! Operations that nobody polls keep others of their store back for a moment only.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
use undaunted_object_store::RetryStore;

/// Gets as many as a reader buffers, and puts while it does not poll them.
async fn put_while_gets_are_parked(rules: Vec<Rule>) {
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
    let store = RetryStore::builder(faulty).build();
    let path = Path::from("a");
    store.inner().inner().put(&path, "x".into()).await.unwrap();
    let mut gets = stream::iter(0..200)
        .map(|_| store.get(&path))
        .buffer_unordered(100);
    let mut read = 0;
    while let Some(got) = gets.next().await {
        got.unwrap();
        read += 1;
        if read % 50 == 1 {
            store.put(&Path::from("b"), "y".into()).await.unwrap();
        }
    }
    assert_eq!(read, 200);
}

#[tokio::test(start_paused = true)]
async fn a_put_enters_while_parked_gets_hold_the_window() {
    let delay = Fault::Delay(Duration::from_millis(20));
    put_while_gets_are_parked(vec![Rule::new(Operation::Get, delay).always()]).await;
}

#[tokio::test(start_paused = true)]
async fn a_put_gets_its_turn_while_parked_gets_wait_for_theirs() {
    let throttled = Fault::FailBefore(Failure::slow_down());
    put_while_gets_are_parked(vec![Rule::new(Operation::Get, throttled).count(100)]).await;
}
