//! The example runs, and its client: connections, bodies and idempotency over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use undaunted::RetryConfig;
use undaunted_tower::RetryLayer;

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../examples/hyper.rs"]
mod example;

#[tokio::test]
async fn the_example_reads_through_faults() {
    let attempts = example::read_through_faults(20).await.unwrap();
    assert!(attempts > 25, "{attempts}");
}

/// A server whose first response is a 503, and which counts connections and requests.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = Server {
        url,
        connections: Arc::default(),
        requests: Arc::default(),
    };
    let (connections, requests) = (server.connections.clone(), server.requests.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let requests = requests.clone();
            tokio::spawn(async move {
                // What comes is small enough for one segment.
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let is_first = requests.fetch_add(1, Ordering::Relaxed) == 0;
                    let (status, body) = if is_first {
                        ("503 Service Unavailable", "an explanation")
                    } else {
                        ("200 OK", "hello")
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
                    // The body comes later than the head.
                    socket.write_all(head.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    socket.write_all(body.as_bytes()).await.unwrap();
                }
            });
        }
    });
    server
}

async fn call(method: Method, url: &str) -> (u16, Bytes) {
    let config = RetryConfig::builder().base_delay(Duration::from_millis(200));
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = RetryLayer::new(config.build().unwrap()).layer(client);
    let request = Request::builder().method(method).uri(url);
    let request = request.body(Full::from("sent")).unwrap();
    let response = client.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

#[tokio::test]
async fn the_connection_of_a_failed_response_is_used_again() {
    let server = server().await;
    assert_eq!(call(Method::GET, &server.url).await, (200, "hello".into()));
    assert_eq!(server.requests.load(Ordering::Relaxed), 2);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_post_gets_the_response_that_came() {
    let server = server().await;
    let response = call(Method::POST, &server.url).await;
    assert_eq!(response, (503, "an explanation".into()));
    assert_eq!(server.requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_post_without_a_connection_is_repeated() {
    // The port is free until the server begins to listen, after the first attempt was refused.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (refused, mut was_refused) = tokio::sync::mpsc::unbounded_channel();
    let config = RetryConfig::builder().base_delay(Duration::from_millis(100));
    let layer = RetryLayer::new(config.build().unwrap()).on_event(move |_| {
        let _ = refused.send(());
    });
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("http://{address}/"));
    let request = request.body(Full::from("sent")).unwrap();
    let response = tokio::spawn(layer.layer(client).oneshot(request));
    was_refused.recv().await.unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    let (mut socket, _) = listener.accept().await.unwrap();
    let response_head = b"HTTP/1.1 204 No Content\r\n\r\n";
    socket.write_all(response_head).await.unwrap();
    assert_eq!(response.await.unwrap().unwrap().status(), 204);
}
