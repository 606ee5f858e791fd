//! The traces and metrics of a store's operations, over HTTP and through faults.
#![cfg(all(feature = "aws", feature = "spans", feature = "metrics"))]
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../examples/opentelemetry.rs"]
#[allow(dead_code, reason = "the test prints nothing")]
mod example;
mod traced;

use std::collections::BTreeMap;
use std::time::Duration;

use example::{attribute, caller, traced_upload_and_download};
use futures::{FutureExt, StreamExt, TryStreamExt};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutPayload};
use opentelemetry::Value;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use traced::traced;
use undaunted::{Hedge, Jitter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
use undaunted_object_store::{Backend, Capabilities, RetryStore, open_with};

/// The spans within this one, in the order in which they began.
fn children<'s>(spans: &'s [SpanData], parent: &SpanData) -> Vec<&'s SpanData> {
    let id = parent.span_context.span_id();
    let mut children: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id == id)
        .collect();
    children.sort_by_key(|span| span.start_time);
    children
}

fn text(span: &SpanData, name: &str) -> Option<String> {
    attribute(span, name).map(ToString::to_string)
}

fn number(span: &SpanData, name: &str) -> i64 {
    match attribute(span, name) {
        Some(Value::I64(number)) => *number,
        other => panic!("{name} is {other:?} in {span:#?}"),
    }
}

