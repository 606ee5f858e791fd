//! Failures below HTTP, over real sockets: TLS that does not verify, HTTP/2 streams that are
//! reset, connections that a firewall has dropped.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use object_store::client::ReqwestConnector;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use undaunted::{RetryConfig, Retryable, Verdict};
use undaunted_object_store::{RetryConnector, RetryStore, full_text, observe, open_with};

type Store = RetryStore<Arc<dyn ObjectStore>>;

fn store(url: &str, options: &[(&str, &str)]) -> Store {
    let config = RetryConfig::builder()
        .max_retries(3)
        .base_delay(Duration::from_millis(1))
        .build()
        .unwrap();
    open_with(url, options.iter().copied(), config).unwrap().0
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An HTTP/2 server whose first stream `fail` handles; the others get an object.
async fn http2(fail: impl Fn(SendResponse<Bytes>) + Send + 'static) -> SocketAddr {
    serve_http2(None, fail).await
}

/// The same; the first connection is closed with this reason once its first stream is there.
async fn serve_http2(
    mut goaway: Option<Reason>,
    fail: impl Fn(SendResponse<Bytes>) + Send + 'static,
) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let mut streams = 0;
        while let Ok((socket, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            if let Some(reason) = goaway.take() {
                let _request = connection.accept().await;
                connection.abrupt_shutdown(reason);
                while connection.accept().await.is_some() {}
                streams = 1;
                continue;
            }
            while let Some(Ok((_request, mut respond))) = connection.accept().await {
                streams += 1;
                if streams == 1 {
                    fail(respond);
                    continue;
                }
                let mut body = respond.send_response(head_of_object(), false).unwrap();
                body.send_data("abc".into(), true).unwrap();
            }
        }
    });
    address
}

fn head_of_object() -> http::Response<()> {
    let head = http::Response::builder()
        .header("content-length", "3")
        .header("etag", "\"a\"")
        .header("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT");
    head.body(()).unwrap()
}

#[tokio::test]
async fn a_stream_that_is_reset_is_tried_again() {
    for reason in [
        Reason::REFUSED_STREAM,
        Reason::INTERNAL_ERROR,
        Reason::ENHANCE_YOUR_CALM,
        Reason::CANCEL,
    ] {
        let address = http2(move |mut respond| respond.send_reset(reason)).await;
        let options = [("allow_http", "true"), ("http2_only", "true")];
        let store = store(&format!("http://{address}"), &options);
        let (read, _) = observe(async { store.get(&Path::from("x")).await?.bytes().await }).await;
        assert_eq!(read.unwrap(), "abc", "{reason}");
    }
}

#[tokio::test]
async fn a_connection_that_goes_away_is_made_anew() {
    for reason in [
        Reason::NO_ERROR,
        Reason::ENHANCE_YOUR_CALM,
        Reason::INTERNAL_ERROR,
    ] {
        let address = serve_http2(Some(reason), |_| {}).await;
        let options = [("allow_http", "true"), ("http2_only", "true")];
        let store = store(&format!("http://{address}"), &options);
        let read = async { store.get(&Path::from("x")).await?.bytes().await };
        assert_eq!(read.await.unwrap(), "abc", "{reason}");
    }
}

/// What a server sends that closes its connection and has begun with no request of it: empty
/// settings, and a GOAWAY without an error, whose last stream is 0.
const GOES_AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// An HTTP/2 server whose first connections go away, and whose first stream, if it is reset, is
/// reset without an error. All others find nothing.
async fn finds_nothing(go_away: usize, is_reset: bool) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let mut connections = 0;
        let mut streams = 0;
        while let Ok((mut socket, _)) = listener.accept().await {
            connections += 1;
            if connections <= go_away {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(GOES_AWAY).await;
                let _ = socket.read(&mut request).await;
                continue;
            }
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((_request, mut respond))) = connection.accept().await {
                streams += 1;
                if is_reset && streams == 1 {
                    respond.send_reset(Reason::NO_ERROR);
                    continue;
                }
                let head = http::Response::builder().status(404).body(()).unwrap();
                respond.send_response(head, true).unwrap();
            }
        }
    });
    address
}

