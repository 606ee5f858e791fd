//! Hedged reads over HTTP, from a real S3 server: what comes after the hedge was answered first.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use undaunted::{Hedge, HedgeAfter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::{Backend, ObjectPin, RetryStore, observe};

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// A server with an object, and a store whose every read is hedged after 30 ms.
async fn hedging() -> (S3Server, Store, Path) {
    let server = S3Server::builder().start().await.unwrap();
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    let config = RetryConfig::builder().base_delay(Duration::from_millis(1));
    let hedge = Hedge::new(HedgeAfter::Fixed(Duration::from_millis(30)), 1.0).unwrap();
    let builder = backend.builder().config(config.build().unwrap());
    let store = builder.hedge(hedge).build();
    let path = Path::from("a");
    store.put(&path, content(1).into()).await.unwrap();
    server.clear_requests();
    (server, store, path)
}

fn content(step: u32) -> Bytes {
    (0..200_000_u32)
        .flat_map(|number| (number * step).to_le_bytes())
        .collect()
}

/// The first request is not answered, and the body of the second breaks.
fn late_then_broken() -> FaultPlan {
    let broken = Fault::BreakBody {
        at: BREAK,
        failure: Failure::Reset,
    };
    FaultPlan::scripted([
        Rule::new(Operation::Get, Fault::Delay(LATE)).count(1),
        Rule::new(Operation::Get, broken).from_call(2).count(1),
    ])
}

const BREAK: u64 = 300_000;

/// So late that only a hedge can have answered.
const LATE: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_body_of_a_hedge_is_resumed_under_its_etag() {
    let (server, store, path) = hedging().await;
    let e_tag = store.head(&path).await.unwrap().e_tag.unwrap();
    for by_range in [false, true] {
        server.set_plan(late_then_broken());
        server.clear_requests();
        let size = content(1).len() as u64;
        let (read, seen) = observe(Box::pin(async {
            if by_range {
                let pin = ObjectPin::none();
                return store.read_range(&path, 1..size, &pin).await;
            }
            store.get(&path).await?.bytes().await
        }))
        .await;
        let from = usize::from(by_range);
        assert_eq!(read.unwrap(), content(1)[from..]);
        assert_eq!((seen.hedges, seen.hedges_won), (1, 1));
        assert_eq!(seen.report.attempts(), 2);
        let requests = server.requests();
        let last = requests.last().unwrap();
        let at = BREAK + from as u64;
        let range = format!("bytes={at}-{}", size - 1);
        assert_eq!(requests.len(), 3);
        assert_eq!(last.range.as_deref(), Some(&*range));
        let condition = last.condition.as_deref().unwrap_or_default();
        assert!(condition.contains(&e_tag), "{condition}");
    }
}

#[tokio::test]
async fn an_object_that_is_replaced_after_a_hedge_was_answered_is_never_joined() {
    let (server, store, path) = hedging().await;
    server.set_plan(late_then_broken());
    let got = store.get(&path).await.unwrap();
    store.put(&path, content(2).into()).await.unwrap();
    let mut body = got.into_stream();
    let mut read = Vec::new();
    let error = loop {
        match body.try_next().await {
            Ok(chunk) => read.extend_from_slice(&chunk.unwrap()),
            Err(error) => break error,
        }
    };
    assert!(content(1).starts_with(&read));
    assert!(matches!(error, Error::Precondition { .. }), "{error}");
}

#[tokio::test]
async fn a_conditional_read_keeps_its_condition_in_both_requests() {
    let (server, store, path) = hedging().await;
    server.set_plan(FaultPlan::scripted([Rule::new(
        Operation::Get,
        Fault::Delay(Duration::from_millis(300)),
    )
    .always()]));
    let options = object_store::GetOptions::new().with_if_match(Some("\"another\""));
    let error = store.get_opts(&path, options).await.unwrap_err();
    assert!(matches!(error, Error::Precondition { .. }), "{error}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let condition = request.condition.unwrap_or_default();
        assert!(condition.contains("another"), "{condition}");
    }
}

#[tokio::test]
async fn a_hedge_that_arrives_changed_is_read_again() {
    let (server, store, path) = hedging().await;
    server.set_plan(FaultPlan::scripted([
        Rule::new(Operation::Get, Fault::Delay(LATE)).count(1),
        Rule::new(Operation::Get, Fault::CorruptBody { at: 799_999 })
            .from_call(2)
            .count(1),
    ]));
    let read = store.get(&path).await.unwrap().bytes().await;
    assert_eq!(read.unwrap(), content(1));
    assert_eq!(server.requests().len(), 3);
}
