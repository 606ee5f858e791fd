//! A crowd of operations on a real S3 server over HTTP that takes 100 requests a second.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use undaunted::RetryConfig;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::{RetryStore, observe, open_with};

type Store = RetryStore<Arc<dyn ObjectStore>>;

async fn start(operation: Operation, retry_after: Option<Duration>) -> (S3Server, Store) {
    let limit = Fault::RateLimit {
        per_second: 100,
        burst: 100,
        retry_after,
    };
    let plan = FaultPlan::scripted([Rule::new(operation, limit).always()]);
    let server = S3Server::builder().plan(plan).start().await.unwrap();
    let options = server.object_store_options();
    let (store, _) = open_with("s3://bucket", options, RetryConfig::storage()).unwrap();
    (server, store)
}

fn keys(count: usize) -> Vec<Path> {
    (0..count).map(|n| Path::from(format!("k/{n}"))).collect()
}

async fn put_all(store: &Store, keys: &[Path]) {
    let puts = keys.iter().map(|key| store.put(key, vec![7; 1024].into()));
    for put in join_all(puts).await {
        put.unwrap();
    }
}

/// The requests of this operation.
fn requests(
    server: &S3Server,
    operation: Operation,
) -> Vec<undaunted_chaos::server::RequestRecord> {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| request.operation == operation)
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_gets_is_served_and_the_budget_stays_full() {
    let (server, store) = start(Operation::Get, None).await;
    let keys = keys(300);
    put_all(&store, &keys).await;
    let (results, observed) = observe(join_all(keys.iter().map(|key| store.get(key)))).await;
    for result in results {
        assert_eq!(result.unwrap().bytes().await.unwrap(), vec![7; 1024]);
    }
    assert_eq!(store.budget().unwrap().tokens(), 500);
    assert!(
        observed.report.queued() > Duration::from_secs(10),
        "{observed:?}"
    );
    // 100 at once, 92 of the next 128 throttled, and few after that.
    let requests = requests(&server, Operation::Get).len();
    assert!(requests <= 550, "{requests}");
    assert!(
        store
            .pacer(undaunted_object_store::Operation::List)
            .unwrap()
            .is_active()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_puts_is_stored() {
    let (server, store) = start(Operation::Put, None).await;
    let keys = keys(300);
    put_all(&store, &keys).await;
    for key in &keys {
        assert_eq!(store.head(key).await.unwrap().size, 1024);
    }
    let requests = requests(&server, Operation::Put).len();
    assert!(requests <= 550, "{requests}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_comes_before_the_time_that_the_service_named() {
    let (server, store) = start(Operation::Get, Some(Duration::from_secs(1))).await;
    let keys = keys(250);
    put_all(&store, &keys).await;
    for got in join_all(keys.iter().map(|key| store.get(key))).await {
        got.unwrap();
    }
    let mut throttled: HashMap<String, Duration> = HashMap::new();
    let mut early = Vec::new();
    for request in requests(&server, Operation::Get) {
        if let Some(end) = throttled.remove(&request.key)
            && request.at < end + Duration::from_secs(1)
        {
            early.push(request.key.clone());
        }
        if request.status == Some(503) {
            throttled.insert(request.key.clone(), request.at + request.lasted);
        }
    }
    assert!(early.is_empty(), "{early:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_can_be_paced_apart_from_writes() {
    let (server, _) = start(Operation::Get, None).await;
    let options = server.object_store_options();
    let (backend, _) = undaunted_object_store::Backend::open_with("s3://bucket", options).unwrap();
    let reads = Arc::new(undaunted::Pacer::new());
    let store = RetryStore::builder(backend.store)
        .read_pacer(Arc::clone(&reads))
        .build();
    let keys = keys(200);
    put_all(&store, &keys).await;
    for got in join_all(keys.iter().map(|key| store.get(key))).await {
        got.unwrap();
    }
    assert!(reads.is_active());
    let of_puts = store.pacer(undaunted_object_store::Operation::Put).unwrap();
    assert!(!of_puts.is_active());
}
