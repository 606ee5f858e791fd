//! Reads that are verified, against a real S3 server whose bodies arrive changed.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod wire;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{ClientOptions, Error, ObjectStore, ObjectStoreExt};
use undaunted::{RetryConfig, Retryable};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::{Backend, Corrupt, ObjectPin, RetryConnector, RetryStore};
use wire::{Response, serve};

type Store = RetryStore<Arc<dyn ObjectStore>>;

const CORRUPT: Fault = Fault::CorruptBody { at: 1000 };

async fn server(rules: impl IntoIterator<Item = Rule>) -> S3Server {
    let plan = FaultPlan::scripted(rules);
    S3Server::builder().plan(plan).start().await.unwrap()
}

/// A store on this server that verifies what it reads.
fn verifying(server: &S3Server) -> Store {
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    let config = RetryConfig::builder().base_delay(Duration::from_millis(1));
    RetryStore::builder(backend.store)
        .config(config.build().unwrap())
        .capabilities(backend.capabilities)
        .verify_reads()
        .build()
}

fn content() -> Bytes {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

async fn read(store: &impl ObjectStore, path: &Path) -> object_store::Result<Bytes> {
    store.get(path).await?.bytes().await
}

#[tokio::test]
async fn bytes_that_arrive_changed_are_an_error_and_never_the_whole() {
    let server = server([Rule::new(Operation::Get, CORRUPT).always()]).await;
    let store = verifying(&server);
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();

    let mut body = store.get(&path).await.unwrap().into_stream();
    let mut length = 0;
    let error = loop {
        match body.try_next().await {
            Ok(chunk) => length += chunk.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(length < content().len(), "the last bytes are held back");
    let corrupt = error.source().unwrap().downcast_ref::<Corrupt>().unwrap();
    assert_eq!(corrupt.location(), &path);
    assert!(!error.verdict().is_retryable());
    // It was read again once.
    assert_eq!(server.plan().calls(Operation::Get), 2);
}

#[tokio::test]
async fn what_arrives_as_it_is_passes_also_when_it_is_resumed() {
    let reset = Fault::BreakBody {
        at: 700_000,
        failure: Failure::Reset,
    };
    let server = server([Rule::new(Operation::Get, reset)]).await;
    let store = verifying(&server);
    let path = Path::from("a");
    for content in [content(), Bytes::new()] {
        store.put(&path, content.clone().into()).await.unwrap();
        assert_eq!(read(&store, &path).await.unwrap(), content);
    }
    assert_eq!(server.plan().calls(Operation::Get), 3);
}

#[tokio::test]
async fn a_change_after_the_break_is_found_too() {
    let reset = Fault::BreakBody {
        at: 700_000,
        failure: Failure::Reset,
    };
    let rules = [reset, CORRUPT].map(|fault| Rule::new(Operation::Get, fault));
    let server = server(rules).await;
    let store = verifying(&server);
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();
    let error = read(&store, &path).await.unwrap_err();
    assert!(error.source().unwrap().is::<Corrupt>(), "{error}");
}

#[tokio::test]
async fn what_cannot_be_verified_passes() {
    let server = server([]).await;
    let store = verifying(&server);
    let path = Path::from("a");
    // The ETag of an upload is not an MD5 of the whole.
    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.put_part(content().into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(read(&store, &path).await.unwrap(), content());
    // A range is not the whole.
    store.put(&path, content().into()).await.unwrap();
    let range = store.get_range(&path, 10..20).await.unwrap();
    assert_eq!(range, content()[10..20]);
}

/// A store on this server as `open` makes it, or without checksums.
fn plain(server: &S3Server, checksums: bool) -> Store {
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    let config = RetryConfig::builder().base_delay(Duration::from_millis(1));
    let builder = backend.builder().config(config.build().unwrap());
    if checksums {
        builder.build()
    } else {
        builder.without_checksums().build()
    }
}

fn is_corrupt(error: &Error) -> bool {
    undaunted_object_store::cause::<Corrupt>(error).is_some()
}

#[tokio::test]
async fn the_checksum_of_a_whole_object_is_compared_by_default() {
    let path = Path::from("a");
    for in_parts in [false, true] {
        let server = server([Rule::new(Operation::Get, CORRUPT).always()]).await;
        let store = plain(&server, true);
        if in_parts {
            let mut upload = store.put_multipart(&path).await.unwrap();
            upload.put_part(content().into()).await.unwrap();
            upload.complete().await.unwrap();
        } else {
            store.put(&path, content().into()).await.unwrap();
        }
        let error = read(&store, &path).await.unwrap_err();
        assert!(is_corrupt(&error), "{error}");
        assert!(error.to_string().contains("CRC64NVME"), "{error}");
        // A range has no checksum.
        let range = store.get_range(&path, 500..2000).await.unwrap();
        assert!(range != content()[500..2000]);
        let unchecked = read(&plain(&server, false), &path).await.unwrap();
        assert!(unchecked != content());
    }
}

#[tokio::test]
async fn what_arrived_changed_is_read_again_once() {
    let path = Path::from("a");
    // A body of one chunk: nothing of it was handed over.
    let small = Bytes::from(vec![7; 2000]);
    let server = server([]).await;
    let store = plain(&server, true);
    store.put(&path, small.clone().into()).await.unwrap();
    let pin = ObjectPin::of(&store.head(&path).await.unwrap());
    let wrong = |times| {
        let rule = Rule::new(Operation::Get, CORRUPT).count(times);
        server.set_plan(FaultPlan::scripted([rule]));
    };
    let calls = || server.plan().calls(Operation::Get);

    wrong(1);
    assert_eq!(read(&store, &path).await.unwrap(), small);
    assert_eq!(calls(), 2);
    wrong(9);
    assert!(is_corrupt(&read(&store, &path).await.unwrap_err()));
    assert_eq!(calls(), 2);

    // A range that is all, in memory: nothing was handed over either, however long it is.
    store.put(&path, content().into()).await.unwrap();
    let size = content().len() as u64;
    let whole = ObjectPin::of(&store.head(&path).await.unwrap());
    assert!(store.read_range(&path, 0..2000, &pin).await.is_err());
    wrong(1);
    let got = store.read_range(&path, 0..size, &whole).await.unwrap();
    assert_eq!(got, content());
    assert_eq!(calls(), 2);
    wrong(9);
    let error = store.read_range(&path, 0..size, &whole).await.unwrap_err();
    assert!(is_corrupt(&error), "{error}");
    assert_eq!(calls(), 2);
}

#[tokio::test]
async fn what_was_handed_over_right_is_kept_and_only_the_end_is_read_again() {
    let server = server([]).await;
    let store = plain(&server, true);
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();
    let at = content().len() as u64 - 1;
    let at_the_end = Rule::new(Operation::Get, Fault::CorruptBody { at });
    server.set_plan(FaultPlan::scripted([at_the_end]));
    assert_eq!(read(&store, &path).await.unwrap(), content());
    assert_eq!(server.plan().calls(Operation::Get), 2);
}

/// Something between said that there is nothing.
#[tokio::test]
async fn an_object_that_arrives_empty_is_compared_too() {
    let server = server([]).await;
    let mut builder = AmazonS3Builder::new().with_bucket_name("bucket");
    for (key, value) in server.object_store_options() {
        builder = builder.with_config(key.parse().unwrap(), value);
    }
    // Of the digits 1 to 9.
    let connector = RetryConnector::new(Says("x-amz-checksum-crc32c", "4waSgw=="));
    let inner = builder.with_http_connector(connector).build().unwrap();
    let store = RetryStore::builder(inner).build();
    let path = Path::from("a");
    for (content, is_right) in [("123456789", true), ("", false)] {
        store.put(&path, content.into()).await.unwrap();
        server.set_plan(FaultPlan::none());
        match read(&store, &path).await {
            Ok(got) => assert!(is_right && got == content, "{got:?}"),
            Err(error) => {
                assert!(!is_right && is_corrupt(&error), "{error}");
                assert_eq!(server.plan().calls(Operation::Get), 2);
            }
        }
    }
}

/// As many bytes as announced, but others.
#[tokio::test]
async fn a_body_that_was_decompressed_on_its_way_is_not_the_object() {
    let server = server([]).await;
    let store = plain(&server, true);
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();
    let decompressed = Fault::DecompressBody {
        length: 4_000_000,
        keep_headers: true,
    };
    let rule = Rule::new(Operation::Get, decompressed).always();
    server.set_plan(FaultPlan::scripted([rule]));
    let error = read(&store, &path).await.unwrap_err();
    assert!(is_corrupt(&error), "{error}");
}

/// Says something of every object, such as that it is encrypted with a key of the customer's.
#[derive(Debug)]
struct Says(&'static str, &'static str);

struct Service(HttpClient, &'static str, &'static str);

impl HttpConnector for Says {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service(client, self.0, self.1)))
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut response = self.0.execute(request).await?;
        let value = self.2.parse().unwrap();
        response.headers_mut().insert(self.1, value);
        Ok(response)
    }
}

#[tokio::test]
async fn an_etag_that_only_looks_like_an_md5_is_not_believed() {
    let cases = [
        ("x-amz-server-side-encryption", "AES256", true),
        ("x-amz-server-side-encryption", "aws:kms", false),
        ("x-amz-server-side-encryption", "aws:kms:dsse", false),
        (
            "x-amz-server-side-encryption-customer-algorithm",
            "AES256",
            false,
        ),
    ];
    for (name, value, verified) in cases {
        let server = server([Rule::new(Operation::Get, CORRUPT)]).await;
        let mut builder = AmazonS3Builder::new().with_bucket_name("bucket");
        for (key, value) in server.object_store_options() {
            builder = builder.with_config(key.parse().unwrap(), value);
        }
        let connector = RetryConnector::new(Says(name, value));
        let inner = builder.with_http_connector(connector).build().unwrap();
        let store = RetryStore::builder(inner).verify_reads().build();
        let path = Path::from("a");
        store.put(&path, content().into()).await.unwrap();
        let read: Result<Bytes, Error> = read(&store, &path).await;
        assert_eq!(read.is_err(), verified, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_checksum_is_asked_for_only_where_it_is_compared() {
    let server = serve(|_| {
        let object = Response::of(200, "abc").with("etag", "\"a\"");
        Some(object.with("last-modified", "Wed, 21 Oct 2020 07:28:00 GMT"))
    })
    .await;
    let options = [
        ("aws_access_key_id", "AK"),
        ("aws_secret_access_key", "SK"),
        ("aws_allow_http", "true"),
        ("aws_endpoint", &server.url),
    ];
    let builder = || {
        let (backend, path) = Backend::open_with("s3://bucket/key", options).unwrap();
        (backend.builder(), path)
    };
    let (checked, path) = builder();
    let stores = [
        checked.build(),
        builder().0.without_checksums().build(),
        builder().0.without_checksums().verify_reads().build(),
    ];
    for store in &stores {
        assert_eq!(read(store, &path).await.unwrap(), "abc");
    }
    let requests = server.requests();
    let asked = requests.iter().map(|it| it.header("x-amz-checksum-mode"));
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked, [Some("ENABLED"), None, Some("ENABLED")]);
}

/// What was wrong comes once more, slowly: after the head it is no attempt that a limit may cut.
#[tokio::test]
async fn an_object_that_is_read_again_may_take_its_time() {
    let server = server([]).await;
    let (backend, _) = Backend::open_with("s3://bucket", server.object_store_options()).unwrap();
    let config = RetryConfig::builder()
        .base_delay(Duration::from_millis(1))
        .attempt_timeout(Some(Duration::from_secs(1)));
    let store = backend.builder().config(config.build().unwrap()).build();
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();
    let corrupt = Fault::CorruptBody {
        at: content().len() as u64 - 1,
    };
    let slow = Fault::StallBody {
        at: 700_000,
        lasts: Duration::from_secs(2),
    };
    server.set_plan(FaultPlan::scripted([
        Rule::new(Operation::Get, corrupt).count(1),
        Rule::new(Operation::Get, slow).always(),
    ]));
    assert_eq!(read(&store, &path).await.unwrap(), content());
}

#[tokio::test]
async fn an_object_that_is_read_again_is_resumed_where_it_breaks() {
    let server = server([]).await;
    let store = plain(&server, true);
    let path = Path::from("a");
    store.put(&path, content().into()).await.unwrap();
    let size = content().len() as u64;
    let corrupt = Fault::CorruptBody { at: size - 1 };
    let broken = Fault::BreakBody {
        at: 700_000,
        failure: Failure::Reset,
    };
    for (faults, is_whole) in [
        (vec![corrupt.clone(), broken.clone()], true),
        // It is wrong once more, at the end or where it was right before.
        (vec![corrupt.clone(), broken.clone(), CORRUPT], false),
        (vec![corrupt.clone(), CORRUPT], false),
    ] {
        server.clear_requests();
        let count = faults.len();
        let rules = faults.into_iter();
        let rules = rules.map(|fault| Rule::new(Operation::Get, fault).count(1));
        server.set_plan(FaultPlan::scripted(rules));
        match read(&store, &path).await {
            Ok(read) => assert!(is_whole && read == content()),
            Err(error) => assert!(!is_whole && is_corrupt(&error), "{error}"),
        }
        let requests = server.requests();
        assert_eq!(requests.len(), if is_whole { 3 } else { count });
        if count > 2 || is_whole {
            let range = requests[2].range.as_deref().unwrap();
            assert!(range.ends_with(&format!("-{}", size - 1)), "{range}");
        }
    }
}
