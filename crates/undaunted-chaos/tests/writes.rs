//! Failing before and after a write is applied, on a store in memory and on the local disk.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use object_store::client::HttpErrorKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tempfile::TempDir;
use undaunted_chaos::{Failure, Fault, FaultKind, FaultPlan, FaultyStore, Operation, Rule};

use common::{content, injected, keys};

mod common;

type Store = FaultyStore<Arc<dyn ObjectStore>>;

/// Both stores with `old` at `a`, and the rule that each is to play.
async fn stores(rule: impl Fn() -> Rule) -> (Vec<Store>, TempDir) {
    let (local, folder) = common::local();
    let inner: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(local)];
    let mut stores = Vec::new();
    for inner in inner {
        inner.put(&key("a"), "old".into()).await.unwrap();
        let plan = FaultPlan::scripted([rule()]);
        stores.push(FaultyStore::new(inner, plan));
    }
    (stores, folder)
}

fn key(name: &str) -> Path {
    Path::from(name)
}

fn before(operation: Operation) -> impl Fn() -> Rule {
    move || Rule::new(operation, Fault::FailBefore(Failure::Connect))
}

fn after(operation: Operation) -> impl Fn() -> Rule {
    move || Rule::new(operation, Fault::FailAfter(Failure::Reset))
}

fn create() -> PutOptions {
    PutMode::Create.into()
}

#[tokio::test]
async fn a_put_that_fails_before_changes_nothing() {
    let (stores, _folder) = stores(before(Operation::Put)).await;
    for store in stores {
        let error = store.put(&key("a"), "new".into()).await.unwrap_err();
        assert_eq!(injected(&error), HttpErrorKind::Connect);
        assert_eq!(content(store.inner(), &key("a")).await.unwrap(), "old");
        store.put(&key("a"), "new".into()).await.unwrap();
        assert_eq!(content(store.inner(), &key("a")).await.unwrap(), "new");
        assert!(store.plan().unused().is_empty());
    }
}

#[tokio::test]
async fn a_put_that_fails_after_is_there() {
    let (stores, _folder) = stores(after(Operation::Put)).await;
    for store in stores {
        let error = store.put(&key("a"), "new".into()).await.unwrap_err();
        assert_eq!(injected(&error), HttpErrorKind::Interrupted);
        assert_eq!(content(store.inner(), &key("a")).await.unwrap(), "new");
    }
}

#[tokio::test]
async fn a_create_whose_response_is_lost_conflicts_with_itself() {
    let (stores, _folder) = stores(after(Operation::Put)).await;
    for store in stores {
        let first = store.put_opts(&key("b"), "new".into(), create()).await;
        assert_eq!(injected(&first.unwrap_err()), HttpErrorKind::Interrupted);
        let second = store.put_opts(&key("b"), "new".into(), create()).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })));
    }
}

#[tokio::test]
async fn a_call_that_fails_by_itself_keeps_its_error_and_the_fault_stays_unused() {
    let (stores, _folder) = stores(after(Operation::Put)).await;
    for store in stores {
        let refused = store.put_opts(&key("a"), "new".into(), create()).await;
        assert!(matches!(refused, Err(Error::AlreadyExists { .. })));
        assert_eq!(store.plan().unused(), [after(Operation::Put)()]);
        assert!(store.plan().log().is_empty());
    }
}

#[tokio::test]
async fn copies() {
    for (rule, applied) in [
        (before(Operation::Copy)(), false),
        (after(Operation::Copy)(), true),
    ] {
        let (stores, _folder) = stores(|| rule.clone().key("b")).await;
        for store in stores {
            let lost = store.copy(&key("a"), &key("b")).await.unwrap_err();
            injected(&lost);
            let there = content(store.inner(), &key("b")).await;
            assert_eq!(there.is_some(), applied, "{rule:?}");
            assert_eq!(content(store.inner(), &key("a")).await.unwrap(), "old");

            let again = store.copy_if_not_exists(&key("a"), &key("b")).await;
            assert_eq!(matches!(again, Err(Error::AlreadyExists { .. })), applied);
            assert_eq!(again.is_ok(), !applied);
        }
    }
}

