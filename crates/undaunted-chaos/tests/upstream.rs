//! Faults in front of another S3 endpoint.

#![cfg(feature = "upstream")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AwsCredential, AwsCredentialProvider};
use object_store::client::StaticCredentialProvider;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, WriteMultipart};
use undaunted_chaos::server::{ACCESS_KEY, S3Server, SECRET_KEY, Upstream};
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};

use common::s3::{key, start};

mod common;

fn credentials(key_id: &str, secret_key: &str) -> AwsCredentialProvider {
    Arc::new(StaticCredentialProvider::new(AwsCredential {
        key_id: key_id.to_owned(),
        secret_key: secret_key.to_owned(),
        token: None,
    }))
}

/// A server, one in front of it, and a client of the latter.
struct Chain {
    behind: S3Server,
    front: S3Server,
    client: AmazonS3,
}

async fn chain(rules: impl IntoIterator<Item = Rule>) -> Chain {
    let behind = S3Server::builder().page_size(2).start().await.unwrap();
    let credentials = credentials(ACCESS_KEY, SECRET_KEY);
    let upstream = Upstream::new(&behind.endpoint(), "us-east-1", Some(credentials)).unwrap();
    let builder = S3Server::builder().upstream(upstream);
    let (front, client) = start(builder.plan(FaultPlan::scripted(rules))).await;
    Chain {
        behind,
        front,
        client,
    }
}

fn content(length: u32) -> Vec<u8> {
    (0..length)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect()
}

