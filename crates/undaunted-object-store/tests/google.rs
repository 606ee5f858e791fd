//! The scenarios of Google Cloud Storage's retry conformance tests that apply to a store, by
//! their ids. Not here: 3 (an operation without a precondition is not repeated; here an
//! overwrite and a delete are, because repeating them leaves the same content) and 4 (access
//! lists, keys and notifications, which a store does not have).
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion,
};
use undaunted::RetryConfig;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
use undaunted_object_store::{Capabilities, RetryStore, full_text};

type Store = RetryStore<FaultyStore<InMemory>>;

/// A store with an object `a`, and these failures, one after the other, before each is applied.
async fn store(operation: Operation, failures: &[Failure]) -> Store {
    let rules = failures
        .iter()
        .map(|failure| Rule::new(operation, Fault::FailBefore(failure.clone())));
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
    faulty
        .inner()
        .put(&Path::from("a"), "content".into())
        .await
        .unwrap();
    let capabilities = Capabilities::none()
        .with_parts(Arc::new(faulty.clone()))
        .with_attributes()
        .with_lists_in_order();
    RetryStore::builder(faulty)
        .config(RetryConfig::storage())
        .capabilities(capabilities)
        .build()
}

fn status(status: u16) -> Failure {
    Failure::status(status)
}

/// The three sequences of scenarios 1 and 2.
fn passing() -> [Vec<Failure>; 3] {
    [
        vec![status(503), status(503)],
        vec![Failure::Reset, Failure::Reset],
        vec![Failure::Reset, status(503)],
    ]
}

const OPERATIONS: [Operation; 7] = [
    Operation::Get,
    Operation::Head,
    Operation::List,
    Operation::Put,
    Operation::Copy,
    Operation::Delete,
    Operation::CompleteMultipart,
];

/// Calls the operation in the form that scenarios 1 and 2 name: reads as they are, writes under
/// a condition where there is one.
async fn call(store: &Store, operation: Operation) -> object_store::Result<()> {
    let (a, b) = (Path::from("a"), Path::from("b"));
    match operation {
        Operation::Get => store.get(&a).await?.bytes().await.map(drop),
        Operation::Head => store.head(&a).await.map(drop),
        Operation::List => store.list(None).try_collect::<Vec<_>>().await.map(drop),
        Operation::Put => {
            let meta = store.inner().inner().head(&a).await?;
            let version = UpdateVersion {
                e_tag: meta.e_tag,
                version: meta.version,
            };
            let payload = PutPayload::from_static(b"new");
            store
                .put_opts(&a, payload, PutMode::Update(version).into())
                .await
                .map(drop)
        }
        Operation::Copy => {
            let options = CopyOptions::new().with_mode(CopyMode::Create);
            store.copy_opts(&a, &b, options).await
        }
        Operation::Delete => store.delete(&a).await,
        _ => {
            let mut upload = store.put_multipart(&b).await?;
            upload.put_part("part".into()).await?;
            upload.complete().await.map(drop)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scenarios_1_and_2_transient_failures_are_retried() {
    for operation in OPERATIONS {
        for failures in passing() {
            let store = store(operation, &failures).await;
            let result = call(&store, operation).await;
            assert!(result.is_ok(), "{operation} {failures:?}: {result:?}");
            assert_eq!(store.inner().plan().calls(operation), 3, "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scenario_5_permanent_failures_come_back_after_one_attempt() {
    for operation in OPERATIONS {
        for code in [400, 401] {
            let store = store(operation, &[status(code)]).await;
            assert!(call(&store, operation).await.is_err(), "{operation} {code}");
            assert_eq!(
                store.inner().plan().calls(operation),
                1,
                "{operation} {code}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scenario_6_the_first_permanent_failure_ends_it_and_is_reported() {
    for operation in OPERATIONS {
        for (first, then) in [(status(503), 400), (Failure::Reset, 401)] {
            let store = store(operation, &[first, status(then)]).await;
            let error = full_text(&call(&store, operation).await.unwrap_err());
            assert!(error.contains(&then.to_string()), "{operation}: {error}");
            assert_eq!(store.inner().plan().calls(operation), 2, "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scenario_7_parts_of_an_upload_are_retried() {
    for failures in [
        vec![Failure::Reset, status(503)],
        vec![status(408)],
        vec![status(503), status(408)],
    ] {
        let store = store(Operation::PutPart, &failures).await;
        let path = Path::from("b");
        let mut upload = store.put_multipart(&path).await.unwrap();
        for part in ["one ", "two"] {
            upload.put_part(part.into()).await.unwrap();
        }
        upload.complete().await.unwrap();
        let read = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(&read[..], b"one two", "{failures:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn scenario_8_downloads_are_resumed() {
    let broken = |at| Fault::BreakBody {
        at,
        failure: Failure::Reset,
    };
    let length = 600 * 1024;
    for rules in [vec![broken(1), broken(1)], vec![broken(256 * 1024)]] {
        let rules = rules
            .into_iter()
            .map(|fault| Rule::new(Operation::Get, fault));
        let faulty = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
        let store = RetryStore::new(faulty, RetryConfig::storage());
        let path = Path::from("a");
        store.put(&path, vec![1; length].into()).await.unwrap();
        let read = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(read.len(), length);
        assert!(store.inner().plan().unused().is_empty());
    }
}