#[tokio::test]
async fn the_trace_of_an_upload_and_a_download_shows_every_request_under_the_callers_span() {
    let mut spans = traced_upload_and_download().await.unwrap();
    // Those of other tests are in other traces.
    spans.retain(|span| span.span_context.trace_id() == caller().trace_id());
    for span in &spans {
        let names: Vec<_> = span.attributes.iter().map(|it| it.key.as_str()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{names:?}");
        for attribute in &span.attributes {
            let value = attribute.value.to_string();
            for secret in ["Signature", "AWS4-HMAC", "Credential="] {
                assert!(!value.contains(secret), "{attribute:?}");
            }
        }
    }
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    assert_eq!(request.parent_span_id, caller().span_id());
    let operations = children(&spans, request);
    let names: Vec<_> = operations.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["put", "get"]);
    for operation in &operations {
        assert_eq!(text(operation, "aws.s3.bucket").unwrap(), "data");
        assert_eq!(text(operation, "aws.s3.key").unwrap(), "reports/2026.bin");
        assert_eq!(number(operation, "undaunted.attempts"), 2);
        assert_eq!(operation.status, Status::Unset);
        for (attempt, resent) in children(&spans, operation).into_iter().zip([None, Some(1)]) {
            let resend_count = attribute(attempt, "http.request.resend_count");
            assert_eq!(resend_count, resent.map(Value::I64).as_ref());
            assert_eq!(
                number(attempt, "undaunted.attempt"),
                resent.unwrap_or(0) + 1
            );
            assert_eq!(text(attempt, "server.address").unwrap(), "127.0.0.1");
            let Some(Value::F64(first_byte)) =
                attribute(attempt, "undaunted.time_to_first_byte_ms")
            else {
                panic!("{attempt:#?}");
            };
            let took = attempt.end_time.duration_since(attempt.start_time);
            let took = took.unwrap().as_secs_f64() * 1000.0;
            // In milliseconds: a request takes more than a hundredth of one.
            assert!((0.01..=took).contains(first_byte), "{first_byte} of {took}");
        }
    }

    let [put, get] = operations[..] else {
        panic!("{names:?}");
    };
    let [busy, written] = children(&spans, put)[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(number(busy, "http.response.status_code"), 503);
    assert_eq!(text(busy, "error.type").unwrap(), "ServiceUnavailable");
    assert_eq!(text(busy, "undaunted.verdict").unwrap(), "transient");
    assert!(matches!(busy.status, Status::Error { .. }));
    assert_eq!(number(written, "http.response.status_code"), 200);
    assert_eq!(text(written, "http.request.method").unwrap(), "PUT");
    assert_eq!(number(written, "http.request.body.size"), 1_000_000);
    assert_eq!(written.status, Status::Unset);
    assert_eq!(number(put, "undaunted.bytes_sent"), 2_000_000);
    // The refusal has a document, and what was written has no body.
    assert!(number(busy, "http.response.body.size") > 0);
    assert_eq!(attribute(written, "http.response.body.size"), None);

    // The body broke after the call had returned, and was asked for again in the same operation.
    let [begun, resumed] = children(&spans, get)[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(number(begun, "http.response.status_code"), 200);
    assert_eq!(number(resumed, "http.response.status_code"), 206);
    assert_eq!(number(get, "undaunted.bytes_received"), 1_000_000);
    assert_eq!(attribute(begun, "http.request.body.size"), None);
    // What had come when the attempt ended: of the first its head.
    assert_eq!(attribute(begun, "http.response.body.size"), None);
    assert!((1..=1_000_000).contains(&number(resumed, "http.response.body.size")));
    assert!(get.end_time >= resumed.end_time);
}

fn config() -> RetryConfig {
    let quick = RetryConfig::storage().to_builder().jitter(Jitter::None);
    quick.max_retries(2).build().unwrap()
}

/// The counters and the numbers of samples, without the budget and the pace.
fn numbers(snapshotter: &Snapshotter) -> BTreeMap<String, u64> {
    let snapshot = snapshotter.snapshot().into_vec().into_iter();
    let numbers = snapshot.filter_map(|(key, _, _, value)| {
        let labels: Vec<_> = key.key().labels().map(metrics::Label::value).collect();
        let name = format!("{} {}", key.key().name(), labels.join(" "));
        match value {
            DebugValue::Counter(count) => Some((name, count)),
            DebugValue::Histogram(samples) => Some((name, samples.len() as u64)),
            DebugValue::Gauge(_) => None,
        }
    });
    numbers.collect()
}

#[tokio::test]
async fn the_metrics_count_every_request_and_every_call_once() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let broken = || Fault::BreakBody {
        at: 300_000,
        failure: Failure::Reset,
    };
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::FailBefore(Failure::slow_down())).count(1),
        Rule::new(Operation::Get, broken()).count(1),
        Rule::new(Operation::List, Fault::FailBefore(Failure::status(500))).count(3),
    ]);
    let server = S3Server::builder().bucket("data").plan(plan).start();
    let server = server.await.unwrap();
    let options = server.object_store_options();
    let (store, path) = open_with("s3://data/a.bin", options, config()).unwrap();

    store
        .put(&path, PutPayload::from(vec![7; 1_000_000]))
        .await
        .unwrap();
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read.len(), 1_000_000);
    store.get(&Path::from("missing")).await.unwrap_err();
    store.list(None).try_collect::<Vec<_>>().await.unwrap_err();
    // A call that is given up by its caller did not end, and a body that is not wanted did.
    let head = GetOptions::new().with_head(true);
    assert!(store.get_opts(&path, head.clone()).now_or_never().is_none());
    drop(store.get(&path).await.unwrap());
    store.get_opts(&path, head).await.unwrap();

    let numbers = numbers(&snapshotter);
    let attempts: u64 = numbers
        .iter()
        .filter(|(name, _)| name.starts_with("undaunted.attempts"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(attempts, server.requests().len() as u64, "{numbers:#?}");
    let expected = [
        ("undaunted.calls put", 1),
        ("undaunted.successes put", 1),
        ("undaunted.attempts put", 2),
        ("undaunted.retries put throttled", 1),
        ("undaunted.errors put SlowDown throttled", 1),
        ("undaunted.sent put", 2_000_000),
        ("undaunted.calls get", 4),
        ("undaunted.successes get", 3),
        ("undaunted.failures get permanent", 1),
        ("undaunted.attempts get", 5),
        ("undaunted.retries get transient", 1),
        ("undaunted.errors get 404 permanent", 1),
        ("undaunted.call.duration get", 4),
        ("undaunted.attempt.duration get", 5),
        ("undaunted.time_to_first_byte get", 5),
        ("undaunted.calls list", 1),
        ("undaunted.attempts list", 3),
        ("undaunted.failures list retries_exhausted", 1),
        ("undaunted.errors list InternalError transient", 3),
        ("undaunted.delay list", 2),
    ];
    for (name, count) in expected {
        assert_eq!(numbers.get(name), Some(&count), "{name} in {numbers:#?}");
    }
}

/// A failed download counts as a failed call, and not as a success as well.
#[tokio::test]
async fn a_body_that_is_given_up_is_a_failed_call() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let broken = Fault::BreakBody {
        at: 10,
        failure: Failure::Reset,
    };
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Get, broken).count(1),
        Rule::new(Operation::Get, Fault::FailBefore(Failure::status(503))).count(10),
    ]);
    let server = S3Server::builder().bucket("data").plan(plan).start();
    let server = server.await.unwrap();
    let (backend, path) =
        Backend::open_with("s3://data/a.bin", server.object_store_options()).unwrap();
    let store: RetryStore<_> = backend.builder().config(config()).build();
    store.put(&path, vec![7; 1_000].into()).await.unwrap();
    let mut body = store.get(&path).await.unwrap().into_stream();
    assert_eq!(body.next().await.unwrap().unwrap().len(), 10);
    body.next().await.unwrap().unwrap_err();
    drop(body);
    let numbers = numbers(&snapshotter);
    assert_eq!(numbers.get("undaunted.calls get"), Some(&1));
    assert_eq!(numbers.get("undaunted.successes get"), None);
    let failures = numbers.get("undaunted.failures get retries_exhausted");
    assert_eq!(failures, Some(&1), "{numbers:#?}");
}

