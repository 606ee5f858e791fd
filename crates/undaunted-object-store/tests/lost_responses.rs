//! The lost-response matrix: every write that may not be repeated blindly, under every way in
//! which its response can be lost, with and without a conflicting write, over every store.
//!
//! Each cell says what the caller is told. Whatever the table says, two things are checked of
//! every cell: our own write is never reported as a conflict, and a conflicting write never as
//! success. The table is `testdata/lost_responses.md`; `BLESS=1` writes it anew.
#![cfg(all(feature = "aws", feature = "fs"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod lost_matrix;

use std::sync::Arc;

use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use undaunted::{Rules, Verdict};
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
use undaunted_object_store::RetryStore;

use lost_matrix::of_014::{create, told, write};
use lost_matrix::{
    Bench, Conflicting, OURS, Scenario, check_content, check_matrix, files, hit_by, matrix, memory,
    prepare, store_of, table_file,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix() {
    let told = |bench, name, scenario, by_token| tell(bench, name, scenario, by_token, Rules::NONE);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(table_file(), matrix(told).await).unwrap();
    }
    check_matrix(told).await;
}

/// The worst rules that anybody could write: everything is to be retried, in every way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rule_changes_the_matrix() {
    let rules = Rules::builder()
        .classify("everything", |_| Some(Verdict::TRANSIENT))
        .retryable_codes(["NoSuchUpload", "InternalError"])
        .retryable_text(["error", "exists", "not found"])
        .retryable_status(300..=599)
        .build()
        .unwrap();
    check_matrix(|bench, name, scenario, by_token| {
        tell(bench, name, scenario, by_token, rules.clone())
    })
    .await;
}

/// What the caller is told.
async fn tell(
    bench: Bench,
    name: &'static str,
    scenario: Scenario,
    by_token: bool,
    rules: Rules,
) -> &'static str {
    let operation = hit_by(&bench, name);
    let before = prepare(&bench, name).await;
    let store = store_of(&bench, operation, &scenario, by_token, &rules);
    let told = told(write(&store, name, before).await);
    check_content(&bench, name, &scenario, told).await;
    told
}

#[tokio::test(start_paused = true)]
async fn a_conflict_at_the_first_attempt_is_a_fact() {
    let bench = memory();
    let conflicting = Conflicting {
        data: OURS,
        with_token: false,
    };
    (bench.write_behind)(&Path::from("to"), conflicting);
    let harmless = Scenario {
        name: "none",
        fault: Fault::FailBefore(Failure::Connect),
        conflicting: None,
    };
    // Even where connecting failed first: that proves that nothing was sent.
    for operation in [Operation::Get, Operation::Put] {
        let store = store_of(&bench, operation, &harmless, true, &Rules::NONE);
        assert!(matches!(
            create(&store).await,
            Err(Error::AlreadyExists { .. })
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn content_counts_where_the_caller_says_so() {
    let bench = files();
    let scenario = Scenario {
        name: "reset after apply",
        fault: Fault::FailAfter(Failure::Reset),
        conflicting: None,
    };
    let plan = FaultPlan::scripted([Rule::new(Operation::Put, scenario.fault.clone())]);
    let store = RetryStore::builder(FaultyStore::new(Arc::clone(&bench.backend.store), plan))
        .resolve_by_content()
        .build();
    create(&store).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_token_is_not_shown_and_the_callers_own_attributes_are() {
    let bench = memory();
    let scenario = Scenario {
        name: "reset after apply",
        fault: Fault::FailAfter(Failure::Reset),
        conflicting: None,
    };
    let store = store_of(&bench, Operation::Put, &scenario, true, &Rules::NONE);
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
    let options = PutOptions {
        mode: PutMode::Create,
        attributes: attributes.clone(),
        ..PutOptions::default()
    };
    let path = Path::from("to");
    store.put_opts(&path, OURS.into(), options).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().attributes, attributes);
    // An overwrite needs no token and gets none.
    store.put(&path, OURS.into()).await.unwrap();
    let raw = bench.backend.store.get(&path).await.unwrap();
    assert!(raw.attributes.is_empty());
}