#[tokio::test]
async fn renames() {
    for (rule, want) in [
        (before(Operation::Rename)(), "a"),
        (after(Operation::Rename)(), "b"),
    ] {
        let (stores, _folder) = stores(|| rule.clone()).await;
        for store in stores {
            let lost = store.rename(&key("a"), &key("b")).await.unwrap_err();
            injected(&lost);
            assert_eq!(keys(store.inner()).await, [want], "{rule:?}");
            // The inner rename is one call, whatever it is made of.
            assert_eq!(store.plan().calls(Operation::Copy), 0);
            assert_eq!(store.plan().calls(Operation::Delete), 0);
        }
    }
}

#[tokio::test]
async fn deletes() {
    for (rule, applied) in [
        (before(Operation::Delete)(), false),
        (after(Operation::Delete)(), true),
    ] {
        let (stores, _folder) = stores(|| rule.clone()).await;
        for store in stores {
            let lost = store.delete(&key("a")).await.unwrap_err();
            injected(&lost);
            let there = content(store.inner(), &key("a")).await;
            assert_eq!(there.is_none(), applied, "{rule:?}");
        }
    }
}

#[tokio::test]
async fn a_delete_stream_is_hit_key_by_key_and_keeps_its_order() {
    let names: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Delete, Fault::FailBefore(Failure::Reset)).key("03"),
        Rule::new(Operation::Delete, Fault::FailAfter(Failure::Timeout)).key("1*2"),
    ]);
    let store = FaultyStore::new(InMemory::new(), plan);
    for name in &names {
        store.put(&key(name), "x".into()).await.unwrap();
    }

    let mut locations: Vec<object_store::Result<Path>> =
        names.iter().map(|name| Ok(key(name))).collect();
    locations.insert(5, Err(Failure::status(404).to_error("from the caller")));
    let results: Vec<_> = store
        .delete_stream(stream::iter(locations).boxed())
        .collect()
        .await;

    let texts: Vec<String> = results
        .iter()
        .map(|result| match result {
            Ok(path) => path.to_string(),
            Err(Error::NotFound { path, .. }) => path.clone(),
            Err(error) => format!("{:?}", injected(error)),
        })
        .collect();
    let mut want = names.clone();
    want[3] = "Interrupted".to_owned();
    want[12] = "Timeout".to_owned();
    want.insert(5, "from the caller".to_owned());
    assert_eq!(texts, want);
    assert_eq!(keys(store.inner()).await, ["03"]);
    assert_eq!(store.plan().calls(Operation::Delete), 25);
    assert_eq!(store.plan().injected(FaultKind::FailAfter), 1);
}

#[tokio::test]
async fn a_status_comes_as_the_variant_for_the_key() {
    let rule = || Rule::new(Operation::Head, Fault::FailBefore(Failure::status(404)));
    let (stores, _folder) = stores(rule).await;
    for store in stores {
        let error = store.head(&key("a")).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { path, .. } if path == "a"));
        assert!(store.head(&key("a")).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_passes_and_lets_the_next_fault_follow() {
    let lasts = std::time::Duration::from_secs(30);
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::Delay(lasts)).count(2),
        Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)).from_call(2),
    ]);
    let store = FaultyStore::new(InMemory::new(), plan);

    let start = tokio::time::Instant::now();
    store.put(&key("a"), "x".into()).await.unwrap();
    assert_eq!(start.elapsed(), lasts);
    store.put(&key("a"), "x".into()).await.unwrap_err();
    assert_eq!(start.elapsed(), 2 * lasts);
    let log: Vec<String> = store.plan().log().iter().map(ToString::to_string).collect();
    assert_eq!(
        log,
        [
            "put `a` call 1: delay of 30s",
            "put `a` call 2: delay of 30s",
            "put `a` call 2: fail_after (connection reset)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_blackout_refuses_everything_until_it_is_over() {
    let lasts = std::time::Duration::from_secs(5);
    let store = FaultyStore::new(InMemory::new(), FaultPlan::blackout(lasts));
    let error = store.put(&key("a"), "x".into()).await.unwrap_err();
    assert_eq!(injected(&error), HttpErrorKind::Connect);
    let listed: Vec<_> = store.list(None).collect().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        injected(listed[0].as_ref().unwrap_err()),
        HttpErrorKind::Connect
    );
    tokio::time::advance(lasts).await;
    store.put(&key("a"), "x".into()).await.unwrap();
    assert_eq!(store.plan().injected(FaultKind::FailBefore), 2);
}
