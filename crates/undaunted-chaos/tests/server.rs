//! The S3 server's faults over real HTTP, by a client that does not retry.

#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join_all;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use undaunted_chaos::server::{RequestRecord, S3Server};
use undaunted_chaos::{Failure, Fault, FaultKind, FaultPlan, Operation, Rule};

use common::s3::{key, start};

mod common;

async fn scripted(rules: impl IntoIterator<Item = Rule>) -> (S3Server, AmazonS3) {
    start(S3Server::builder().plan(FaultPlan::scripted(rules))).await
}

/// Enough for a body to go out in more than one piece.
fn object() -> Vec<u8> {
    (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect()
}

/// The records once every response has gone out.
async fn ended(server: &S3Server) -> Vec<RequestRecord> {
    loop {
        let requests = server.requests();
        if requests.iter().all(|request| !request.lasted.is_zero()) {
            return requests;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn calls_beyond_a_rate_get_a_503_with_a_hint() {
    let limit = Fault::RateLimit {
        per_second: 0,
        burst: 2,
        retry_after: Some(Duration::from_millis(1_500)),
    };
    let (server, client) = scripted([Rule::new(Operation::Put, limit).key("a/*").always()]).await;
    for _ in 0..4 {
        let _ = client.put(&key(), "x".into()).await;
    }
    client.put(&Path::from("other"), "x".into()).await.unwrap();
    let statuses: Vec<_> = server.requests().iter().map(|r| r.status).collect();
    assert_eq!(
        statuses,
        [Some(200), Some(200), Some(503), Some(503), Some(200)]
    );
    let fault = server.requests()[2].fault.clone();
    assert_eq!(fault.as_deref(), Some("rate_limit of 0/s"));
    assert_eq!(server.plan().injected(FaultKind::RateLimit), 2);
}

#[tokio::test]
async fn a_copy_fails_inside_a_200_and_is_not_made() {
    let fault = Fault::FailBefore(Failure::inside_success("InternalError"));
    let (server, client) = scripted([Rule::new(Operation::Copy, fault)]).await;
    client.put(&key(), "x".into()).await.unwrap();
    let to = Path::from("to");
    // What a client makes of it is the client's affair; the server said 200 and did nothing.
    let _ = client.copy(&key(), &to).await;
    assert_eq!(server.requests()[1].status, Some(200));
    assert!(matches!(
        client.head(&to).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn an_object_is_replaced_while_it_is_read() {
    let fault = Fault::ReplaceObject {
        at: 70_000,
        failure: Failure::Closed,
    };
    let (server, client) = scripted([Rule::new(Operation::Get, fault)]).await;
    client.put(&key(), object().into()).await.unwrap();
    let before = client.head(&key()).await.unwrap();

    let mut body = client.get(&key()).await.unwrap().into_stream();
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = body.try_next().await {
        read.extend_from_slice(&chunk);
    }
    assert_eq!(read, &object()[..70_000]);

    let after = client.get(&key()).await.unwrap();
    assert_ne!(after.meta.e_tag, before.e_tag);
    assert_eq!(after.meta.size, before.size);
    let other: Vec<u8> = object().iter().map(|byte| !byte).collect();
    assert_eq!(after.bytes().await.unwrap(), other);
    assert!(server.plan().unused().is_empty());
}

#[tokio::test]
async fn of_many_concurrent_creates_one_wins() {
    let (_server, client) = start(S3Server::builder()).await;
    let creates = (0..16).map(|n: i32| {
        let (client, payload) = (client.clone(), n.to_string().into());
        async move {
            client
                .put_opts(&key(), payload, PutMode::Create.into())
                .await
        }
    });
    let outcomes = join_all(creates).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_write_that_is_refused_before_its_body_gets_its_response() {
    let (_server, client) = start(S3Server::builder()).await;
    client.put(&key(), "x".into()).await.unwrap();
    for _ in 0..20 {
        let payload = bytes::Bytes::from(vec![0; 8 << 20]).into();
        let key = key();
        let put = client.put_opts(&key, payload, PutMode::Create.into());
        let error = put.await.unwrap_err();
        let is_refused = matches!(error, Error::AlreadyExists { .. });
        assert!(is_refused, "{error:?}");
    }
}

#[tokio::test]
async fn a_folder_is_not_an_object() {
    let (_server, client) = start(S3Server::builder()).await;
    client.put(&key(), "x".into()).await.unwrap();
    let folder = Path::from("a");
    assert!(matches!(
        client.get(&folder).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        client.head(&folder).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_method_chooses_requests() {
    let fault = Fault::FailBefore(Failure::status(500));
    let (server, client) = scripted([Rule::any(fault).method("put").always()]).await;
    assert!(client.put(&key(), "x".into()).await.is_err());
    assert!(matches!(
        client.head(&key()).await,
        Err(Error::NotFound { .. })
    ));
    assert_eq!(server.plan().injected(FaultKind::FailBefore), 1);
}

#[tokio::test]
async fn a_record_tells_what_went_over_the_wire() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let builder = {
        let seen = Arc::clone(&seen);
        S3Server::builder()
            .observe(move |record| seen.lock().unwrap().push(record.clone()))
            .plan(FaultPlan::scripted([
                Rule::new(
                    Operation::Get,
                    Fault::BreakBody {
                        at: 50_000,
                        failure: Failure::Reset,
                    },
                ),
                Rule::new(Operation::Head, Fault::Delay(Duration::from_millis(1))),
                Rule::new(Operation::Head, Fault::FailBefore(Failure::Closed)),
            ]))
    };
    let (server, client) = start(builder).await;
    client.put(&key(), object().into()).await.unwrap();
    assert!(client.get(&key()).await.unwrap().bytes().await.is_err());
    assert!(client.head(&key()).await.is_err());

    let records = ended(&server).await;
    let [put, get, head] = records.as_slice() else {
        unreachable!("{records:#?}")
    };
    assert_eq!((put.bytes_in, put.status), (200_000, Some(200)));
    assert_eq!((get.bytes_out, get.status), (50_000, Some(200)));
    assert_eq!(get.key, "a/b");
    assert_eq!(head.status, None);
    let fault = "delay of 1ms; fail_before (connection closed)";
    assert_eq!(head.fault.as_deref(), Some(fault));
    assert!(put.at.is_zero() && put.at < get.at && get.at < head.at);
    let mut observed = seen.lock().unwrap().clone();
    observed.sort_by_key(|record| record.at);
    assert_eq!(observed, records);
}

#[tokio::test]
async fn a_blackout_hides_buckets_too() {
    let plan = FaultPlan::blackout(Duration::from_secs(3_600));
    let (server, _client) = start(S3Server::builder().plan(plan.clone())).await;
    let address = server.endpoint().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!("HEAD /bucket HTTP/1.1\r\nhost: {address}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let mut response = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut response).await;
    assert!(
        read.is_err() && response.is_empty(),
        "{read:?} {response:?}"
    );
    assert_eq!(plan.calls(Operation::Other), 1);
}

#[tokio::test]
async fn a_request_without_a_response_is_closed_after_the_hang() {
    let break_off = Fault::BreakBody {
        at: 10,
        failure: Failure::Timeout,
    };
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::FailAfter(Failure::Timeout)),
        Rule::new(Operation::Get, break_off),
    ]);
    let builder = S3Server::builder()
        .hang(Duration::from_millis(5))
        .plan(plan);
    let (_server, client) = start(builder).await;
    assert!(client.put(&key(), object().into()).await.is_err());
    let get = client.get(&key()).await.unwrap();
    assert!(get.bytes().await.is_err());
    let get = client.get(&key()).await.unwrap();
    assert_eq!(get.bytes().await.unwrap(), object());
}

#[tokio::test]
async fn a_stop_ends_open_requests_and_calls_the_observer() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let builder = {
        let ended = Arc::clone(&ended);
        S3Server::builder()
            .observe(move |record| {
                let mut ended = ended.lock().unwrap();
                ended.push((record.operation, record.status));
            })
            .plan(FaultPlan::scripted([Rule::new(
                Operation::Put,
                Fault::FailBefore(Failure::Timeout),
            )]))
    };
    let (server, client) = start(builder).await;
    let put = tokio::spawn(async move { client.put(&key(), "x".into()).await });
    while server.plan().injected(FaultKind::FailBefore) == 0 {
        tokio::task::yield_now().await;
    }
    let address = server.address();
    server.stop().await;
    assert_eq!(*ended.lock().unwrap(), [(Operation::Put, None)]);
    assert!(put.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let bad = S3Server::builder().bucket("No").start().await.unwrap_err();
    assert_eq!(bad.kind(), std::io::ErrorKind::InvalidInput);
    assert!(bad.to_string().starts_with("\"No\" cannot be a bucket"));

    let server = S3Server::builder().start().await.unwrap();
    let address = server.endpoint().replace("http://", "");
    let taken = S3Server::builder().address(address.parse().unwrap());
    let error = taken.start().await.unwrap_err();
    assert!(error.to_string().starts_with(&address), "{error}");
}
