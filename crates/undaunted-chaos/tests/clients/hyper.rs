//! hyper 1, and the client of hyper-util 0.1.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::Uri;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use undaunted::{CheckStatus, Retry, RetryConfig, Retryable, Verdict};

use crate::places::{GETS, faulty, place, throttling, verdict, with_crypto};

type BoxError = Box<dyn Error + Send + Sync>;

fn client() -> Client<HttpsConnector<HttpConnector>, Empty<Bytes>> {
    with_crypto();
    let connector = HttpsConnectorBuilder::new().with_webpki_roots();
    Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build())
}

/// The client has no timeouts of its own.
async fn get(url: &str) -> Result<Bytes, BoxError> {
    let attempt = async {
        let response = client().get(url.parse()?).await?.check_status()?;
        Ok(response.into_body().collect().await?.to_bytes())
    };
    let limited = timeout(Duration::from_millis(500), attempt).await;
    limited.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

#[tokio::test]
async fn every_failure_of_a_get_has_its_verdict() {
    for (name, want) in GETS {
        let place = place(name).await;
        let result = get(&place.url).await;
        assert_eq!(verdict(&result), *want, "{name}: {result:?}");
    }
}

#[tokio::test]
async fn the_wait_that_a_service_asks_for_is_kept() {
    let retry_after = Duration::from_secs(7);
    let place = throttling(retry_after).await;
    let error = get(&place.url).await.unwrap_err();
    let hint = Some(retry_after);
    assert_eq!(error.verdict(), Verdict::Throttled { retry_after: hint });
}

/// The errors of the client and of a connection, without a box around them.
#[tokio::test]
async fn unboxed_errors_have_the_same_verdicts() {
    for (name, want) in [
        ("connection refused", "transient"),
        ("reset before the response", "transient"),
        ("closed before the response", "transient"),
        ("response that is not HTTP", "transient"),
        ("certificate of an unknown issuer", "permanent"),
        ("TLS to a port without TLS", "permanent"),
    ] {
        let place = place(name).await;
        let result: Result<_, ClientError> = client().get(place.url.parse().unwrap()).await;
        assert_eq!(verdict(&result), want, "{name}: {result:?}");
    }
    let result = client().get(Uri::from_static("/without/a/host")).await;
    assert_eq!(verdict(&result), "permanent", "{result:?}");
    for name in ["reset before the response", "closed before the response"] {
        let place = place(name).await;
        let result = over_one_connection(&place.url).await;
        assert_eq!(verdict(&result), "transient", "{name}: {result:?}");
    }
    for name in [
        "reset in the middle of the body",
        "closed in the middle of the body",
    ] {
        let place = place(name).await;
        let response = over_one_connection(&place.url).await.unwrap();
        let result: Result<_, hyper::Error> = response.into_body().collect().await;
        assert_eq!(verdict(&result), "transient", "{name}: {result:?}");
    }
}

async fn over_one_connection(url: &str) -> Result<Response<Incoming>, hyper::Error> {
    let uri: Uri = url.parse().unwrap();
    let authority = uri.authority().unwrap().to_string();
    let socket = TcpStream::connect(&authority).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let target = uri.path_and_query().unwrap().as_str();
    let request = Request::get(target).header("host", authority);
    sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
}

#[tokio::test]
async fn a_body_of_the_callers_has_the_verdict_of_its_error() {
    let place = faulty(None).await;
    for (kind, want) in [
        (io::ErrorKind::NotFound, "permanent"),
        (io::ErrorKind::ConnectionReset, "transient"),
    ] {
        let frames = stream::iter([Err::<Frame<Bytes>, _>(io::Error::from(kind))]);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::put(&place.url)
            .body(StreamBody::new(frames))
            .unwrap();
        let result = client.request(request).await;
        assert_eq!(verdict(&result), want, "{kind}: {result:?}");
    }
}

#[tokio::test]
async fn a_limit_is_behind_the_error_of_the_client() {
    let place = place("no response in time").await;
    let limit = Duration::from_millis(50);
    let config = RetryConfig::builder()
        .attempt_timeout(Some(limit))
        .max_retries(1);
    let config = config.base_delay(Duration::from_millis(1)).build().unwrap();
    let client = client();
    let get = || client.get(place.url.parse().unwrap());
    let (result, report) = Retry::new(get).config(&config).run_with_report().await;
    assert_eq!(report.attempts(), 2);
    let error: ClientError = result.unwrap_err();
    assert!(!error.is_connect(), "{error:?}");
    assert!(
        format!("{error:?}").contains("Attempt { limit: 50ms }"),
        "{error:?}"
    );
}
