//! What the traces of a store's operations say of waits, of lost responses, and of calls that are dropped.
#![cfg(all(feature = "aws", feature = "spans", feature = "metrics"))]
#![allow(clippy::panic, clippy::unwrap_used)]

mod traced;

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join_all;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use object_store::aws::AmazonS3Builder;
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use opentelemetry::Value;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use tokio::runtime::Builder;
use traced::traced;
use undaunted::{Jitter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::{Backend, RetryConnector, RetryStore, RetryStoreBuilder};

/// The spans so far, in the order in which they began.
fn spans(exporter: &InMemorySpanExporter) -> Vec<SpanData> {
    let mut spans = exporter.get_finished_spans().unwrap();
    exporter.reset();
    spans.sort_by_key(|span| span.start_time);
    spans
}

fn value(span: &SpanData, name: &str) -> Option<Value> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == name)?;
    Some(found.value.clone())
}

fn text(span: &SpanData, name: &str) -> Option<String> {
    value(span, name).map(|value| value.to_string())
}

/// The names of the spans, each behind that of its parent and with its outcome.
fn tree(spans: &[SpanData]) -> Vec<String> {
    let name = |span: &SpanData| {
        let parent = spans
            .iter()
            .find(|parent| parent.span_context.span_id() == span.parent_span_id);
        let parent = parent.map_or("", |parent| &parent.name);
        let outcome = text(span, "undaunted.outcome").unwrap_or_default();
        format!("{parent} > {} {outcome}", span.name)
            .trim()
            .to_owned()
    };
    spans.iter().map(name).collect()
}

async fn server(rules: impl IntoIterator<Item = Rule>) -> S3Server {
    let plan = FaultPlan::scripted(rules);
    let server = S3Server::builder().bucket("data").plan(plan).start();
    server.await.unwrap()
}

fn builder(server: &S3Server, retries: u32) -> RetryStoreBuilder<Arc<dyn ObjectStore>> {
    let (backend, _) = Backend::open_with("s3://data", server.object_store_options()).unwrap();
    let quick = RetryConfig::storage().to_builder().jitter(Jitter::None);
    let config = quick.max_retries(retries).build().unwrap();
    backend.builder().config(config)
}

fn key() -> Path {
    Path::from("a")
}

