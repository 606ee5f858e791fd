//! Credentials are still fetched with retries, although the store's own are off.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::ObjectStoreExt;
use object_store::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use undaunted::RetryConfig;
use undaunted_chaos::server::{ACCESS_KEY, S3Server, SECRET_KEY};
use undaunted_object_store::open_with;

/// A credential service that is busy at first. Returns its URL and how often it was asked.
async fn credential_service() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/credentials", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            let response = if count.fetch_add(1, Ordering::SeqCst) < 2 {
                "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
            } else {
                let body = format!(
                    r#"{{"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{SECRET_KEY}","Token":"","Expiration":"2100-01-01T00:00:00Z"}}"#
                );
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
            };
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_busy_credential_service_is_asked_again() {
    let server = S3Server::builder().start().await.unwrap();
    let (url, asked) = credential_service().await;
    let mut token = tempfile::NamedTempFile::new().unwrap();
    token.write_all(b"token").unwrap();
    let options = [
        ("aws_endpoint", server.endpoint()),
        ("aws_region", "us-east-1".to_owned()),
        ("aws_allow_http", "true".to_owned()),
        ("aws_container_credentials_full_uri", url),
        (
            "aws_container_authorization_token_file",
            token.path().display().to_string(),
        ),
    ];
    // No retries of ours: what is retried is retried by the provider.
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    let (store, _) = open_with("s3://bucket", options, config).unwrap();
    let path = Path::from("a");
    store.put(&path, "x".into()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    // Requests of the store are not repeated by it.
    assert_eq!(server.requests().len(), 1);
}
