//! Stores whose requests run on another runtime than the one that waits for them, as engines with
//! a runtime for computing set them up: what the connector finds reaches the retries all the same.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod wire;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::SpawnedReqwestConnector;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use tokio::runtime::{Builder, Handle, Runtime};
use undaunted::{HttpFailure, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, Operation, Rule};
use undaunted_object_store::{
    Capabilities, RetryConnector, RetryStore, Service, cause, full_text, observe, open_on,
};

use wire::{Response, serve};

/// A runtime for requests, and one without IO that computes.
struct Runtimes {
    io: Runtime,
    computing: Runtime,
}

impl Runtimes {
    fn start() -> Self {
        let io = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let computing = Builder::new_current_thread().enable_time().build();
        Self {
            io: io.unwrap(),
            computing: computing.unwrap(),
        }
    }

    /// Runs a future where no request can be made.
    fn compute<T>(&self, future: impl Future<Output = T>) -> T {
        self.computing.block_on(future)
    }
}

/// A store whose requests are made on this runtime.
fn store_on(
    io: &Handle,
    options: impl IntoIterator<Item = (String, String)>,
) -> RetryStore<Arc<AmazonS3>> {
    let connector = RetryConnector::new(SpawnedReqwestConnector::new(io.clone()));
    let builder = options.into_iter().fold(
        AmazonS3Builder::new().with_bucket_name("bucket"),
        |builder, (key, value)| builder.with_config(key.parse().unwrap(), value),
    );
    let s3 = builder
        .with_retry(object_store::RetryConfig {
            max_retries: 0,
            ..object_store::RetryConfig::default()
        })
        .with_http_connector(connector.service(Service::S3))
        .build();
    let s3 = Arc::new(s3.unwrap());
    let capabilities = Capabilities::none()
        .with_parts(s3.clone())
        .with_pages(s3.clone())
        .with_attributes();
    RetryStore::builder(s3)
        .config(quick())
        .capabilities(capabilities)
        .build()
}

fn quick() -> RetryConfig {
    let storage = RetryConfig::storage().to_builder();
    storage
        .base_delay(Duration::from_millis(1))
        .build()
        .unwrap()
}

/// Of keys deleted at once, the service is too busy for one at first, and never lets another be
/// deleted.
fn refusing_deletes() -> impl Fn(&wire::Request) -> Option<Response> + Send + Sync {
    let requests = AtomicUsize::new(0);
    move |_| {
        let busy = "<Error><Key>busy</Key><Code>SlowDown</Code><Message/></Error>";
        let gone = "<Deleted><Key>busy</Key></Deleted><Deleted><Key>free</Key></Deleted>";
        let refused = "<Error><Key>refused</Key><Code>AccessDenied</Code><Message/></Error>";
        let body = match requests.fetch_add(1, Ordering::Relaxed) {
            0 => format!("{busy}<Deleted><Key>free</Key></Deleted>{refused}"),
            _ => gone.to_owned(),
        };
        Some(Response::of(
            200,
            format!("<DeleteResult>{body}</DeleteResult>"),
        ))
    }
}

fn options_of(url: &str) -> Vec<(String, String)> {
    [
        ("aws_endpoint", url),
        ("aws_allow_http", "true"),
        ("aws_access_key_id", "key"),
        ("aws_secret_access_key", "secret"),
        ("aws_region", "us-east-1"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

async fn delete_three<S: ObjectStore>(store: S) {
    let keys = ["busy", "free", "refused"].map(|key| Ok(Path::from(key)));
    let deleted: Vec<_> = store
        .delete_stream(stream::iter(keys).boxed())
        .collect()
        .await;
    let [busy, free, refused] = &deleted[..] else {
        panic!("{deleted:?}");
    };
    assert_eq!(busy.as_ref().unwrap(), &Path::from("busy"));
    assert_eq!(free.as_ref().unwrap(), &Path::from("free"));
    let refused = cause::<HttpFailure>(refused.as_ref().unwrap_err());
    assert_eq!(refused.and_then(HttpFailure::code), Some("AccessDenied"));
}

#[test]
fn the_codes_of_single_keys_come_from_another_runtime() {
    let runtimes = Runtimes::start();
    let server = runtimes.io.block_on(serve(refusing_deletes()));
    let store = store_on(runtimes.io.handle(), options_of(&server.url));
    runtimes.compute(delete_three(store));
    assert_eq!(
        server.count(|_| true),
        2,
        "the busy key was asked for again"
    );
}

#[test]
fn an_opened_store_is_used_where_no_request_can_be_made() {
    let runtimes = Runtimes::start();
    let io = runtimes.io.handle();
    let server = runtimes.io.block_on(serve(refusing_deletes()));
    let options = options_of(&server.url);
    let (store, _) = open_on(io, "s3://bucket", options, quick()).unwrap();
    runtimes.compute(delete_three(store));

    let server = runtimes.io.block_on(S3Server::builder().start()).unwrap();
    let options = server.object_store_options();
    let (store, _) = open_on(io, "s3://bucket", options, quick()).unwrap();
    let key = Path::from("a");
    server
        .plan()
        .add(Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)));
    runtimes.compute(async {
        let created = store.put_opts(&key, "content".into(), PutMode::Create.into());
        created.await.unwrap();
        let read = store.get(&key).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, "content");
    });
}

