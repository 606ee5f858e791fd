//! Faults in multipart uploads, through the upload and through the calls below it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use object_store::client::HttpErrorKind;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions};
use tempfile::TempDir;
use undaunted_chaos::{
    Failure, Fault, FaultPlan, FaultyParts, FaultyStore, Injection, Operation, Rule,
};

use common::{content, injected, keys};

mod common;

const BEFORE: Fault = Fault::FailBefore(Failure::Reset);
const AFTER: Fault = Fault::FailAfter(Failure::Timeout);

fn key() -> Path {
    Path::from("big")
}

/// Both kinds of store behind the same script, each with a plan of its own.
fn stores(rule: &Rule) -> (Vec<FaultyStore<Arc<dyn ObjectStore>>>, TempDir) {
    let (local, folder) = common::local();
    let inner: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(local)];
    let stores = inner
        .into_iter()
        .map(|inner| FaultyStore::new(inner, FaultPlan::scripted([rule.clone()])))
        .collect();
    (stores, folder)
}

async fn upload_two(upload: &mut dyn MultipartUpload) {
    upload.put_part("one-".into()).await.unwrap();
    upload.put_part("two".into()).await.unwrap();
}

#[tokio::test]
async fn creating_an_upload_fails_before_and_after() {
    for fault in [BEFORE, AFTER] {
        let (stores, _folder) = stores(&Rule::new(Operation::CreateMultipart, fault));
        for store in stores {
            injected(&store.put_multipart(&key()).await.unwrap_err());
            let mut upload = store.put_multipart(&key()).await.unwrap();
            upload_two(upload.as_mut()).await;
            upload.complete().await.unwrap();
            assert_eq!(content(store.inner(), &key()).await.unwrap(), "one-two");
            assert_eq!(store.plan().calls(Operation::CreateMultipart), 2);
        }
    }
}

#[tokio::test]
async fn a_part_that_fails_before_never_reaches_the_upload() {
    let (stores, _folder) = stores(&Rule::new(Operation::PutPart, BEFORE).from_call(2));
    for store in stores {
        let mut upload = store.put_multipart(&key()).await.unwrap();
        upload.put_part("one-".into()).await.unwrap();
        let error = upload.put_part("two-".into()).await.unwrap_err();
        assert_eq!(injected(&error), HttpErrorKind::Interrupted);
        upload.put_part("three".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(content(store.inner(), &key()).await.unwrap(), "one-three");
    }
}

#[tokio::test]
async fn a_part_whose_response_is_lost_is_there_twice_if_it_is_sent_again() {
    let (stores, _folder) = stores(&Rule::new(Operation::PutPart, AFTER));
    for store in stores {
        let mut upload = store.put_multipart(&key()).await.unwrap();
        let error = upload.put_part("a".into()).await.unwrap_err();
        assert_eq!(injected(&error), HttpErrorKind::Timeout);
        upload.put_part("a".into()).await.unwrap();
        upload.put_part("b".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(content(store.inner(), &key()).await.unwrap(), "aab");
    }
}

#[tokio::test]
async fn the_fault_of_a_part_does_not_depend_on_the_order_of_polling() {
    let (stores, _folder) = stores(&Rule::new(Operation::PutPart, BEFORE).from_call(2));
    for store in stores {
        let mut upload = store.put_multipart(&key()).await.unwrap();
        let first = upload.put_part("one-".into());
        let second = upload.put_part("two".into());
        assert!(second.await.is_err());
        assert!(first.await.is_ok());
        let Injection { part, nth, .. } = &store.plan().log()[0];
        assert_eq!((*part, *nth), (Some(1), 1));
    }
}

#[tokio::test]
async fn a_complete_fails_before_or_after_it_was_applied() {
    for (fault, there) in [(BEFORE, false), (AFTER, true)] {
        let (stores, _folder) = stores(&Rule::new(Operation::CompleteMultipart, fault));
        for store in stores {
            let mut upload = store.put_multipart(&key()).await.unwrap();
            upload_two(upload.as_mut()).await;
            injected(&upload.complete().await.unwrap_err());
            assert_eq!(content(store.inner(), &key()).await.is_some(), there);
            if !there {
                upload.complete().await.unwrap();
            }
            assert_eq!(content(store.inner(), &key()).await.unwrap(), "one-two");
        }
    }
}

#[tokio::test]
async fn an_abort_fails_before_or_after_it_was_applied() {
    for fault in [BEFORE, AFTER] {
        let (local, folder) = common::local();
        let plan = FaultPlan::scripted([Rule::new(Operation::AbortMultipart, fault.clone())]);
        let store = FaultyStore::new(local, plan);
        let mut upload = store.put_multipart(&key()).await.unwrap();
        upload_two(upload.as_mut()).await;
        injected(&upload.abort().await.unwrap_err());
        let staged = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(staged, usize::from(fault == BEFORE));
    }
}

/// The whole of an upload by the calls below, up to the first error.
async fn upload(store: &dyn MultipartStore) -> Result<(), Error> {
    let id = store
        .create_multipart_opts(&key(), PutMultipartOptions::default())
        .await?;
    let mut parts: Vec<PartId> = Vec::new();
    for (index, data) in ["one-", "two"].into_iter().enumerate() {
        let part = match store.put_part(&key(), &id, index, data.into()).await {
            Err(_) => store.put_part(&key(), &id, index, data.into()).await?,
            part => part?,
        };
        parts.push(part);
    }
    store.complete_multipart(&key(), &id, parts).await?;
    Ok(())
}

#[tokio::test]
async fn a_part_by_its_number_can_be_sent_again() {
    for fault in [BEFORE, AFTER] {
        let inner = Arc::new(InMemory::new());
        let plan = FaultPlan::scripted([Rule::new(Operation::PutPart, fault).count(2)]);
        let parts = FaultyParts::shared(Arc::clone(&inner) as Arc<dyn MultipartStore>, plan);
        // Both faults hit part 0, so the second of them ends the upload.
        assert!(upload(&parts).await.is_err());
        assert_eq!(parts.plan().log().len(), 2);
        upload(&parts).await.unwrap();
        assert_eq!(content(&inner, &key()).await.unwrap(), "one-two");
    }
}

#[tokio::test]
async fn every_call_below_fails_before_and_after() {
    let operations = [
        Operation::CreateMultipart,
        Operation::CompleteMultipart,
        Operation::AbortMultipart,
    ];
    for operation in operations {
        for (fault, applied) in [(BEFORE, false), (AFTER, true)] {
            let plan = FaultPlan::scripted([Rule::new(operation, fault)]);
            let store = FaultyStore::new(InMemory::new(), plan);
            let outcome = upload(&store).await;
            match operation {
                Operation::AbortMultipart => {
                    outcome.unwrap();
                    let id = store.create_multipart(&key()).await.unwrap();
                    injected(&store.abort_multipart(&key(), &id).await.unwrap_err());
                    let again = store.abort_multipart(&key(), &id).await;
                    assert_eq!(again.is_err(), applied, "an upload is aborted once");
                }
                Operation::CompleteMultipart => {
                    injected(&outcome.unwrap_err());
                    assert_eq!(keys(store.inner()).await.is_empty(), !applied);
                }
                _ => {
                    injected(&outcome.unwrap_err());
                    upload(&store).await.unwrap();
                }
            }
            assert!(store.plan().unused().is_empty());
        }
    }
}
