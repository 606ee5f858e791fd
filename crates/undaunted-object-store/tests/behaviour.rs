//! Reads, lists, uploads and events under faults, with a paused clock.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload, WriteMultipart,
};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};
use undaunted::{Jitter, RetryConfig, RetryReport};
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
use undaunted_object_store::{Backend, Capabilities, RetryStore, observe};

type Store = RetryStore<FaultyStore<InMemory>>;

const BODY: &[u8] = &[5; 10_000];

fn plain() -> RetryConfig {
    RetryConfig::builder().jitter(Jitter::None).build().unwrap()
}

fn store(rules: impl IntoIterator<Item = Rule>) -> Store {
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
    let capabilities = Capabilities::none()
        .with_parts(Arc::new(faulty.clone()))
        .with_attributes()
        .with_lists_in_order();
    RetryStore::builder(faulty)
        .config(plain())
        .capabilities(capabilities)
        .build()
}

async fn with_body(rules: impl IntoIterator<Item = Rule>) -> (Store, Path) {
    let store = store(rules);
    let path = Path::from("a");
    store.inner().inner().put(&path, BODY.into()).await.unwrap();
    (store, path)
}

fn gets(store: &Store) -> u64 {
    store.inner().plan().calls(Operation::Get)
}

#[tokio::test(start_paused = true)]
async fn every_byte_that_arrives_renews_the_retries() {
    // 3 retries a failure, and 50 failures: each time a little more arrives.
    let fault = Fault::BreakBody {
        at: 100,
        failure: Failure::Reset,
    };
    let (store, path) = with_body([Rule::new(Operation::Get, fault).count(50)]).await;
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, BODY);
    assert_eq!(gets(&store), 51);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_brings_nothing_is_given_up_after_the_retries() {
    let (store, path) = with_body([
        Rule::new(
            Operation::Get,
            Fault::BreakBody {
                at: 100,
                failure: Failure::Reset,
            },
        ),
        Rule::new(Operation::Get, Fault::FailBefore(Failure::status(503))).always(),
    ])
    .await;
    let error = store.get(&path).await.unwrap().bytes().await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(gets(&store), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_clean_end_before_the_length_is_a_failure() {
    let fault = Fault::ShortBody { at: 1000 };
    let (store, path) = with_body([Rule::new(Operation::Get, fault)]).await;
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, BODY);
    assert_eq!(gets(&store), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_resumed() {
    let lasts = Duration::from_secs(3600);
    let fault = Fault::StallBody { at: 1000, lasts };
    let (store, path) = with_body([Rule::new(Operation::Get, fault)]).await;
    let start = Instant::now();
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, BODY);
    // The stall timeout and one wait.
    assert_eq!(start.elapsed().as_secs(), 30 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_pauses_is_no_stall() {
    let lasts = Duration::from_secs(20);
    let fault = Fault::StallBody { at: 1000, lasts };
    let (store, path) = with_body([Rule::new(Operation::Get, fault)]).await;
    let mut body = store.get(&path).await.unwrap().into_stream();
    let first = body.next().await.unwrap().unwrap();
    {
        // Looked for once, found nothing yet, and went away for an hour.
        let mut next = body.next();
        assert!(futures::poll!(&mut next).is_pending());
    }
    sleep(Duration::from_secs(3600)).await;
    let rest: Vec<Bytes> = body.try_collect().await.unwrap();
    let length: usize = rest.iter().map(Bytes::len).sum();
    assert_eq!(first.len() + length, BODY.len());
    assert_eq!(gets(&store), 1, "nothing was asked for again");
}

#[tokio::test(start_paused = true)]
async fn the_meaning_of_an_error_survives_a_failed_resume() {
    let fault = Fault::BreakBody {
        at: 100,
        failure: Failure::Reset,
    };
    let (store, path) = with_body([Rule::new(Operation::Get, fault)]).await;
    let mut body = store.get(&path).await.unwrap().into_stream();
    body.next().await.unwrap().unwrap();
    store.inner().inner().delete(&path).await.unwrap();
    let error = body.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_has_no_duplicate_and_no_gap() {
    let broken = |after| Fault::BreakList {
        after,
        failure: Failure::Reset,
    };
    let rules = [0, 3, 0, 7, 1].map(|after| Rule::new(Operation::List, broken(after)));
    let store = store(rules);
    let paths: Vec<Path> = (0..50).map(|n| Path::from(format!("k/{n:02}"))).collect();
    for path in &paths {
        store.inner().inner().put(path, "x".into()).await.unwrap();
    }
    let listed: Vec<Path> = store
        .list_with_offset(Some(&Path::from("k")), &Path::from("k/09"))
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed, paths[10..]);
    assert!(store.inner().plan().unused().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_known_order_is_not_resumed() {
    let broken = Fault::BreakList {
        after: 3,
        failure: Failure::Reset,
    };
    let plan = FaultPlan::scripted([Rule::new(Operation::List, broken)]);
    let store = RetryStore::new(
        FaultyStore::new(InMemory::new(), plan),
        RetryConfig::storage(),
    );
    for n in 0..5 {
        let path = Path::from(format!("{n}"));
        store.inner().inner().put(&path, "x".into()).await.unwrap();
    }
    let error = store.list(None).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(
        error.to_string().contains("does not list in key order"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn writers_over_us_never_abort_a_completed_upload() {
    let lost = || {
        Rule::new(
            Operation::CompleteMultipart,
            Fault::FailAfter(Failure::Reset),
        )
    };
    let data = vec![9; 12 * 1024 * 1024];
    let path = Path::from("a");

    let store_1 = store([lost()]);
    let upload = store_1.put_multipart(&path).await.unwrap();
    let mut writer = WriteMultipart::new(upload);
    writer.write(&data);
    writer.finish().await.unwrap();

    let store_2 = store([lost()]);
    let mut writer = BufWriter::new(Arc::new(store_2.clone()), path.clone());
    writer.write_all(&data).await.unwrap();
    writer.shutdown().await.unwrap();

    for store in [store_1, store_2] {
        assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == data);
        assert_eq!(store.inner().plan().calls(Operation::AbortMultipart), 0);
        assert!(store.inner().plan().unused().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn parts_are_repeated_without_being_doubled() {
    let lost = Fault::FailAfter(Failure::Reset);
    let store = store([Rule::new(Operation::PutPart, lost).count(3)]);
    let path = Path::from("a");
    let mut upload = store.put_multipart(&path).await.unwrap();
    for byte in [b'a', b'b', b'c'] {
        upload
            .put_part(PutPayload::from(vec![byte; 4]))
            .await
            .unwrap();
    }
    upload.complete().await.unwrap();
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(&read[..], b"aaaabbbbcccc");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_its_id_can_complete_an_upload_whose_response_is_lost() {
    let lost = Rule::new(
        Operation::CompleteMultipart,
        Fault::FailAfter(Failure::Reset),
    );
    let began = store([lost]);
    let path = Path::from("a");
    let id = began.create_multipart(&path).await.unwrap();
    let part = began.put_part(&path, &id, 0, "data".into()).await.unwrap();
    // The same store in another process: it remembers nothing of the upload.
    let faulty = began.inner().clone();
    let completes = RetryStore::builder(faulty.clone())
        .capabilities(Capabilities::none().with_parts(Arc::new(faulty)))
        .build();
    completes
        .complete_multipart(&path, &id, vec![part])
        .await
        .unwrap();
    assert!(began.inner().plan().unused().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_parts_a_failed_part_fails_the_upload_and_is_never_passed_twice() {
    let fault = Fault::FailAfter(Failure::Reset);
    let plan = FaultPlan::scripted([Rule::new(Operation::PutPart, fault)]);
    let store = RetryStore::new(
        FaultyStore::new(InMemory::new(), plan),
        RetryConfig::storage(),
    );
    let mut upload = store.put_multipart(&Path::from("a")).await.unwrap();
    upload.put_part("data".into()).await.unwrap_err();
    assert_eq!(store.inner().plan().calls(Operation::PutPart), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_tells_what_it_took() {
    let fault = Fault::FailBefore(Failure::Reset);
    let (store, path) = with_body([Rule::new(Operation::Get, fault).count(2)]).await;
    let result = store.get(&path).await.unwrap();
    let report = result.extensions.get::<RetryReport>().unwrap();
    assert_eq!(report.attempts(), 3);
    assert_eq!(report.delays().len(), 2);
    assert_eq!(report.elapsed(), report.delays().iter().sum::<Duration>());
    assert_eq!(report.queued(), Duration::ZERO);
    let first_time = store.get(&path).await.unwrap();
    assert!(first_time.extensions.get::<RetryReport>().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_operation_waits_for_its_turn_and_not_for_a_backoff() {
    let fault = || Fault::FailBefore(Failure::slow_down());
    let (store, path) = with_body([Rule::new(Operation::Get, fault()).count(2)]).await;
    let result = store.get(&path).await.unwrap();
    let report = result.extensions.get::<RetryReport>().unwrap();
    assert_eq!(report.attempts(), 3);
    assert_eq!(report.delays(), [Duration::ZERO; 2]);
    assert_eq!(report.queued(), report.elapsed());
    assert!(report.queued() > Duration::from_millis(40));
    assert!(report.queued() < Duration::from_secs(2));
    assert_eq!(store.budget().unwrap().tokens(), 500, "it costs nothing");

    let plan = FaultPlan::scripted([Rule::new(Operation::Get, fault()).count(2)]);
    let unpaced = RetryStore::builder(FaultyStore::new(InMemory::new(), plan))
        .without_pacer()
        .config(plain())
        .build();
    unpaced.put(&path, "x".into()).await.unwrap();
    let result = unpaced.get(&path).await.unwrap();
    let report = result.extensions.get::<RetryReport>().unwrap();
    assert_eq!(report.delays(), [1, 2].map(Duration::from_secs));
}

#[tokio::test(start_paused = true)]
async fn events_name_operation_and_object() {
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::FailBefore(Failure::Reset)),
        Rule::new(Operation::Delete, Fault::FailBefore(Failure::status(500))),
    ]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let store = RetryStore::builder(FaultyStore::new(InMemory::new(), plan))
        .on_event(move |event| {
            let line = format!("{} {}: {}", event.operation, event.location, event.event);
            told.lock().unwrap().push(line);
        })
        .build();
    let path = Path::from("reports/a");
    store.put(&path, "x".into()).await.unwrap();
    store.delete(&path).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    assert!(seen[0].starts_with("put reports/a: Retry attempt 1/10 for put reports/a after "));
    assert_eq!(
        seen[1],
        "put reports/a: put reports/a succeeded at attempt 2"
    );
    assert!(seen[2].starts_with("delete reports/a: Retry attempt 1/10 for delete reports/a"));
}

#[tokio::test(start_paused = true)]
async fn one_budget_bounds_all_operations_of_a_store() {
    let fault = Fault::FailBefore(Failure::status(503));
    let (store, path) = with_body([Rule::any(fault).always()]).await;
    for _ in 0..100 {
        store.get(&path).await.unwrap_err();
        store.put(&path, "x".into()).await.unwrap_err();
    }
    let calls = gets(&store) + store.inner().plan().calls(Operation::Put);
    // 200 first attempts; 35 retries from the bucket and what it refilled in between.
    assert!((235..330).contains(&calls), "{calls}");
    assert!(store.budget().unwrap().tokens() < 28);
}

#[tokio::test(start_paused = true)]
async fn policies_can_be_set_apart() {
    let fault = Fault::FailBefore(Failure::status(503));
    let plan = FaultPlan::scripted([Rule::any(fault).always()]);
    let retries = |n| RetryConfig::builder().max_retries(n).build().unwrap();
    let store = RetryStore::builder(FaultyStore::new(InMemory::new(), plan))
        .read_config(retries(1))
        .write_config(retries(2))
        .list_config(retries(3))
        .delete_config(retries(4))
        .without_budget()
        .build();
    let path = Path::from("a");
    store.get(&path).await.unwrap_err();
    store.put(&path, "x".into()).await.unwrap_err();
    store.list(None).try_collect::<Vec<_>>().await.unwrap_err();
    store.delete(&path).await.unwrap_err();
    let calls = |operation| store.inner().plan().calls(operation);
    assert_eq!(calls(Operation::Get), 2);
    assert_eq!(calls(Operation::Put), 3);
    assert_eq!(calls(Operation::List), 4);
    assert_eq!(calls(Operation::Delete), 5);
    assert!(store.budget().is_none());
}

#[tokio::test(start_paused = true)]
async fn deletes_keep_their_order_and_report_each_key_once() {
    let fail = |key: &str, failure, count| {
        Rule::new(Operation::Delete, Fault::FailAfter(failure))
            .key(key)
            .count(count)
    };
    let store = store([
        fail("k/03", Failure::Reset, 2),
        fail("k/05", Failure::status(503), 1),
        Rule::new(Operation::Delete, Fault::FailBefore(Failure::status(403)))
            .key("k/07")
            .always(),
    ]);
    let paths: Vec<Path> = (0..10).map(|n| Path::from(format!("k/{n:02}"))).collect();
    for path in &paths {
        store.inner().inner().put(path, "x".into()).await.unwrap();
    }
    let keys = stream::iter(paths.clone().into_iter().map(Ok)).boxed();
    let results: Vec<_> = store.delete_stream(keys).collect().await;
    assert_eq!(results.len(), 10);
    for (index, (result, path)) in results.iter().zip(&paths).enumerate() {
        match result {
            Ok(deleted) => assert_eq!(deleted, path),
            Err(Error::PermissionDenied { .. }) => assert_eq!(index, 7),
            Err(error) => unreachable!("{index}: {error}"),
        }
    }
    assert!(results[7].is_err());
}

/// A store that deletes one key after another loses the results of a batch that a limit cuts.
#[tokio::test(start_paused = true)]
async fn keys_of_a_batch_that_was_cut_are_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let keys = ["a", "b", "c"].map(Path::from);
    for key in &keys {
        files.put(key, "x".into()).await.unwrap();
    }
    let hangs = Fault::Delay(Duration::from_secs(3600));
    let plan = FaultPlan::scripted([Rule::new(Operation::Delete, hangs).from_call(3)]);
    let config = plain().to_builder();
    let config = config.attempt_timeout(Some(Duration::from_secs(10)));
    let store = RetryStore::builder(FaultyStore::new(files, plan))
        .config(config.build().unwrap())
        .build();
    let asked = stream::iter(keys.clone().map(Ok)).boxed();
    let deleted: Vec<Path> = store.delete_stream(asked).try_collect().await.unwrap();
    assert_eq!(deleted, keys);
    assert_eq!(store.inner().plan().calls(Operation::Delete), 6);
    // A key that was never there is not found, as ever.
    let asked = stream::iter(keys.map(Ok)).boxed();
    let deleted: Vec<_> = store.delete_stream(asked).collect().await;
    for result in deleted {
        assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    }
}

/// Uploads of local files in parts can have no tags there; they are begun in the store's own way,
/// which leaves them out.
#[tokio::test(start_paused = true)]
async fn a_fallback_is_no_failed_operation() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let (backend, _) = Backend::open(&url).unwrap();
    let store = backend.builder().on_event(move |event| {
        told.lock().unwrap().push(event.event.to_string());
    });
    let store = store.build();
    let mut options = PutMultipartOptions::default();
    options.tags.push("kind", "report");
    let path = Path::from("a");
    let (upload, observed) = observe(store.put_multipart_opts(&path, options)).await;
    upload.unwrap();
    let told = seen.lock().unwrap().clone();
    assert!(
        !told.iter().any(|line| line.contains("Gave up")),
        "{told:?}"
    );
    assert!(observed.failed_operation.is_none());
    assert_eq!(observed.report.failures().len(), 0);
}