/// Both requests of a hedged read are one attempt of one call.
#[tokio::test]
async fn a_hedged_read_is_counted_once() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let late = Fault::Delay(Duration::from_secs(20));
    let plan = FaultPlan::scripted([Rule::new(Operation::Get, late).count(1)]);
    let server = S3Server::builder().bucket("data").plan(plan).start();
    let server = server.await.unwrap();
    let (backend, path) =
        Backend::open_with("s3://data/a.bin", server.object_store_options()).unwrap();
    let hedge = Hedge::default().with_first_delay(Duration::from_millis(30));
    let store: RetryStore<_> = backend.builder().config(config()).hedge(hedge).build();
    store.put(&path, vec![7; 1_000].into()).await.unwrap();
    let ranges = store.get_ranges(&path, &[0..10, 20..30]).await.unwrap();
    assert_eq!(ranges.len(), 2);
    let numbers = numbers(&snapshotter);
    for (name, count) in [
        ("undaunted.calls get", 1),
        ("undaunted.successes get", 1),
        ("undaunted.attempts get", 1),
        ("undaunted.hedge.issued get", 1),
        ("undaunted.hedge.won get", 1),
        ("undaunted.time_to_first_byte get", 1),
        ("undaunted.received get", 30),
    ] {
        assert_eq!(numbers.get(name), Some(&count), "{name} in {numbers:#?}");
    }
    assert_eq!(numbers.get("undaunted.recoveries get"), None);
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

/// The spans of operations, and the numbers of attempts in them.
fn operations(exporter: &InMemorySpanExporter) -> Vec<(String, i64)> {
    let spans = exporter.get_finished_spans().unwrap().into_iter();
    let operations = spans.filter(|span| attribute(span, "undaunted.attempts").is_some());
    operations
        .map(|span| (span.name.to_string(), number(&span, "undaunted.attempts")))
        .collect()
}

