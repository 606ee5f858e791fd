//! Lists that fail, break or are delayed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::StreamExt;
use object_store::client::HttpErrorKind;
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, Result};
use undaunted_chaos::{
    Failure, Fault, FaultKind, FaultPlan, FaultyPages, FaultyStore, Operation, Rates, Rule,
};

use common::injected;

mod common;

/// Six objects, `d/0` to `d/5`, behind one fault of a list.
async fn store(rule: Rule) -> FaultyStore<InMemory> {
    let inner = InMemory::new();
    for n in 0..6 {
        let key = Path::from(format!("d/{n}"));
        inner.put(&key, "x".into()).await.unwrap();
    }
    FaultyStore::new(inner, FaultPlan::scripted([rule]))
}

fn broken_after(after: usize) -> Rule {
    let failure = Failure::Closed;
    Rule::new(Operation::List, Fault::BreakList { after, failure })
}

fn texts(entries: &[Result<ObjectMeta>]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match entry {
            Ok(meta) => meta.location.to_string(),
            Err(error) => format!("{:?}", injected(error)),
        })
        .collect()
}

#[tokio::test]
async fn a_list_breaks_after_n_entries_and_ends() {
    let store = store(broken_after(2)).await;
    let entries: Vec<_> = store.list(Some(&Path::from("d"))).collect().await;
    assert_eq!(texts(&entries), ["d/0", "d/1", "Request"]);
    assert_eq!(store.list(None).count().await, 6);
    assert!(store.plan().unused().is_empty());
}

#[tokio::test]
async fn a_list_with_an_offset_breaks_too() {
    let store = store(broken_after(1)).await;
    let entries: Vec<_> = store
        .list_with_offset(None, &Path::from("d/3"))
        .collect()
        .await;
    assert_eq!(texts(&entries), ["d/4", "Request"]);
}

#[tokio::test]
async fn a_list_that_is_shorter_breaks_at_its_end() {
    for after in [6, 7, usize::MAX] {
        let store = store(broken_after(after)).await;
        let entries: Vec<_> = store.list(None).collect().await;
        assert_eq!(entries.len(), 7);
        assert!(entries[..6].iter().all(Result::is_ok));
        assert!(entries[6].is_err());
    }
}

#[tokio::test]
async fn a_list_fails_as_a_whole() {
    for fault in [
        Fault::FailBefore(Failure::Reset),
        Fault::FailAfter(Failure::Reset),
    ] {
        let store = store(Rule::new(Operation::List, fault)).await;
        let entries: Vec<_> = store.list(None).collect().await;
        assert_eq!(texts(&entries), ["Interrupted"]);
    }
}

#[tokio::test]
async fn a_list_that_is_never_polled_is_no_call() {
    let store = store(broken_after(0)).await;
    drop(store.list(None));
    assert_eq!(store.plan().calls(Operation::List), 0);
    assert_eq!(store.plan().unused().len(), 1);
}

#[tokio::test]
async fn the_key_of_a_list_is_its_prefix() {
    let store = store(broken_after(0).key("d")).await;
    assert_eq!(store.list(None).count().await, 6);
    let broken = store.list(Some(&Path::from("d"))).count().await;
    assert_eq!(broken, 1);
    assert_eq!(store.plan().log()[0].key, "d");
}

#[tokio::test]
async fn a_list_with_delimiter_fails_as_a_whole() {
    let faults = [
        (broken_after(3), HttpErrorKind::Request),
        (
            Rule::new(Operation::List, Fault::FailBefore(Failure::Connect)),
            HttpErrorKind::Connect,
        ),
        (
            Rule::new(Operation::List, Fault::FailAfter(Failure::Timeout)),
            HttpErrorKind::Timeout,
        ),
    ];
    for (rule, kind) in faults {
        let store = store(rule).await;
        let prefix = Path::from("d");
        let error = store.list_with_delimiter(Some(&prefix)).await.unwrap_err();
        assert_eq!(injected(&error), kind);
        let whole = store.list_with_delimiter(Some(&prefix)).await.unwrap();
        assert_eq!(whole.objects.len(), 6);
    }
}

#[tokio::test]
async fn seeded_breaks_leave_every_list_incomplete() {
    let rates = Rates {
        break_list: 1.0,
        ..Rates::default()
    };
    let inner = InMemory::new();
    for n in 0..300 {
        inner
            .put(&Path::from(format!("{n}")), "x".into())
            .await
            .unwrap();
    }
    let store = FaultyStore::new(inner, FaultPlan::seeded(1, rates));
    let mut lengths = Vec::new();
    for _ in 0..40 {
        let entries: Vec<_> = store.list(None).collect().await;
        if entries.iter().any(Result::is_err) {
            lengths.push(entries.len() - 1);
        }
    }
    assert_eq!(lengths.len(), 30);
    assert!(lengths.iter().any(|length| *length < 8));
    assert!(lengths.iter().any(|length| *length >= 8 && *length < 300));
    assert_eq!(store.plan().injected(FaultKind::BreakList), 30);
}

/// Pages of a list in memory: the smallest store that has pages.
#[derive(Debug)]
struct Pages(InMemory);

#[async_trait]
impl PaginatedListStore for Pages {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        _: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let prefix = prefix.map(Path::from);
        Ok(PaginatedListResult {
            result: self.0.list_with_delimiter(prefix.as_ref()).await?,
            page_token: None,
        })
    }
}

#[tokio::test]
async fn a_page_fails_as_a_whole_with_the_type_known_or_not() {
    async fn check(pages: &dyn PaginatedListStore, plan: &FaultPlan) {
        for kind in [HttpErrorKind::Request, HttpErrorKind::Connect] {
            let page = pages.list_paginated(Some("d/"), PaginatedListOptions::default());
            let error: Error = page.await.map(drop).unwrap_err();
            assert_eq!(injected(&error), kind);
        }
        let page = pages.list_paginated(Some("d/"), PaginatedListOptions::default());
        assert_eq!(page.await.unwrap().result.objects.len(), 1);
        assert_eq!(plan.calls(Operation::List), 3);
        assert_eq!(plan.log()[0].key, "d/");
    }

    let plan = || {
        FaultPlan::scripted([
            broken_after(1),
            Rule::new(Operation::List, Fault::FailBefore(Failure::Connect)),
        ])
    };
    let inner = || async {
        let inner = InMemory::new();
        inner.put(&Path::from("d/1"), "x".into()).await.unwrap();
        Pages(inner)
    };
    let known = FaultyStore::new(inner().await, plan());
    check(&known, known.plan()).await;
    let unknown = FaultyPages::shared(Arc::new(inner().await), plan());
    check(&unknown, unknown.plan()).await;
}
