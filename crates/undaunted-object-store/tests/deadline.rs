//! Deadlines of the caller: every operation of a store ends there, with an error of its own.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, WriteMultipart};
use tokio::time::Instant;
use undaunted::{RetryConfig, StopReason, TimedOut, with_deadline};
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyParts, FaultyStore, Operation, Rule};
use undaunted_object_store::{Ambiguous, Capabilities, ObjectPin, RetryStore, cause, observe};

type Store = RetryStore<FaultyStore<Arc<dyn ObjectStore>>>;

const BODY: &[u8] = &[7; 100_000];

/// A store in memory that holds `a`, and these faults.
async fn store(rules: impl IntoIterator<Item = Rule>) -> (Store, Arc<InMemory>) {
    let memory = Arc::new(InMemory::new());
    memory.put(&Path::from("a"), BODY.into()).await.unwrap();
    let plan = FaultPlan::scripted(rules);
    let parts = FaultyParts::shared(memory.clone(), plan.clone());
    let capabilities = Capabilities::none()
        .with_parts(Arc::new(parts))
        .with_attributes()
        .with_lists_in_order();
    let inner: Arc<dyn ObjectStore> = memory.clone();
    let store = RetryStore::builder(FaultyStore::new(inner, plan))
        .config(RetryConfig::storage())
        .capabilities(capabilities)
        .build();
    (store, memory)
}

fn outage(operation: Operation) -> Rule {
    Rule::new(operation, Fault::FailBefore(Failure::Reset)).always()
}

fn hangs(operation: Operation) -> Rule {
    Rule::new(operation, Fault::Delay(Duration::from_secs(3600))).always()
}

fn after(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// Whether this is a limit of the caller's.
fn is_of_caller(error: &Error) -> bool {
    matches!(cause::<TimedOut>(error), Some(TimedOut::Deadline { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_is_cut_and_an_outage_ends_before_the_deadline() {
    let path = Path::from("a");
    let (hanging, _) = store([hangs(Operation::Get), hangs(Operation::Put)]).await;
    let start = Instant::now();
    let (got, seen) = observe(with_deadline(after(3), hanging.get(&path))).await;
    let error = got.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(seen.report.stop_reason(), Some(StopReason::CallerDeadline));

    let (broken, _) = store([outage(Operation::Get)]).await;
    let start = Instant::now();
    let (got, seen) = observe(with_deadline(after(3), broken.get(&path))).await;
    let error = got.unwrap_err();
    // The last failure says more than the limit.
    assert!(!is_of_caller(&error), "{error}");
    assert!(seen.report.attempts() > 2, "{seen:?}");
    assert_eq!(seen.report.stop_reason(), Some(StopReason::CallerDeadline));
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_no_request_is_made() {
    let (store, memory) = store([]).await;
    let path = Path::from("b");
    let error = with_deadline(Instant::now(), store.put(&path, "x".into())).await;
    assert!(is_of_caller(&error.unwrap_err()));
    assert!(memory.head(&path).await.is_err());
    let keys = stream::iter(["a", "b"].map(|key| Ok(Path::from(key)))).boxed();
    let deleted: Vec<_> = with_deadline(Instant::now(), store.delete_stream(keys).collect()).await;
    assert_eq!(deleted.len(), 2);
    assert!(deleted.iter().all(Result::is_err), "{deleted:?}");
    assert!(memory.head(&Path::from("a")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_body_and_a_range_end_at_the_deadline() {
    let stall = Fault::StallBody {
        at: 1000,
        lasts: Duration::from_secs(3600),
    };
    let (stalled, memory) = store([Rule::new(Operation::Get, stall).always()]).await;
    let path = Path::from("a");
    let start = Instant::now();
    let read = async { stalled.get(&path).await?.bytes().await };
    let error = with_deadline(after(3), read).await.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));

    let pin = ObjectPin::of(&memory.head(&path).await.unwrap());
    let start = Instant::now();
    let read = stalled.read_range(&path, 0..50_000, &pin);
    let error = with_deadline(after(3), read).await.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    // Whoever reads it without a deadline is told nothing of one.
    let mut body = stalled.get(&path).await.unwrap().into_stream();
    with_deadline(after(60), body.try_next()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_list_ends_at_the_deadline() {
    let (hanging, _) = store([hangs(Operation::List)]).await;
    let start = Instant::now();
    let listed = hanging.list(None).try_collect::<Vec<_>>();
    let error = with_deadline(after(3), listed).await.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_conditional_put_that_was_cut_is_ambiguous_and_not_looked_at_for_ten_seconds() {
    let lost = Rule::new(Operation::Put, Fault::FailAfter(Failure::Timeout)).always();
    let (store, _) = store([lost, hangs(Operation::Head)]).await;
    let start = Instant::now();
    let path = Path::from("b");
    let put = store.put_opts(&path, "x".into(), PutMode::Create.into());
    let error = with_deadline(after(3), put).await.unwrap_err();
    assert!(cause::<Ambiguous>(&error).is_some(), "{error}");
    assert!(
        start.elapsed() <= Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

/// The failure before says nothing of the attempt that was cut.
#[tokio::test(start_paused = true)]
async fn a_conditional_put_that_was_cut_after_a_refusal_is_ambiguous() {
    let path = Path::from("b");
    for refusal in [Failure::slow_down(), Failure::Connect] {
        let refused = Rule::new(Operation::Put, Fault::FailBefore(refusal));
        let (store, _) = store([refused, hangs(Operation::Put)]).await;
        let put = store.put_opts(&path, "x".into(), PutMode::Create.into());
        let error = with_deadline(after(20), put).await.unwrap_err();
        assert!(cause::<Ambiguous>(&error).is_some(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_can_be_aborted_after_the_deadline() {
    let (hanging, _) = store([hangs(Operation::PutPart)]).await;
    let path = Path::from("b");
    let start = Instant::now();
    let upload = async {
        let id = hanging.create_multipart(&path).await?;
        let part = hanging.put_part(&path, &id, 0, "x".into()).await;
        let aborted = hanging.abort_multipart(&path, &id).await;
        aborted.unwrap();
        part
    };
    let error = with_deadline(after(3), upload).await.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_moves_parts_to_other_tasks_ends_at_the_deadline_too() {
    let (hanging, _) = store([hangs(Operation::PutPart)]).await;
    let start = Instant::now();
    let writing = async {
        let upload = hanging.put_multipart(&Path::from("b")).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, 5 << 20);
        writer.write(&vec![1; 6 << 20]);
        writer.finish().await
    };
    let error = with_deadline(after(3), writing).await.unwrap_err();
    assert!(is_of_caller(&error), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_everything_ends_with_the_deadline_in_the_queue() {
    let refuses = Rule::new(Operation::Get, Fault::FailBefore(Failure::slow_down())).always();
    let (store, _) = store([refuses]).await;
    let path = Path::from("a");
    let start = Instant::now();
    let gets = futures::future::join_all((0..50).map(|_| store.get(&path)));
    for got in with_deadline(after(3), gets).await {
        got.unwrap_err();
    }
    assert!(
        start.elapsed() <= Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}
