//! Responses that say less or other than they should, as far as a store can give them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use undaunted::{Retryable, Verdict};
use undaunted_chaos::{
    ChaosSpec, Clock, CutAt, Fault, FaultKind, FaultPlan, FaultyParts, FaultyStore, HttpFailure,
    Operation, Rule,
};

fn key() -> Path {
    Path::from("k")
}

async fn store(rule: Rule) -> FaultyStore<InMemory> {
    let inner = InMemory::new();
    inner.put(&key(), "0123456789".into()).await.unwrap();
    FaultyStore::new(inner, FaultPlan::scripted([rule]))
}

#[tokio::test]
async fn an_object_has_no_etag() {
    let store = store(Rule::any(Fault::NoEtag).always()).await;
    assert_eq!(store.get(&key()).await.unwrap().meta.e_tag, None);
    assert_eq!(store.head(&key()).await.unwrap().e_tag, None);
    assert_eq!(store.put(&key(), "x".into()).await.unwrap().e_tag, None);
    let mut upload = store.inner().put_multipart(&key()).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    assert!(upload.complete().await.unwrap().e_tag.is_some());
    assert_eq!(store.plan().injected(FaultKind::NoEtag), 3);

    let plan = FaultPlan::scripted([Rule::new(Operation::CompleteMultipart, Fault::NoEtag)]);
    let parts = FaultyParts::shared(Arc::new(InMemory::new()), plan);
    let id = parts.create_multipart(&key()).await.unwrap();
    let part = parts.put_part(&key(), &id, 0, "x".into()).await.unwrap();
    let completed = parts.complete_multipart(&key(), &id, vec![part]).await;
    assert_eq!(completed.unwrap().e_tag, None);
}

#[tokio::test]
async fn a_range_is_ignored() {
    let store = store(Rule::any(Fault::IgnoreRange).always()).await;
    let range = object_store::GetOptions::new().with_range(Some(2..5));
    let result = store.get_opts(&key(), range).await.unwrap();
    assert_eq!(result.range, 0..10);
    assert_eq!(result.bytes().await.unwrap(), "0123456789");
    store.get(&key()).await.unwrap();
    assert_eq!(store.plan().injected(FaultKind::IgnoreRange), 1);
}

#[tokio::test]
async fn a_body_is_decompressed_on_its_way() {
    for length in [0, 7, 20_000] {
        let fault = Fault::DecompressBody {
            length,
            keep_headers: false,
        };
        let store = store(Rule::new(Operation::Get, fault)).await;
        let result = store.get(&key()).await.unwrap();
        assert_eq!((result.range.clone(), result.meta.size), (0..10, 10));
        let chunks: Vec<_> = result.into_stream().try_collect().await.unwrap();
        assert_eq!(chunks.concat().len() as u64, length);
        assert!(!chunks.concat().contains(&b'0'));
        assert!(store.plan().unused().is_empty());
    }
}

#[tokio::test]
async fn what_a_server_refuses_has_its_status() {
    let hint = Duration::from_secs(3);
    let late = Fault::RetryAfterDate {
        retry_after: hint,
        clock: Clock::Ahead(Duration::from_secs(3_600)),
    };
    let failure = |error: Error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(link) = cause {
            if let Some(failure) = link.downcast_ref::<HttpFailure>() {
                return (failure.status(), failure.code().unwrap().to_owned());
            }
            cause = link.source();
        }
        unreachable!("{error}")
    };
    let error = store(Rule::any(late)).await.head(&key()).await.unwrap_err();
    let throttled = Verdict::Throttled {
        retry_after: Some(hint),
    };
    assert_eq!(error.verdict(), throttled);
    let redirect = Fault::TemporaryRedirect { location: None };
    let error = store(Rule::any(redirect)).await.get(&key()).await;
    let redirected = failure(error.unwrap_err());
    assert_eq!(redirected, (307, "TemporaryRedirect".to_owned()));
    let wrong = Fault::WrongRegion {
        region: "eu-west-1".to_owned(),
        status: 301,
    };
    let error = store(Rule::any(wrong)).await.get(&key()).await;
    let wrong = failure(error.unwrap_err());
    assert_eq!(wrong, (301, "PermanentRedirect".to_owned()));
}

#[tokio::test]
async fn what_needs_a_server_is_an_error_and_stays_unused() {
    let cut = Fault::CutDocument {
        at: CutAt::Percent(50),
    };
    let faults = [
        (Operation::List, cut),
        (Operation::Get, Fault::HtmlPage),
        (Operation::List, Fault::RepeatToken),
        (Operation::List, Fault::TruncatedWithoutToken),
    ];
    for (operation, fault) in faults {
        let rule = Rule::new(operation, fault.clone());
        let store = store(rule.clone()).await;
        let error = match operation {
            Operation::List => store.list_with_delimiter(None).await.unwrap_err(),
            _ => store.get(&key()).await.unwrap_err(),
        };
        assert!(matches!(error, Error::NotSupported { .. }), "{error}");
        let words = format!("the fault {} of {operation} needs", fault.kind());
        assert!(error.to_string().contains(&words), "{error}");
        assert_eq!(error.verdict(), Verdict::Permanent);
        assert_eq!(store.plan().unused(), [rule]);
    }
}

#[tokio::test]
async fn a_part_that_needs_a_server_never_reaches_the_upload() {
    let store = store(Rule::new(Operation::PutPart, Fault::NoEtag)).await;
    let mut upload = store.put_multipart(&key()).await.unwrap();
    let error = upload.put_part("one".into()).await.unwrap_err();
    assert!(matches!(error, Error::NotSupported { .. }), "{error}");
    upload.put_part("two".into()).await.unwrap();
    upload.complete().await.unwrap();
    let get = store.get(&key()).await.unwrap();
    assert_eq!(get.bytes().await.unwrap(), "two");
}

#[test]
fn a_line_says_whether_it_needs_a_server() {
    let needs = |line: &str| line.parse::<ChaosSpec>().unwrap().needs_server();
    assert_eq!(needs("flaky,redirect=0.1"), None);
    assert_eq!(
        needs("flaky,cut_document=0.1"),
        Some(FaultKind::CutDocument)
    );
}
