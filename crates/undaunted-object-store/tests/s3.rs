//! `open()` and `RetryStore` against a real S3 server over HTTP, with faults in front of it.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode,
    WriteMultipart, integration,
};
use undaunted::{Jitter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, HttpFailure, Operation, Rule};
use undaunted_object_store::{InvalidAttribute, ObjectPin, RetryStore, cause, observe, open_with};

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// A server with these faults, and a store on it whose waits are short.
async fn start(rules: impl IntoIterator<Item = Rule>) -> (S3Server, Store) {
    let plan = FaultPlan::scripted(rules);
    let server = S3Server::builder().plan(plan).start().await.unwrap();
    let config = RetryConfig::builder()
        .max_retries(10)
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(20))
        .jitter(Jitter::Full)
        .build()
        .unwrap();
    let options = server
        .object_store_options()
        .into_iter()
        .chain([("aws_copy_if_not_exists".into(), "multipart".into())]);
    let (store, _) = open_with("s3://bucket", options, config).unwrap();
    (server, store)
}

/// Objects in one folder, in order: more than a page of a list, and than a batch of deletes.
async fn put_more_than_a_page(store: &Store) -> Vec<Path> {
    let paths: Vec<Path> = (0..1100).map(|n| Path::from(format!("k/{n:04}"))).collect();
    futures::stream::iter(&paths)
        .map(|path| store.put(path, "x".into()))
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    paths
}

/// The whole object.
async fn read(store: &Store, path: &Path) -> Bytes {
    store.get(path).await.unwrap().bytes().await.unwrap()
}

fn hits(server: &S3Server, operation: Operation) -> usize {
    let requests = server.requests();
    requests
        .iter()
        .filter(|request| request.operation == operation)
        .count()
}

const BODY: &[u8] = &[7; 300_000];

