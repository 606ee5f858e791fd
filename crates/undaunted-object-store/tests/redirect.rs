//! S3's temporary redirects are followed with a signature for the new place. Over real sockets:
//! the second server verifies signatures, and a signature is for one host.
#![cfg(all(feature = "aws", feature = "http"))]
#![allow(clippy::unwrap_used)]

mod wire;

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use undaunted::{HttpFailure, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_object_store::{RetryStore, cause, open_with};
use wire::{Request, Response, Server, serve};

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// A server that sends every request to where this function says.
async fn redirecting(
    status: u16,
    location: impl Fn(&Request) -> String + Send + Sync + 'static,
) -> Server {
    serve(move |request| {
        let moved = Response::code(status, "TemporaryRedirect");
        Some(moved.with("location", location(request)))
    })
    .await
}

/// A store whose endpoint is one server, and whose keys are those of another.
fn open(endpoint: &str, keys_of: &S3Server) -> Store {
    let options = keys_of.object_store_options().into_iter();
    let options = options.chain([("aws_endpoint".to_owned(), endpoint.to_owned())]);
    open_with("s3://bucket", options, RetryConfig::storage())
        .unwrap()
        .0
}

#[tokio::test]
async fn every_request_follows_a_temporary_redirect_with_a_signature_of_its_own() {
    let target = S3Server::builder().start().await.unwrap();
    let to = target.endpoint();
    let first = redirecting(307, move |request| {
        // S3 puts a parameter of its own there, and keeps none.
        let (path, _) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        format!("{to}{path}?rk=e2c69a31")
    })
    .await;
    let store = open(&first.url, &target);
    let path = Path::from("folder/a b");
    store.put(&path, "content".into()).await.unwrap();
    assert_eq!(store.head(&path).await.unwrap().size, 7);
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "content"
    );
    assert_eq!(store.get_range(&path, 1..3).await.unwrap(), "on");
    let mut upload = store.put_multipart(&Path::from("parts")).await.unwrap();
    upload.put_part("part".into()).await.unwrap();
    upload.complete().await.unwrap();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    store.delete(&path).await.unwrap();
    assert_eq!(first.requests().len(), target.requests().len());
    let statuses = target.requests().into_iter().map(|request| request.status);
    assert!(
        statuses
            .flatten()
            .all(|status| (200..300).contains(&status))
    );
}

#[tokio::test]
async fn a_redirect_to_elsewhere_is_a_failure_and_sends_nothing_there() {
    let target = S3Server::builder().start().await.unwrap();
    let to = target.endpoint();
    let host = to.strip_prefix("http://").unwrap().to_owned();
    for location in [
        format!("{to}/another/k"),
        format!("{to}/bucket/another"),
        format!("{to}/k"),
        format!("http://user:password@{host}/bucket/k"),
        "ftp://host/bucket/k".to_owned(),
        "http://[".to_owned(),
    ] {
        let first = redirecting(307, {
            let location = location.clone();
            move |_| location.clone()
        })
        .await;
        let error = open(&first.url, &target)
            .get(&Path::from("k"))
            .await
            .unwrap_err();
        let failure = cause::<HttpFailure>(&error).unwrap();
        assert_eq!(failure.status(), 307, "{location}");
        assert_eq!(target.requests().len(), 0, "{location}");
    }
    // A loop ends.
    let first = redirecting(307, |request| request.target.clone()).await;
    let error = open(&first.url, &target)
        .get(&Path::from("k"))
        .await
        .unwrap_err();
    assert_eq!(cause::<HttpFailure>(&error).unwrap().status(), 307);
    assert_eq!(first.requests().len(), 3);
}

#[tokio::test]
async fn other_redirects_of_s3_are_failures_that_name_the_region() {
    let target = S3Server::builder().start().await.unwrap();
    for status in [301, 302, 308] {
        let to = target.endpoint();
        let first = serve(move |request| {
            let moved = Response::code(status, "PermanentRedirect");
            let moved = moved.with("location", format!("{to}{}", request.target));
            Some(moved.with("x-amz-bucket-region", "eu-west-1"))
        })
        .await;
        let error = open(&first.url, &target)
            .get(&Path::from("k"))
            .await
            .unwrap_err();
        let failure = cause::<HttpFailure>(&error).unwrap();
        assert_eq!(
            (failure.status(), failure.region()),
            (status, Some("eu-west-1"))
        );
        assert_eq!(target.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_web_server_may_redirect_as_before() {
    let target = serve(|_| {
        let page = Response::of(200, "content");
        Some(page.with("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT"))
    })
    .await;
    let to = target.url.clone();
    let first = redirecting(302, move |request| format!("{to}{}", request.target)).await;
    let options = [("allow_http", "true")];
    let url = format!("{}/page", first.url);
    let (store, path) = open_with(&url, options, RetryConfig::storage()).unwrap();
    let got = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(got, "content");
}
