//! The clouds' HTTP client honours object_store's options. Over real sockets.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod wire;

use std::time::Duration;

use object_store::ObjectStoreExt;
use undaunted::RetryConfig;
use undaunted_object_store::{full_text, open_with};
use wire::{Response, Server, serve};

/// Gets an object with these options, and says whether that succeeds.
async fn get(endpoint: &str, options: &[(&str, &str)]) -> Result<(), String> {
    let common = [
        ("aws_access_key_id", "AK"),
        ("aws_secret_access_key", "SK"),
        ("aws_allow_http", "true"),
        ("aws_endpoint", endpoint),
    ];
    let options = common.iter().chain(options).copied();
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    let (store, path) = open_with("s3://bucket/key", options, config).unwrap();
    match store.get(&path).await {
        Ok(_) => Ok(()),
        Err(error) => Err(full_text(&error)),
    }
}

async fn object() -> Server {
    serve(|_| {
        let object = Response::of(200, "abc").with("etag", "\"a\"");
        Some(object.with("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT"))
    })
    .await
}

#[tokio::test]
async fn the_user_agent_is_what_is_set() {
    let server = object().await;
    get(&server.url, &[("user_agent", "test/1")]).await.unwrap();
    get(&server.url, &[]).await.unwrap();
    let agents = server.requests();
    let agents: Vec<_> = agents
        .iter()
        .map(|r| r.header("user-agent").unwrap())
        .collect();
    assert_eq!(agents[0], "test/1");
    assert!(
        agents[1].starts_with("undaunted-object-store/"),
        "{}",
        agents[1]
    );
}

#[tokio::test]
async fn requests_go_through_a_proxy_unless_their_host_is_excluded() {
    let (server, proxy) = (object().await, object().await);
    let through = ("proxy_url", proxy.url.as_str());
    get(&server.url, &[through]).await.unwrap();
    assert_eq!((proxy.requests().len(), server.requests().len()), (1, 0));
    assert!(proxy.requests()[0].target.starts_with(&server.url));
    get(&server.url, &[through, ("proxy_excludes", "127.0.0.1")])
        .await
        .unwrap();
    assert_eq!((proxy.requests().len(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn addresses_in_random_order_are_those_of_the_host() {
    let server = object().await;
    let endpoint = server.url.replace("127.0.0.1", "localhost");
    get(&endpoint, &[("randomize_addresses", "true")])
        .await
        .unwrap();
    let unknown = get(
        "http://no.such.host.invalid",
        &[("randomize_addresses", "true")],
    )
    .await;
    assert!(unknown.is_err());
}

#[tokio::test]
async fn http2_without_tls_is_spoken_where_it_is_asked_for() {
    let server = object().await;
    assert!(get(&server.url, &[("http2_only", "true")]).await.is_err());
    get(&server.url, &[("http1_only", "true")]).await.unwrap();
}

#[tokio::test]
async fn the_read_timeout_ends_a_response_that_does_not_come() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let limits = [("read_timeout", "300ms"), ("timeout", "1h")];
    let read = tokio::time::timeout(Duration::from_mins(1), get(&url, &limits)).await;
    read.unwrap().unwrap_err();
}
