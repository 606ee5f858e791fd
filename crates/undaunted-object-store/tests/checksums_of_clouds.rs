//! Checksums as the three clouds have them: what Azure says of a read, and what is said of an upload.
#![cfg(all(feature = "aws", feature = "azure", feature = "gcp"))]
#![allow(clippy::unwrap_used)]

mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use undaunted::RetryConfig;
use undaunted_chaos::server::S3Server;
use undaunted_object_store::{
    Backend, Corrupt, RetryConnector, RetryStore, RetryStoreBuilder, cause, open_with,
};
use wire::{Request, Response, Server, serve};

fn quick() -> RetryConfig {
    let config = RetryConfig::builder().base_delay(Duration::from_millis(1));
    config.build().unwrap()
}

/// Azure, with this object.
async fn azure(content: String, header: &'static str, checksum: String) -> Server {
    serve(move |_: &Request| {
        let object = Response::of(200, content.clone())
            .with("etag", "\"0x8D\"")
            .with("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT");
        Some(object.with(header, checksum.clone()))
    })
    .await
}

fn builder(server: &Server) -> RetryStoreBuilder<Arc<dyn ObjectStore>> {
    let options = [
        ("azure_storage_account_name", "account"),
        ("azure_storage_account_key", "a2V5"),
        ("azure_storage_endpoint", &server.url),
        ("azure_allow_http", "true"),
    ];
    let (backend, _) = Backend::open_with("az://container", options).unwrap();
    backend.builder().config(quick())
}

/// Whether a read finds out that the object is not what it should be.
async fn is_corrupt(builder: RetryStoreBuilder<Arc<dyn ObjectStore>>) -> bool {
    let read = async {
        let got = builder.build().get(&Path::from("key")).await?;
        got.bytes().await
    };
    match read.await {
        Ok(_) => false,
        Err(error) => {
            assert!(cause::<Corrupt>(&error).is_some(), "{error}");
            true
        }
    }
}

/// A client may set what Azure says, so an object that is right could not be read by default.
#[tokio::test]
async fn azures_md5_is_compared_by_choice() {
    let md5 = |content: &str| BASE64_STANDARD.encode(Md5::digest(content));
    let right = azure("abc".to_owned(), "content-md5", md5("abc")).await;
    assert!(!is_corrupt(builder(&right).verify_reads()).await);
    let wrong = azure("abc".to_owned(), "content-md5", md5("another")).await;
    assert!(!is_corrupt(builder(&wrong)).await);
    assert_eq!(wrong.requests().len(), 1);
    assert!(is_corrupt(builder(&wrong).verify_reads()).await);
    assert_eq!(wrong.requests().len(), 3);
    // What is no MD5 is none.
    let other = azure("abc".to_owned(), "content-md5", "YWJj".to_owned()).await;
    assert!(!is_corrupt(builder(&other).verify_reads()).await);
}

#[tokio::test]
async fn what_another_service_calls_content_md5_is_not_believed() {
    let md5 = BASE64_STANDARD.encode(Md5::digest("another"));
    let server = azure("abc".to_owned(), "content-md5", md5).await;
    let options = [
        ("aws_endpoint", server.url.as_str()),
        ("aws_allow_http", "true"),
        ("aws_skip_signature", "true"),
    ];
    let (backend, _) = Backend::open_with("s3://bucket", options).unwrap();
    let builder = backend.builder().config(quick()).verify_reads();
    assert!(!is_corrupt(builder).await);
}

#[tokio::test]
async fn google_is_told_the_crc_of_objects_and_parts() {
    let server = serve(|request: &Request| {
        let response = Response::of(200, "").with("etag", "\"1\"");
        let document = |root: &str, content: &str| {
            Response::of(200, format!("<{root}>{content}</{root}>")).with("etag", "\"1\"")
        };
        Some(match (&*request.method, &*request.target) {
            ("POST", target) if target.contains("uploads") => document(
                "InitiateMultipartUploadResult",
                "<Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>",
            ),
            ("POST", _) => document("CompleteMultipartUploadResult", "<ETag>\"1\"</ETag>"),
            _ => response,
        })
    })
    .await;
    let options = [
        ("google_bearer_token", "token"),
        ("google_base_url", &server.url),
        ("google_allow_http", "true"),
    ];
    let (store, path) = open_with("gs://bucket/key", options, quick()).unwrap();
    store.put(&path, "123456789".into()).await.unwrap();
    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.put_part("123456789".into()).await.unwrap();
    upload.complete().await.unwrap();
    let requests = server.requests();
    let puts = requests.iter().filter(|request| request.method == "PUT");
    let told: Vec<_> = puts.map(|request| request.header("x-goog-hash")).collect();
    assert_eq!(told, [Some("crc32c=4waSgw=="); 2]);
}

/// Changes a byte of the first body that is sent, after it was signed.
#[derive(Clone, Debug)]
struct Changing(Arc<AtomicBool>);

struct Changed(HttpClient, Arc<AtomicBool>);

impl HttpConnector for Changing {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Changed(client, Arc::clone(&self.0))))
    }
}

impl std::fmt::Debug for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Changed")
    }
}

#[async_trait]
impl HttpService for Changed {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let has_body = request.body().content_length() > 0;
        if has_body && !self.1.swap(true, Ordering::Relaxed) {
            let (head, body) = request.into_parts();
            let wrong = Bytes::from(vec![b'#'; body.content_length()]);
            let request = HttpRequest::from_parts(head, wrong.into());
            return self.0.execute(request).await;
        }
        self.0.execute(request).await
    }
}

#[tokio::test]
async fn an_upload_that_arrives_changed_is_refused_and_sent_again() {
    for (is_signed, checksum) in [
        (true, None),
        (false, Some(Checksum::CRC64NVME)),
        (false, Some(Checksum::SHA256)),
    ] {
        for in_parts in [false, true] {
            let server = S3Server::builder().bucket("data").start().await.unwrap();
            let options = server.object_store_options().into_iter();
            let mut s3 = options.fold(
                AmazonS3Builder::new().with_bucket_name("data"),
                |builder, (key, value)| builder.with_config(key.parse().unwrap(), value),
            );
            s3 = s3.with_unsigned_payload(!is_signed);
            if let Some(checksum) = checksum {
                s3 = s3.with_checksum_algorithm(checksum);
            }
            let connector = RetryConnector::new(Changing(Arc::default()));
            let s3 = Arc::new(s3.with_http_connector(connector).build().unwrap());
            let capabilities = undaunted_object_store::Capabilities::none()
                .with_parts(s3.clone())
                .with_attributes();
            let store = RetryStore::builder(s3)
                .config(quick())
                .capabilities(capabilities)
                .build();
            let path = Path::from("a");
            let content = Bytes::from(vec![7; 100_000]);
            if in_parts {
                let mut upload = store.put_multipart(&path).await.unwrap();
                upload.put_part(content.clone().into()).await.unwrap();
                upload.complete().await.unwrap();
            } else {
                store.put(&path, content.clone().into()).await.unwrap();
            }
            let refused = server.requests();
            let refused = refused.iter().filter(|request| request.status == Some(400));
            assert_eq!(refused.count(), 1, "{is_signed} {checksum:?} {in_parts}");
            let read = store.get(&path).await.unwrap().bytes().await.unwrap();
            assert_eq!(read, content);
        }
    }
}