#[tokio::test]
async fn ranges_that_are_read_together_are_one_call() {
    for is_hedged in [false, true] {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _metrics = metrics::set_default_local_recorder(&recorder);
        let (exporter, _spans) = traced();
        let server = S3Server::builder().bucket("data").start().await.unwrap();
        let (backend, path) =
            Backend::open_with("s3://data/a.bin", server.object_store_options()).unwrap();
        let mut builder = backend.builder().config(config());
        if is_hedged {
            builder = builder.hedge(Hedge::default());
        }
        let store = builder.build();
        store.put(&path, vec![7; 5_000_000].into()).await.unwrap();
        let once = Rule::new(Operation::Get, Fault::FailBefore(Failure::status(503))).count(1);
        server.set_plan(FaultPlan::scripted([once]));
        let before = server.requests().len();
        let ranges = [0..10, 2_000_000..2_000_010, 4_000_000..4_000_010];
        let read = store.get_ranges(&path, &ranges).await.unwrap();
        assert!(read.iter().all(|range| range == &[7; 10][..]));

        let requests = server.requests().len() - before;
        let numbers = numbers(&snapshotter);
        for name in [
            "undaunted.calls get",
            "undaunted.successes get",
            "undaunted.recoveries get",
            "undaunted.call.duration get",
        ] {
            assert_eq!(numbers.get(name), Some(&1), "{name} in {numbers:#?}");
        }
        let attempts = numbers.get("undaunted.attempts get").copied().unwrap();
        let spans = [("put".to_owned(), 1), ("get".to_owned(), signed(attempts))];
        assert_eq!(operations(&exporter), spans);
        if is_hedged {
            assert_eq!(attempts, requests as u64);
        }
    }
}

/// A store without pages: its list is one call, however often it breaks.
#[tokio::test]
async fn a_list_that_is_read_by_entry_is_one_call() {
    let breaks = || {
        let broken = Fault::BreakList {
            after: 3,
            failure: Failure::Reset,
        };
        Rule::new(Operation::List, broken)
    };
    let gone = || Rule::new(Operation::List, Fault::FailBefore(Failure::Reset)).always();
    for (rules, ends, recoveries, failures, attempts) in [
        (vec![], true, None, None, 1),
        (vec![breaks(), breaks()], true, Some(1), None, 3),
        (vec![breaks(), gone()], false, None, Some(1), 3),
        (vec![gone()], false, None, Some(1), 3),
    ] {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let _metrics = metrics::set_default_local_recorder(&recorder);
        let (exporter, _spans) = traced();
        let memory = InMemory::new();
        for number in 0..10 {
            let key = Path::from(number.to_string());
            memory.put(&key, "x".into()).await.unwrap();
        }
        let store = RetryStore::builder(FaultyStore::new(memory, FaultPlan::scripted(rules)))
            .config(config())
            .capabilities(Capabilities::none().with_lists_in_order())
            .build();
        // Nobody reads it.
        drop(store.list(None));
        let listed = store.list(None).try_collect::<Vec<_>>().await;
        assert_eq!(listed.is_ok_and(|listed| listed.len() == 10), ends);

        let numbers = numbers(&snapshotter);
        for (name, count) in [
            ("undaunted.calls list", Some(1)),
            ("undaunted.successes list", ends.then_some(1)),
            ("undaunted.recoveries list", recoveries),
            ("undaunted.failures list retries_exhausted", failures),
            ("undaunted.attempts list", Some(attempts)),
        ] {
            assert_eq!(numbers.get(name).copied(), count, "{name}: {numbers:#?}");
        }
        assert_eq!(
            operations(&exporter),
            [("list".to_owned(), signed(attempts))]
        );
    }
    // One that is given up by its reader did not end.
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let memory = InMemory::new();
    memory.put(&Path::from("a"), "x".into()).await.unwrap();
    let store = RetryStore::new(memory, config());
    let mut list = store.list(None);
    list.try_next().await.unwrap().unwrap();
    drop(list);
    assert_eq!(numbers(&snapshotter).get("undaunted.calls list"), None);
}