#[tokio::test]
async fn the_wait_for_a_place_among_those_in_flight_is_told() {
    let late = Fault::Delay(Duration::from_millis(50));
    let server = server([Rule::new(Operation::Get, late).always()]).await;
    let store = builder(&server, 2).max_in_flight(1).build();
    store.put(&key(), "content".into()).await.unwrap();
    let (exporter, _guard) = traced();
    let reads = (0..2).map(|_| async { store.get(&key()).await.unwrap().bytes().await });
    join_all(reads).await;
    let spans = spans(&exporter);
    let attempts = spans.iter().filter(|span| span.name == "attempt");
    let waits: Vec<_> = attempts
        .map(|span| {
            assert_eq!(value(span, "undaunted.queue_ms"), Some(Value::F64(0.0)));
            value(span, "undaunted.in_flight_ms")
        })
        .collect();
    let [None, Some(Value::F64(waited))] = waits[..] else {
        panic!("{waits:?}");
    };
    assert!((20.0..10_000.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn the_look_for_a_lost_response_is_a_part_of_the_operation() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let lost = || Rule::new(Operation::Put, Fault::FailAfter(Failure::status(500))).count(1);
    let (exporter, _guard) = traced();

    // The second attempt finds an object that is its own.
    let found = server([lost()]).await;
    let store = builder(&found, 2).build();
    let create = || PutMode::Create.into();
    store
        .put_opts(&key(), "content".into(), create())
        .await
        .unwrap();
    let seen = spans(&exporter);
    assert_eq!(
        tree(&seen),
        [
            "> put succeeded",
            "put > attempt failed",
            "put > attempt failed",
            "put > resolve_lost_response",
            "resolve_lost_response > get succeeded",
            "get > attempt succeeded",
        ]
    );
    // The second attempt has its own response, and ended with it.
    assert_eq!(text(&seen[2], "http.response.status_code").unwrap(), "412");
    assert_eq!(text(&seen[2], "error.type").unwrap(), "409");
    assert_eq!(text(&seen[2], "undaunted.verdict").unwrap(), "permanent");
    assert!(matches!(seen[2].status, Status::Error { .. }));
    assert!(seen[2].end_time <= seen[3].start_time, "{seen:#?}");
    assert_eq!(value(&seen[0], "undaunted.attempts"), Some(Value::I64(2)));
    assert_eq!(text(&seen[3], "undaunted.resolution").unwrap(), "applied");
    assert_eq!(text(&seen[5], "http.request.method").unwrap(), "HEAD");

    // There is no second attempt, and one look.
    let over = server([lost()]).await;
    let store = builder(&over, 0).build();
    store
        .put_opts(&key(), "content".into(), create())
        .await
        .unwrap();
    let seen = spans(&exporter);
    assert_eq!(
        tree(&seen),
        [
            "> put succeeded",
            "put > attempt failed",
            "put > resolve_lost_response",
        ]
    );
    assert_eq!(seen[0].status, Status::Ok);
    assert_eq!(text(&seen[2], "undaunted.resolution").unwrap(), "applied");
    assert_eq!(text(&seen[2], "http.request.method").unwrap(), "HEAD");
    assert_eq!(text(&seen[2], "http.response.status_code").unwrap(), "200");

    // What their caller got are two successes.
    let counters = snapshotter.snapshot().into_vec().into_iter();
    let successes = counters.filter_map(|(key, _, _, value)| {
        let is_of_puts = key.key().labels().any(|label| label.value() == "put");
        match (key.key().name(), value) {
            ("undaunted.successes" | "undaunted.failures", DebugValue::Counter(count)) => {
                is_of_puts.then(|| (key.key().name().to_owned(), count))
            }
            _ => None,
        }
    });
    let successes: Vec<_> = successes.collect();
    assert_eq!(successes, [("undaunted.successes".to_owned(), 2)]);
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_as_cancelled() {
    let never = Fault::Delay(Duration::from_secs(3600));
    let server = server([Rule::new(Operation::Get, never).count(1)]).await;
    let store = builder(&server, 2).build();
    for key in ["a", "b"] {
        store.put(&Path::from(key), "content".into()).await.unwrap();
    }
    let (exporter, _guard) = traced();
    let arrived = async {
        while server.plan().calls(Operation::Get) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let key = key();
    tokio::select! {
        result = store.get(&key) => panic!("it is delayed for an hour: {result:?}"),
        () = arrived => {}
    }
    assert_eq!(
        tree(&spans(&exporter)),
        ["> get cancelled", "get > attempt cancelled"]
    );
    // Whoever does not want the body has had the result of the call.
    drop(store.get(&key).await.unwrap());
    assert_eq!(
        tree(&spans(&exporter)),
        ["> get succeeded", "get > attempt succeeded"]
    );
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    let succeeded = ["> list succeeded", "list > attempt succeeded"];
    assert_eq!(tree(&spans(&exporter)), succeeded);
}

/// The requests run where nobody listens; the attempts are of the task that waits for them.
#[test]
fn requests_on_another_runtime_are_in_the_spans_of_their_attempts() {
    let mut io = Builder::new_multi_thread();
    let io = io.worker_threads(1).enable_all().build().unwrap();
    let computing = Builder::new_current_thread().enable_time().build().unwrap();
    let busy = Rule::new(Operation::Get, Fault::FailBefore(Failure::status(503))).count(1);
    let server = io.block_on(server([busy]));
    let connector = RetryConnector::new(SpawnedReqwestConnector::new(io.handle().clone()));
    let options = server.object_store_options().into_iter();
    let s3 = options.fold(
        AmazonS3Builder::new().with_bucket_name("data"),
        |builder, (key, value)| builder.with_config(key.parse().unwrap(), value),
    );
    let s3 = s3.with_http_connector(connector).build().unwrap();
    let quick = RetryConfig::storage().to_builder().jitter(Jitter::None);
    let store = RetryStore::new(s3, quick.build().unwrap());
    let (exporter, _guard) = traced();
    computing.block_on(async {
        store.put(&key(), "content".into()).await.unwrap();
        store.get(&key()).await.unwrap().bytes().await.unwrap();
    });
    let spans = spans(&exporter);
    assert_eq!(
        tree(&spans),
        [
            "> put succeeded",
            "put > attempt succeeded",
            "> get succeeded",
            "get > attempt failed",
            "get > attempt succeeded",
        ]
    );
    let status = |span: &SpanData| text(span, "http.response.status_code").unwrap();
    let attempts = spans.iter().filter(|span| span.name == "attempt");
    assert_eq!(
        attempts.clone().map(status).collect::<Vec<_>>(),
        ["200", "503", "200"]
    );
    for attempt in attempts {
        assert_eq!(text(attempt, "server.address").unwrap(), "127.0.0.1");
        assert!(value(attempt, "undaunted.time_to_first_byte_ms").is_some());
    }
    let received = value(&spans[2], "undaunted.bytes_received");
    assert!(matches!(received, Some(Value::I64(7..))), "{received:?}");
}