/// A delete is not found at its second attempt: that is its own doing, unless the first was not even
/// begun. The client makes two more attempts of its own where it is told so.
#[tokio::test]
async fn a_request_that_was_not_begun_is_known_from_one_that_was_reset() {
    for (go_away, is_reset, is_applied) in [(4, false, false), (0, true, true)] {
        let address = finds_nothing(go_away, is_reset).await;
        let options = [("allow_http", "true"), ("http2_only", "true")];
        let store = store(&format!("http://{address}"), &options);
        let (deleted, observed) = observe(store.delete(&Path::from("x"))).await;
        assert_eq!(observed.report.attempts(), 2, "{observed:?}");
        assert_eq!(deleted.is_ok(), is_applied, "{deleted:?}");
    }
}

#[tokio::test]
async fn a_body_whose_stream_is_reset_is_resumed_or_read_again() {
    let address = http2(|mut respond| {
        let mut body = respond.send_response(head_of_object(), false).unwrap();
        body.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let options = [("allow_http", "true"), ("http2_only", "true")];
    let store = store(&format!("http://{address}"), &options);
    let read = store.get(&Path::from("x")).await;
    match read {
        Ok(body) => assert_eq!(body.bytes().await.unwrap(), "abc"),
        Err(error) => panic!("{}", full_text(&error)),
    }
}

#[tokio::test]
async fn a_server_without_tls_is_permanent_and_said() {
    let (listener, address) = listen().await;
    let seen = Arc::new(AtomicUsize::new(0));
    let connections = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let store = store(&format!("https://{address}"), &[]);
    let error = store.get(&Path::from("x")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Permanent);
    let text = full_text(&error);
    assert!(text.contains("does not speak TLS"), "{text}");
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_permanent_and_said() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der());
    // By name: with other crates' features there may be two to choose from.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = acceptor.accept(socket).await;
        }
    });
    let store = store(&format!("https://localhost:{}", address.port()), &[]);
    let (got, observed) = observe(store.get(&Path::from("x"))).await;
    let error = got.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Permanent);
    assert_eq!(observed.report.attempts(), 1);
    let text = full_text(&error);
    assert!(text.contains("certificate"), "{text}");
}

/// Eight connections that were used once and then swallow everything: after one timeout the next
/// attempt is made on a new connection.
#[tokio::test]
async fn dropped_connections_cost_one_timeout() {
    const OBJECT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"a\"\r\n\
        Last-Modified: Wed, 21 Oct 2020 07:28:00 GMT\r\n\r\nabc";
    let (listener, address) = listen().await;
    let is_dropping = Arc::new(AtomicUsize::new(0));
    let dropping = Arc::clone(&is_dropping);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let is_old = dropping.load(Ordering::SeqCst) == 0;
            let dropping = Arc::clone(&dropping);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    if is_old && dropping.load(Ordering::SeqCst) > 0 {
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let _ = socket.write_all(OBJECT).await;
                }
            });
        }
    });
    let connector = RetryConnector::new(ReqwestConnector::default());
    let connector = connector.head_timeout(Duration::from_millis(300));
    let http = HttpBuilder::new()
        .with_url(format!("http://{address}"))
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_retry(object_store::RetryConfig {
            max_retries: 0,
            ..Default::default()
        })
        .with_http_connector(connector)
        .build()
        .unwrap();
    let store = RetryStore::new(http, RetryConfig::storage());
    let path = Path::from("x");
    let get = || async { store.get(&path).await.unwrap().bytes().await.unwrap() };
    futures::future::join_all((0..8).map(|_| get())).await;
    is_dropping.store(1, Ordering::SeqCst);
    let (body, observed) = observe(get()).await;
    assert_eq!(body, "abc");
    assert_eq!(observed.report.attempts(), 2);
}