#[tokio::test]
async fn all_that_a_client_does_reaches_the_upstream() {
    let Chain {
        behind,
        front: _front,
        client,
    } = chain([]).await;
    let odd = Path::from_url_path("a%20b/c+d/!'()*/%C3%BC%25").unwrap();
    for key in [&key(), &odd] {
        let put = client.put(key, content(300_000).into()).await.unwrap();
        let read = client.get(key).await.unwrap();
        assert_eq!(read.meta.e_tag, put.e_tag);
        assert_eq!(read.bytes().await.unwrap(), content(300_000));
        let part = client.get_range(key, 100_000..100_010).await.unwrap();
        assert_eq!(part, content(300_000)[100_000..100_010]);
        let head = client.head(key).await.unwrap();
        assert_eq!((head.size, head.e_tag), (300_000, put.e_tag));
        let again = client
            .put_opts(key, "x".into(), PutMode::Create.into())
            .await;
        assert!(
            matches!(again, Err(Error::AlreadyExists { .. })),
            "{again:?}"
        );
    }
    let on_disk = behind.root().join("bucket/a b/c+d/!'()*/ü%");
    assert_eq!(std::fs::read(on_disk).unwrap(), content(300_000));

    client.copy(&key(), &Path::from("copy")).await.unwrap();
    let listed: Vec<_> = client
        .list(None)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(listed, [odd.clone(), key(), Path::from("copy")]);
    let gone = [Ok(key()), Ok(odd)];
    let deleted = client.delete_stream(Box::pin(futures::stream::iter(gone)));
    deleted.try_collect::<Vec<_>>().await.unwrap();
    let missing = client.get(&key()).await;
    assert!(
        matches!(missing, Err(Error::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_large_object_passes_in_parts() {
    let Chain {
        behind,
        front: _front,
        client,
    } = chain([]).await;
    let upload = client.put_multipart(&key()).await.unwrap();
    let mut upload = WriteMultipart::new_with_chunk_size(upload, 5 << 20);
    upload.write(&content(12_000_000));
    upload.finish().await.unwrap();
    assert_eq!(
        client.get(&key()).await.unwrap().bytes().await.unwrap(),
        content(12_000_000)
    );
    let requests = behind.requests();
    let parts = requests
        .iter()
        .filter(|request| request.operation == Operation::PutPart);
    assert_eq!(parts.count(), 3);
}

#[tokio::test]
async fn faults_hit_what_the_upstream_sends_and_keep_requests_from_it() {
    let break_off = Fault::BreakBody {
        at: 1_000,
        failure: Failure::Reset,
    };
    let Chain {
        behind,
        front,
        client,
    } = chain([
        Rule::new(Operation::Put, Fault::FailBefore(Failure::slow_down())),
        Rule::new(Operation::Get, break_off),
        Rule::new(Operation::Get, Fault::IgnoreRange).from_call(2),
        Rule::new(Operation::Head, Fault::NoEtag),
    ])
    .await;
    assert!(client.put(&key(), content(5_000).into()).await.is_err());
    assert!(behind.requests().is_empty());
    client.put(&key(), content(5_000).into()).await.unwrap();
    let broken = client.get(&key()).await.unwrap().bytes().await;
    assert!(broken.is_err());
    let options = GetOptions::new().with_range(Some(10..20));
    assert!(
        client.get_opts(&key(), options).await.is_err(),
        "the whole comes"
    );
    // What a client makes of it is the client's affair.
    let _ = client.head(&key()).await;
    assert!(
        front.plan().unused().is_empty(),
        "{:?}",
        front.plan().unused()
    );
    assert_eq!(front.requests()[2].bytes_out, 1_000);
}

#[tokio::test]
async fn faults_of_lists_change_those_of_the_upstream() {
    let names = vec!["a//b".to_owned()];
    let Chain {
        behind: _behind,
        front,
        client,
    } = chain([
        Rule::new(Operation::List, Fault::InsertKeys { names, size: 0 }),
        Rule::new(Operation::List, Fault::TruncatedWithoutToken).from_call(3),
    ])
    .await;
    for name in ["a/a", "a/c", "b c/ü&<"] {
        client.put(&Path::from(name), "x".into()).await.unwrap();
    }
    let list = async || {
        client
            .list(None)
            .map_ok(|meta| meta.location)
            .try_collect::<Vec<_>>()
            .await
    };
    assert!(list().await.is_err(), "no path can hold the key");
    let _ = list().await;
    let _ = list().await;
    assert!(
        front.plan().unused().is_empty(),
        "{:?}",
        front.plan().unused()
    );
    let whole = list().await.unwrap();
    assert_eq!(whole.len(), 3);
}

#[tokio::test]
async fn an_object_is_replaced_at_the_upstream_while_it_is_read() {
    let fault = Fault::ReplaceObject {
        at: 70_000,
        failure: Failure::Closed,
    };
    let Chain {
        behind: _behind,
        front: _front,
        client,
    } = chain([Rule::new(Operation::Get, fault)]).await;
    client.put(&key(), content(200_000).into()).await.unwrap();
    assert!(client.get(&key()).await.unwrap().bytes().await.is_err());
    let other: Vec<u8> = content(200_000).iter().map(|byte| !byte).collect();
    assert_eq!(
        client.get(&key()).await.unwrap().bytes().await.unwrap(),
        other
    );
}

#[tokio::test]
async fn both_signatures_are_checked() {
    let Chain { behind, front, .. } = chain([]).await;
    let wrong = [("aws_secret_access_key".to_owned(), "wrong".to_owned())];
    let options = front.object_store_options().into_iter().chain(wrong);
    let client = common::s3::client_with(options);
    let refused = client.put(&key(), "x".into()).await.unwrap_err();
    assert!(
        matches!(refused, Error::PermissionDenied { .. }),
        "{refused:?}"
    );
    assert!(behind.requests().is_empty());

    let other = credentials(ACCESS_KEY, "wrong");
    let upstream = Upstream::new(&behind.endpoint(), "us-east-1", Some(other)).unwrap();
    let (_front, client) = start(S3Server::builder().upstream(upstream)).await;
    let refused = client.put(&key(), "x".into()).await.unwrap_err();
    assert!(
        matches!(refused, Error::PermissionDenied { .. }),
        "{refused:?}"
    );
    assert_eq!(behind.requests()[0].status, Some(403));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502_with_the_cause() {
    let upstream = Upstream::new("http://127.0.0.1:1", "us-east-1", None).unwrap();
    let (front, client) = start(S3Server::builder().upstream(upstream)).await;
    let error = client
        .put(&key(), "x".into())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the upstream http://127.0.0.1:1 did not respond: "),
        "{error}"
    );
    assert!(error.contains("onnection refused"), "{error}");
    assert_eq!(front.requests()[0].status, Some(502));
}
