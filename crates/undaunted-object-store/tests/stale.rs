//! Credentials that became stale are fetched anew, and a search for credentials that finds none
//! is bounded and says where it looked. Over real sockets.
#![cfg(all(feature = "aws", feature = "azure"))]
#![allow(clippy::unwrap_used)]

mod wire;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload};
use tempfile::NamedTempFile;
use undaunted::{RetryConfig, Retryable, Verdict};
use undaunted_object_store::{CredentialError, RetryStore, cause, full_text, observe, open_with};
use wire::{Request, Response, Server, serve};

type Store = RetryStore<Arc<dyn ObjectStore>>;

const DATE: &str = "Wed, 21 Oct 2020 07:28:00 GMT";

fn object() -> Response {
    let object = Response::of(200, "abc");
    object.with("etag", "\"a\"").with("last-modified", DATE)
}

/// A service of credentials, whose tokens are T1, T2 ...
fn credentials(asked: &AtomicUsize) -> Response {
    let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
    Response::of(
        200,
        format!(
            r#"{{"AccessKeyId":"A","SecretAccessKey":"S","Token":"T{number}","Expiration":"2099-01-01T00:00:00Z"}}"#
        ),
    )
}

/// S3, and a service of credentials whose first token is refused with this response.
async fn with_revoked_token(refused: fn() -> Response) -> (Server, Store, NamedTempFile) {
    let asked = AtomicUsize::new(0);
    let server = serve(move |request: &Request| {
        Some(if request.target == "/credentials" {
            assert_eq!(request.header("authorization"), Some("token"));
            credentials(&asked)
        } else if request.header("x-amz-security-token") == Some("T1") {
            refused()
        } else if request.method == "POST" {
            Response::of(
                200,
                "<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>",
            )
        } else {
            object()
        })
    })
    .await;
    // As an editor or `echo` writes it.
    let mut token = NamedTempFile::new().unwrap();
    token.write_all(b"token\n").unwrap();
    let store = open_s3(
        &server,
        &[
            (
                "aws_container_credentials_full_uri",
                &format!("{}/credentials", server.url),
            ),
            (
                "aws_container_authorization_token_file",
                token.path().to_str().unwrap(),
            ),
        ],
        RetryConfig::storage(),
    );
    (server, store, token)
}

fn open_s3(server: &Server, options: &[(&str, &str)], config: RetryConfig) -> Store {
    let common = [
        ("aws_endpoint", server.url.as_str()),
        ("aws_allow_http", "true"),
        ("aws_region", "us-east-1"),
        // The variables of whoever runs this.
        ("aws_access_key_id", ""),
        ("aws_secret_access_key", ""),
        ("aws_session_token", ""),
    ];
    let options = common.iter().chain(options).copied();
    open_with("s3://bucket", options, config).unwrap().0
}

fn is_credentials(request: &Request) -> bool {
    request.target == "/credentials"
}

#[tokio::test]
async fn a_revoked_token_is_fetched_anew_once_for_a_crowd() {
    for code in [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidToken",
        "TokenRefreshRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
    ] {
        static CODE: std::sync::Mutex<&str> = std::sync::Mutex::new("");
        *CODE.lock().unwrap() = code;
        let refused = || Response::code(400, *CODE.lock().unwrap());
        let (server, store, _token) = with_revoked_token(refused).await;
        let gets = (0..20).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.get(&Path::from(format!("k{n}"))).await })
        });
        for got in futures::future::join_all(gets).await {
            got.unwrap().unwrap();
        }
        assert_eq!(server.count(is_credentials), 2, "{code}");
    }
}