#[test]
fn a_whole_call_may_be_spawned() {
    let runtimes = Runtimes::start();
    let server = runtimes.io.block_on(serve(refusing_deletes()));
    let store = store_on(runtimes.io.handle(), options_of(&server.url));
    runtimes.compute(async { runtimes.io.spawn(delete_three(store)).await.unwrap() });
}

#[test]
fn an_observer_sees_the_response_and_a_lost_one_is_resolved() {
    let runtimes = Runtimes::start();
    let server = runtimes.io.block_on(S3Server::builder().start()).unwrap();
    let store = store_on(runtimes.io.handle(), server.object_store_options());
    let key = Path::from("a");
    let rules = [
        Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)),
        Rule::new(
            Operation::Get,
            Fault::BreakBody {
                at: 3,
                failure: Failure::Reset,
            },
        ),
        Rule::new(Operation::Get, Fault::FailBefore(Failure::Status(denied()))).from_call(3),
    ];
    for rule in rules {
        server.plan().add(rule);
    }
    runtimes.compute(async {
        let created = store.put_opts(&key, "content".into(), PutMode::Create.into());
        created.await.unwrap();
        let read = store.get(&key).await.unwrap().bytes().await.unwrap();
        assert_eq!(read, "content");
        let (result, seen) = observe(store.get(&key)).await;
        assert!(matches!(
            result,
            Err(object_store::Error::PermissionDenied { .. })
        ));
        let code = seen.last_failure.as_ref().and_then(HttpFailure::code);
        assert_eq!(code, Some("AccessDenied"));
    });
}

fn denied() -> HttpFailure {
    HttpFailure::new(403).with_code("AccessDenied")
}

/// The runtime of the requests is gone: an error, and neither a panic nor a wait without end.
#[test]
fn a_runtime_that_has_ended_is_an_error() {
    let runtimes = Runtimes::start();
    let server = runtimes.io.block_on(S3Server::builder().start()).unwrap();
    let store = store_on(runtimes.io.handle(), server.object_store_options());
    let Runtimes { io, computing } = runtimes;
    io.shutdown_background();
    let error = computing.block_on(store.get(&Path::from("a"))).unwrap_err();
    assert!(
        matches!(error, object_store::Error::Generic { .. }),
        "{error}"
    );
}

/// The store knows the runtime that it was opened on, so it does not repeat the request.
#[test]
fn a_store_whose_runtime_was_shut_down_says_so_after_one_attempt() {
    for is_asked_before in [false, true] {
        let runtimes = Runtimes::start();
        let server = runtimes.io.block_on(S3Server::builder().start()).unwrap();
        let slow = Rule::new(Operation::Get, Fault::Delay(Duration::from_secs(3600)));
        server.plan().add(slow.always());
        let ending = Runtimes::start().io;
        let options = server.object_store_options();
        let (store, _) = open_on(ending.handle(), "s3://bucket", options, quick()).unwrap();
        let ends = async {
            while is_asked_before && server.plan().calls(Operation::Get) == 0 {
                tokio::task::yield_now().await;
            }
            ending.shutdown_background();
        };
        let key = Path::from("a");
        let ((result, seen), ()) = runtimes.compute(async {
            let (ended, asked) = if is_asked_before {
                let (asked, ended) = tokio::join!(observe(store.get(&key)), ends);
                (ended, asked)
            } else {
                (ends.await, observe(store.get(&key)).await)
            };
            (asked, ended)
        });
        // The attempt that the end of the runtime broke is one, and the next finds it gone.
        assert!(seen.report.attempts() <= 2, "{}", seen.report.attempts());
        let text = full_text(&result.unwrap_err());
        for words in ["the runtime", "was shut down", "open_on", "a"] {
            assert!(text.contains(words), "{text}");
        }
    }
}