#[tokio::test]
async fn object_stores_own_functions_pass() {
    let (_server, store) = start([]).await;
    integration::put_get_delete_list(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::multipart(&store, &store).await;
    integration::put_opts(&store, true).await;
}

#[tokio::test]
async fn every_failure_of_a_get_is_retried() {
    let status = |status: u16| Failure::Status(HttpFailure::new(status));
    let request_timeout = Failure::Status(HttpFailure::new(400).with_code("RequestTimeout"));
    let faults = [
        Fault::FailBefore(Failure::slow_down()),
        Fault::FailBefore(status(500)),
        Fault::FailBefore(status(429)),
        Fault::FailBefore(request_timeout),
        Fault::FailBefore(Failure::Closed),
        Fault::FailBefore(Failure::Reset),
        Fault::BreakBody {
            at: 1000,
            failure: Failure::Closed,
        },
        Fault::BreakBody {
            at: 20_000,
            failure: Failure::Reset,
        },
        // On the wire this is a response in chunks that does not say how long it should be.
        Fault::ShortBody { at: 30_000 },
    ];
    for fault in faults {
        let (server, store) = start([Rule::new(Operation::Get, fault.clone()).count(3)]).await;
        let path = Path::from("a");
        store.put(&path, BODY.into()).await.unwrap();
        assert_eq!(read(&store, &path).await, BODY, "{fault}");
        assert_eq!(hits(&server, Operation::Get), 4, "{fault}");
        assert!(server.plan().unused().is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn a_range_without_a_length_has_one_by_its_place_in_the_object() {
    let short = Rule::new(Operation::Get, Fault::ShortBody { at: 1_000 }).count(2);
    let (server, store) = start([short]).await;
    let path = Path::from("a");
    store.put(&path, BODY.into()).await.unwrap();
    let got = store.get_range(&path, 10..50_010).await.unwrap();
    assert_eq!(got, BODY[10..50_010]);
    let ranges: Vec<_> = server
        .requests()
        .into_iter()
        .filter_map(|request| request.range)
        .collect();
    assert_eq!(
        ranges,
        ["bytes=10-50009", "bytes=1010-50009", "bytes=2010-50009"]
    );
}

#[tokio::test]
async fn a_body_is_resumed_where_it_broke_and_only_of_the_same_object() {
    let fault = Fault::BreakBody {
        at: 100_000,
        failure: Failure::Reset,
    };
    let (server, store) = start([Rule::new(Operation::Get, fault)]).await;
    let path = Path::from("a");
    store.put(&path, BODY.into()).await.unwrap();
    read(&store, &path).await;
    let requests = server.requests();
    let resumed = requests.last().unwrap();
    assert_eq!(resumed.range.as_deref(), Some("bytes=100000-299999"));
    assert!(
        resumed
            .condition
            .as_ref()
            .unwrap()
            .starts_with("if-match: ")
    );
}

#[tokio::test]
async fn an_object_that_changed_is_an_error_and_never_a_splice() {
    let fault = Fault::BreakBody {
        at: 100_000,
        failure: Failure::Reset,
    };
    let (server, store) = start([Rule::new(Operation::Get, fault)]).await;
    let path = Path::from("a");
    store.put(&path, BODY.into()).await.unwrap();
    let mut body = store.get(&path).await.unwrap().into_stream();
    body.try_next().await.unwrap().unwrap();
    store.put(&path, vec![8; BODY.len()].into()).await.unwrap();
    let rest: Result<Vec<Bytes>, _> = body.try_collect().await;
    assert!(matches!(rest, Err(Error::Precondition { .. })));
    assert_eq!(hits(&server, Operation::Get), 2);
}

#[tokio::test]
async fn a_created_object_whose_response_was_lost_is_ours() {
    let failures = [
        Failure::Status(HttpFailure::new(500)),
        Failure::Closed,
        Failure::Reset,
    ];
    for failure in failures {
        let (server, store) =
            start([Rule::new(Operation::Put, Fault::FailAfter(failure.clone()))]).await;
        let path = Path::from("a");
        let put = store
            .put_opts(&path, BODY.into(), PutMode::Create.into())
            .await;
        assert!(put.is_ok(), "{failure}: {put:?}");
        assert_eq!(hits(&server, Operation::Put), 2, "{failure}");
        assert_eq!(hits(&server, Operation::Head), 1, "{failure}");
    }
}

#[tokio::test]
async fn s3s_conditional_conflict_is_retried() {
    let conflict = HttpFailure::new(409).with_code("ConditionalRequestConflict");
    let fault = Fault::FailBefore(Failure::Status(conflict));
    let (_server, store) = start([Rule::new(Operation::Put, fault)]).await;
    let path = Path::from("a");
    store
        .put_opts(&path, BODY.into(), PutMode::Create.into())
        .await
        .unwrap();
    let again = store
        .put_opts(&path, BODY.into(), PutMode::Create.into())
        .await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
}

#[tokio::test]
async fn a_multipart_upload_survives_at_every_step() {
    let fail = |operation, failure| Rule::new(operation, Fault::FailAfter(failure));
    let (server, store) = start([
        fail(Operation::CreateMultipart, Failure::Closed),
        fail(Operation::PutPart, Failure::Reset).count(2),
        fail(
            Operation::CompleteMultipart,
            Failure::Status(HttpFailure::new(500)),
        ),
    ])
    .await;
    let path = Path::from("a");
    let data = vec![3; 11 * 1024 * 1024];
    let upload = store.put_multipart(&path).await.unwrap();
    let mut writer = WriteMultipart::new(upload);
    writer.write(&data);
    // `finish` aborts an upload whose completion fails; this one did not.
    writer.finish().await.unwrap();
    assert!(read(&store, &path).await == data);
    assert_eq!(hits(&server, Operation::AbortMultipart), 0);
}

#[tokio::test]
async fn keys_that_are_named_after_errors_are_keys() {
    let (server, store) = start([]).await;
    let path = Path::from("SlowDown-InternalError.bin");
    let copy = Path::from("copy-of-SlowDown-InternalError.bin");
    store.put(&path, BODY.into()).await.unwrap();
    store.copy(&path, &copy).await.unwrap();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    let keys = futures::stream::iter([path.clone(), copy.clone()].map(Ok)).boxed();
    let deleted: Vec<Path> = store.delete_stream(keys).try_collect().await.unwrap();
    assert_eq!(deleted, [path, copy]);
    let faulty = server
        .requests()
        .into_iter()
        .filter(|request| request.status != Some(200));
    assert_eq!(faulty.count(), 0);
    assert_eq!(server.requests().len(), 4, "nothing was asked twice");
}

#[tokio::test]
async fn deletes_are_batched_and_survive_lost_responses() {
    let rule = Rule::any(Fault::FailAfter(Failure::Reset));
    let (server, store) = start([]).await;
    let paths = put_more_than_a_page(&store).await;
    server.plan().add(rule);
    let before = server.requests().len();
    let keys = futures::stream::iter(paths.clone().into_iter().map(Ok)).boxed();
    let deleted: Vec<Path> = store.delete_stream(keys).try_collect().await.unwrap();
    assert_eq!(deleted, paths, "each key once, in order");
    assert_eq!(
        server.requests().len() - before,
        3,
        "two batches, one of them twice"
    );
    assert!(store.list(None).next().await.is_none());
}

#[tokio::test]
async fn a_list_goes_on_where_a_page_broke() {
    let (server, store) = start([]).await;
    let paths = put_more_than_a_page(&store).await;
    let broken = Fault::BreakList {
        after: 10,
        failure: Failure::Reset,
    };
    server
        .plan()
        .add(Rule::new(Operation::List, broken).count(2));
    let listed: Vec<Path> = store
        .list(Some(&Path::from("k")))
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed, paths, "no duplicate, no gap");
    assert!(server.plan().unused().is_empty());
}

#[tokio::test]
async fn a_hint_is_waited_for() {
    let hint = HttpFailure::new(503).with_retry_after(Duration::from_secs(1));
    let fault = Fault::FailBefore(Failure::Status(hint));
    let (server, store) = start([Rule::new(Operation::Head, fault)]).await;
    let path = Path::from("a");
    store.put(&path, "x".into()).await.unwrap();
    // Real time: what is tested is that a second passes.
    store.head(&path).await.unwrap();
    let heads: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.operation == Operation::Head)
        .collect();
    assert!(heads[1].at >= heads[0].at + Duration::from_secs(1));
}

#[tokio::test]
async fn stale_credentials_are_worth_one_more_attempt() {
    let skewed = HttpFailure::new(403).with_code("RequestTimeTooSkewed");
    let fault = Fault::FailBefore(Failure::Status(skewed));
    let (server, store) = start([Rule::new(Operation::Get, fault.clone())]).await;
    let path = Path::from("a");
    store.put(&path, "x".into()).await.unwrap();
    store.get(&path).await.unwrap();
    assert_eq!(hits(&server, Operation::Get), 2);
    server.plan().add(Rule::new(Operation::Get, fault).always());
    let error = store.get(&path).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
    assert_eq!(hits(&server, Operation::Get), 4);
}

#[tokio::test]
async fn credentials_that_go_stale_while_a_range_is_read_are_survived() {
    let stale = [(403, "RequestTimeTooSkewed"), (400, "ExpiredToken")];
    for (status, code) in stale {
        let failure = Failure::Reset;
        let stale = Failure::Status(HttpFailure::new(status).with_code(code));
        let (server, store) = start([
            Rule::new(
                Operation::Get,
                Fault::BreakBody {
                    at: 20_000,
                    failure,
                },
            ),
            Rule::new(Operation::Get, Fault::FailBefore(stale)),
        ])
        .await;
        let path = Path::from("a");
        store.put(&path, BODY.into()).await.unwrap();
        let pin = ObjectPin::of(&store.head(&path).await.unwrap());
        let read = store.read_range(&path, 1000..300_000, &pin).await.unwrap();
        assert_eq!(read, BODY[1000..]);
        assert_eq!(hits(&server, Operation::Get), 3, "{code}");
    }
}

#[tokio::test]
async fn permanent_failures_come_back_after_one_request() {
    let (server, store) = start([]).await;
    let missing = store.get(&Path::from("missing")).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    assert_eq!(hits(&server, Operation::Get), 1);
    for status in [400, 401, 403, 501] {
        let fault = Fault::FailBefore(Failure::status(status));
        let (server, store) = start([Rule::new(Operation::Get, fault).always()]).await;
        store.get(&Path::from("a")).await.unwrap_err();
        assert_eq!(hits(&server, Operation::Get), 1, "{status}");
    }
}

#[tokio::test]
async fn the_response_behind_a_permanent_failure_can_be_seen() {
    let unknown = HttpFailure::new(403).with_code("InvalidAccessKeyId");
    let fault = Fault::FailBefore(Failure::Status(unknown));
    let (_server, store) = start([Rule::new(Operation::Get, fault)]).await;
    let path = Path::from("a");
    let (denied, observed) = observe(store.get(&path)).await;
    assert!(matches!(denied, Err(Error::PermissionDenied { .. })));
    let response = observed.last_failure.unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.code(), Some("InvalidAccessKeyId"));
    // A success leaves none, and neither does what went before.
    let (put, observed) = observe(store.put(&path, "x".into())).await;
    put.unwrap();
    assert_eq!(observed.last_failure, None);
}

#[tokio::test]
async fn ranges_are_resumed_too() {
    let fault = Fault::BreakBody {
        at: 10,
        failure: Failure::Reset,
    };
    let (_server, store) = start([Rule::new(Operation::Get, fault).count(3)]).await;
    let path = Path::from("a");
    let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    store.put(&path, data.clone().into()).await.unwrap();
    let ranges = [10..200, 5000..6000, 99_000..100_000];
    let read = store.get_ranges(&path, &ranges).await.unwrap();
    for (range, bytes) in ranges.iter().zip(read) {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert_eq!(bytes, data[range]);
    }
    let options = GetOptions::new().with_range(Some(GetRange::Suffix(1000)));
    let tail = store
        .get_opts(&path, options)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(tail, data[99_000..]);
}

#[tokio::test]
async fn whatever_a_server_responds_to_a_repeated_completion() {
    // This server says 404 by itself; others say 403.
    for status in [None, Some(403)] {
        let mut rules = vec![Rule::new(
            Operation::CompleteMultipart,
            Fault::FailAfter(Failure::Reset),
        )];
        let response = status.map(Failure::status);
        rules.extend(
            response.map(|response| {
                Rule::new(Operation::CompleteMultipart, Fault::FailBefore(response))
            }),
        );
        let (server, store) = start(rules).await;
        let path = Path::from("a");
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part(BODY.into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(read(&store, &path).await, BODY);
        assert_eq!(hits(&server, Operation::CompleteMultipart), 2, "{status:?}");
    }
}

#[tokio::test]
async fn pages_and_signed_urls_are_there_where_the_store_has_them() {
    use object_store::list::{PaginatedListOptions, PaginatedListStore};
    use object_store::signer::Signer;
    let broken = Fault::BreakList {
        after: 1,
        failure: Failure::Reset,
    };
    let (server, store) = start([Rule::new(Operation::List, broken)]).await;
    let path = Path::from("a");
    store.put(&path, "x".into()).await.unwrap();
    let page = store
        .list_paginated(None, PaginatedListOptions::default())
        .await
        .unwrap();
    assert_eq!(page.result.objects.len(), 1);
    assert_eq!(hits(&server, Operation::List), 2);
    let url = store
        .signed_url(http::Method::GET, &path, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(url.path(), "/bucket/a");
}

/// The body of ranges that are near each other is one, and what begins behind its short end is not
/// there.
#[tokio::test]
async fn ranges_whose_common_body_ends_short_are_read_again() {
    let fault = Fault::ShortBody { at: 300 };
    let (_server, store) = start([Rule::new(Operation::Get, fault).count(3)]).await;
    let path = Path::from("a");
    let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    store.put(&path, data.clone().into()).await.unwrap();
    // Not in order, and one within another.
    let ranges = [5000..6000, 10..200, 90_000..95_000, 5100..5200];
    let read = store.get_ranges(&path, &ranges).await.unwrap();
    for (range, bytes) in ranges.iter().zip(read) {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert_eq!(bytes, data[range]);
    }
}

#[tokio::test]
async fn ranges_past_the_end_are_cut_or_an_error() {
    let (_server, store) = start([]).await;
    let path = Path::from("a");
    store.put(&path, vec![7; 55].into()).await.unwrap();
    let read = store.get_ranges(&path, &[0..50, 52..70]).await.unwrap();
    assert_eq!(read, [vec![7; 50], vec![7; 3]]);
    let reversed = Range { start: 50, end: 40 };
    for past in [[0..50, 60..70], [60..70, 60..70], [reversed, 0..10]] {
        assert!(store.get_ranges(&path, &past).await.is_err(), "{past:?}");
    }
    assert!(store.get_ranges(&path, &[]).await.unwrap().is_empty());
}

/// object_store panics where it signs such a request.
#[tokio::test]
async fn attributes_that_no_header_can_hold_are_refused_before_anything_is_sent() {
    let (server, store) = start([]).await;
    let path = Path::from("a");
    for attribute in [
        (Attribute::ContentType, "a\nb"),
        (Attribute::CacheControl, "a\u{7f}"),
        (Attribute::Metadata("a b".into()), "c"),
        (Attribute::Metadata("ü".into()), "c"),
        (Attribute::Metadata("a".into()), "b\r\nc: d"),
    ] {
        let attributes = Attributes::from_iter([attribute]);
        let put = store.put_opts(&path, "x".into(), attributes.clone().into());
        let begun = store.put_multipart_opts(&path, attributes.into());
        for error in [put.await.err(), begun.await.err()] {
            let error = error.unwrap();
            cause::<InvalidAttribute>(&error).unwrap();
        }
    }
    assert!(server.requests().is_empty());
}