#[tokio::test]
async fn every_operation_recovers_from_a_revoked_token() {
    let refused = || Response::code(400, "ExpiredToken");
    let path = Path::from("k");
    let (server, store, _token) = with_revoked_token(refused).await;
    store
        .put(&path, PutPayload::from_static(b"abc"))
        .await
        .unwrap();
    assert_eq!(server.count(is_credentials), 2);

    // The HEAD has no code; a GET of one byte brings it.
    let (server, store, _token) = with_revoked_token(refused).await;
    assert_eq!(store.head(&path).await.unwrap().size, 3);
    let asked: Vec<_> = server.requests();
    let asked: Vec<_> = asked
        .iter()
        .map(|r| (r.method.as_str(), r.header("range")))
        .collect();
    let range = Some("bytes=0-0");
    assert_eq!(
        asked,
        [
            ("GET", None),
            ("HEAD", None),
            ("GET", range),
            ("GET", None),
            ("HEAD", None)
        ]
    );
    assert_eq!(server.count(is_credentials), 2);

    let (server, store, _token) = with_revoked_token(refused).await;
    store.delete(&path).await.unwrap();
    assert_eq!(server.count(is_credentials), 2);
}

#[tokio::test]
async fn credentials_that_stay_refused_are_asked_for_once_more() {
    let asked = AtomicUsize::new(0);
    let server = serve(move |request: &Request| {
        Some(if is_credentials(request) {
            credentials(&asked)
        } else {
            Response::code(400, "InvalidToken")
        })
    })
    .await;
    let mut token = NamedTempFile::new().unwrap();
    token.write_all(b"token").unwrap();
    let options = [
        (
            "aws_container_credentials_full_uri",
            &*format!("{}/credentials", server.url),
        ),
        (
            "aws_container_authorization_token_file",
            token.path().to_str().unwrap(),
        ),
    ];
    let store = open_s3(&server, &options, RetryConfig::storage());
    let error = store.get(&Path::from("k")).await.unwrap_err();
    assert!(error.to_string().contains("InvalidToken"), "{error}");
    assert_eq!(server.count(is_credentials), 2);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_head_that_is_refused_has_the_response_of_a_get_that_is_not() {
    for (range, body) in [("bytes 0-0/5000", "a"), ("bytes */0", "")] {
        let server = serve(move |request: &Request| {
            Some(if request.method == "HEAD" {
                Response::of(403, "")
            } else if body.is_empty() && request.header("range").is_some() {
                Response::code(416, "InvalidRange").with("content-range", range)
            } else if body.is_empty() {
                Response::of(200, "")
                    .with("etag", "\"e\"")
                    .with("last-modified", DATE)
            } else {
                let part = Response::of(206, body).with("content-range", range);
                part.with("etag", "\"e\"").with("last-modified", DATE)
            })
        })
        .await;
        let keys = [("aws_access_key_id", "AK"), ("aws_secret_access_key", "SK")];
        let store = open_s3(&server, &keys, RetryConfig::storage());
        let meta = store.head(&Path::from("k")).await.unwrap();
        assert_eq!(meta.size, if body.is_empty() { 0 } else { 5000 });
        assert_eq!(meta.e_tag.as_deref(), Some("\"e\""));
    }
    // What a GET says of a HEAD's 403.
    let server = serve(|_: &Request| Some(Response::code(403, "AccessDenied"))).await;
    let keys = [("aws_access_key_id", "AK"), ("aws_secret_access_key", "SK")];
    let store = open_s3(&server, &keys, RetryConfig::storage());
    let error = store.head(&Path::from("k")).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn azures_401_renews_the_token_of_a_managed_identity() {
    let asked = AtomicUsize::new(0);
    let server = serve(move |request: &Request| {
        Some(if request.target.starts_with("/identity") {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            let expires = "4102444800";
            Response::of(
                200,
                format!(
                    r#"{{"access_token":"T{number}","expires_on":"{expires}","token_type":"Bearer","resource":"r"}}"#
                ),
            )
        } else if request.header("authorization") == Some("Bearer T1") {
            Response::of(401, "").with("x-ms-error-code", "InvalidAuthenticationInfo")
        } else {
            object()
        })
    })
    .await;
    let options = [
        ("azure_storage_account_name", "account".to_owned()),
        ("azure_storage_endpoint", server.url.clone()),
        ("azure_msi_endpoint", format!("{}/identity", server.url)),
        ("azure_allow_http", "true".to_owned()),
    ];
    let (store, _) = open_with("az://container", options, RetryConfig::storage()).unwrap();
    store.get(&Path::from("k")).await.unwrap();
    assert_eq!(store.head(&Path::from("k")).await.unwrap().size, 3);
    assert_eq!(server.count(|r| r.target.starts_with("/identity")), 2);
}

/// The error of a get with nothing but this metadata service, and how long it took.
async fn without_credentials(metadata_service: &str) -> (Error, Duration, usize) {
    let server = serve(|_: &Request| Some(object())).await;
    let options = [("aws_metadata_endpoint", metadata_service)];
    let store = open_s3(&server, &options, RetryConfig::storage());
    let start = Instant::now();
    let path = Path::from("k");
    let (got, observed) = observe(store.put(&path, PutPayload::from_static(b"a"))).await;
    assert_eq!(server.requests().len(), 0);
    let attempts = usize::try_from(observed.report.attempts()).unwrap();
    (got.unwrap_err(), start.elapsed(), attempts)
}

#[tokio::test]
async fn without_credentials_the_error_says_where_they_were_looked_for() {
    let (error, took, attempts) = without_credentials("http://127.0.0.1:2").await;
    assert_eq!(attempts, 1);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(error.verdict(), Verdict::Permanent);
    let text = full_text(&error);
    for part in [
        "no credentials for S3",
        "the metadata service (http://127.0.0.1:2)",
        "Connection refused",
        "set AWS_ACCESS_KEY_ID",
        "profiles are not read",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let cause = cause::<CredentialError>(&error).unwrap();
    assert!(cause.asked().contains("metadata service"));
}

#[tokio::test]
async fn a_metadata_service_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let (error, took, attempts) = without_credentials(&url).await;
    held.abort();
    assert_eq!(attempts, 1);
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(cause::<CredentialError>(&error).is_some(), "{error}");
}

#[tokio::test]
async fn a_metadata_service_that_is_a_web_page_is_no_panic() {
    let page = "<!doctype html>\n<html>Sign in</html>\n";
    let server = serve(move |_: &Request| Some(Response::of(200, page))).await;
    let (error, ..) = without_credentials(&server.url).await;
    let reason = cause::<CredentialError>(&error).unwrap().reason();
    assert!(
        reason.contains("not that of a metadata service"),
        "{reason}"
    );
    // A key that no header can hold.
    let server = serve(move |request: &Request| {
        Some(Response::of(
            200,
            if request.target.ends_with("/role") {
                r#"{"AccessKeyId":"A\n","SecretAccessKey":"S","Token":"T","Expiration":"2099-01-01T00:00:00Z"}"#
            } else {
                "role\n"
            },
        ))
    })
    .await;
    let (error, ..) = without_credentials(&server.url).await;
    let reason = cause::<CredentialError>(&error).unwrap().reason();
    assert!(reason.contains("no credentials"), "{reason}");
}

#[tokio::test]
async fn a_busy_metadata_service_is_asked_again() {
    let calls = AtomicUsize::new(0);
    let metadata = serve(
        move |request: &Request| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Some(Response::of(503, "")),
            1 => None,
            _ if request.target.ends_with("/role") => Some(credentials(&AtomicUsize::new(0))),
            _ => Some(Response::of(200, "role")),
        },
    )
    .await;
    let server = serve(|_: &Request| Some(object())).await;
    let options = [("aws_metadata_endpoint", metadata.url.as_str())];
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    let store = open_s3(&server, &options, config);
    store.get(&Path::from("k")).await.unwrap();
    assert_eq!(metadata.requests().len(), 5);
}
