//! Servers that do not know ranges or send more than was asked for, and what a store over one
//! does; copies that S3 would refuse; the words for connections that fail.
#![cfg(all(feature = "aws", feature = "http"))]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use undaunted::RetryConfig;
use undaunted_object_store::{
    ObjectPin, RangeSupport, RetryStore, TooLargeToCopy, cause, full_text, observe, open, open_with,
};

type Store = RetryStore<Arc<dyn ObjectStore>>;
type Seen = Arc<Mutex<Vec<String>>>;

/// Serves `respond`, which gets the head of a request and their number, in lower case. Returns
/// where, and the first lines of the requests.
async fn serve(respond: impl Fn(&str, usize) -> Vec<u8> + Send + Sync + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let (respond, log) = (Arc::new(respond), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (respond, log) = (Arc::clone(&respond), Arc::clone(&log));
            tokio::spawn(async move { answer(stream, &*respond, &log).await });
        }
    });
    (url, seen)
}

async fn answer(
    stream: TcpStream,
    respond: &(dyn Fn(&str, usize) -> Vec<u8> + Send + Sync),
    log: &Mutex<Vec<String>>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await.unwrap_or(0) > 2 {}
    let head = head.to_lowercase();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut body).await.is_err() || head.is_empty() {
        return;
    }
    let number = {
        let mut log = log.lock().unwrap();
        log.push(head.lines().next().unwrap().to_owned());
        log.len()
    };
    let _ = stream.write_all(&respond(&head, number)).await;
    let _ = stream.shutdown().await;
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The whole object, or its head.
fn whole(request: &str, status: &str, headers: &str) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {SIZE}\r\nETag: \"a\"\r\nConnection: close\r\n\
         Last-Modified: Wed, 21 Oct 2020 07:28:00 GMT\r\n{headers}\r\n"
    )
    .into_bytes();
    if !request.starts_with("head") {
        response.extend(content());
    }
    response
}

fn content() -> Vec<u8> {
    (0..=250).cycle().take(SIZE).collect()
}

const SIZE: usize = 100_000;

fn web(url: &str) -> (Store, Path) {
    let options = [("allow_http", "true")];
    let config = RetryConfig::storage();
    open_with(&format!("{url}/x"), options, config).unwrap()
}

#[tokio::test]
async fn every_reader_works_over_a_server_without_ranges() {
    let (url, _) = serve(|request, _| whole(request, "200 OK", "")).await;
    let (store, path) = web(&url);
    let range = store.get_range(&path, 500..700).await.unwrap();
    assert_eq!(range, content()[500..700]);
    let ranges = [0..10, 99_990..SIZE as u64, 30_000..70_000];
    let parts = store.get_ranges(&path, &ranges).await.unwrap();
    assert_eq!(parts[1], content()[99_990..]);
    assert_eq!(parts[2], content()[30_000..70_000]);
    let pin = ObjectPin::of(&store.head(&path).await.unwrap());
    let read = store.read_range(&path, 10..90_000, &pin).await.unwrap();
    assert_eq!(read, content()[10..90_000]);
    for (range, bytes) in [
        (object_store::GetRange::Suffix(7), &content()[SIZE - 7..]),
        (object_store::GetRange::Offset(99_000), &content()[99_000..]),
        (object_store::GetRange::from(0..SIZE as u64), &content()),
    ] {
        let options = GetOptions::new().with_range(Some(range));
        let result = store.get_opts(&path, options).await.unwrap();
        assert_eq!(result.meta.size, SIZE as u64);
        assert_eq!(
            result.extensions.get::<RangeSupport>(),
            Some(&RangeSupport::Ignored)
        );
        assert_eq!(result.bytes().await.unwrap(), bytes);
    }
    let beyond = store.get_range(&path, 100_000..100_001).await;
    assert!(beyond.is_err());
}

#[tokio::test]
async fn a_download_is_resumed_where_there_are_no_ranges() {
    let (url, seen) = serve(|request, number| {
        let mut response = whole(request, "200 OK", "");
        if number < 4 {
            response.truncate(20_000 * number);
        }
        response
    })
    .await;
    let (store, path) = web(&url);
    let body = store.get(&path).await.unwrap().into_stream();
    let body: Vec<_> = body.try_collect().await.unwrap();
    assert_eq!(body.concat(), content());
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn more_than_was_asked_for_is_cut() {
    let (url, _) = serve(|request, _| {
        let range = format!("Content-Range: bytes 0-{}/{SIZE}\r\n", SIZE - 1);
        whole(request, "206 Partial Content", &range)
    })
    .await;
    let (store, path) = web(&url);
    let range = store.get_range(&path, 500..700).await.unwrap();
    assert_eq!(range, content()[500..700]);
}

/// S3 at this address.
fn s3(url: &str, config: RetryConfig) -> Store {
    let options = [
        ("aws_endpoint", url),
        ("aws_allow_http", "true"),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "AK"),
        ("aws_secret_access_key", "SK"),
    ];
    open_with("s3://b/", options, config).unwrap().0
}

fn sized(size: u64) -> impl Fn(&str, usize) -> Vec<u8> + Send + Sync + 'static {
    move |request, _| {
        let body = "<CopyObjectResult><ETag>\"a\"</ETag></CopyObjectResult>";
        let refusal = "<Error><Code>InvalidRequest</Code><Message>The specified copy source is \
                       larger than the maximum allowable size for a copy source: 5368709120\
                       </Message></Error>";
        let (status, length, body) = match request.split(' ').next() {
            Some("head") => ("200 OK", size, ""),
            Some("put") if size > 5 << 30 => ("400 Bad Request", refusal.len() as u64, refusal),
            Some("put") => ("200 OK", body.len() as u64, body),
            _ => ("204 No Content", 0, ""),
        };
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"a\"\r\nConnection: close\r\n\
             Last-Modified: Wed, 21 Oct 2020 07:28:00 GMT\r\n\r\n{body}"
        );
        response.into_bytes()
    }
}

#[tokio::test]
async fn a_copy_that_s3_refuses_for_its_size_is_called_that() {
    let (url, seen) = serve(sized(6_000_000_000)).await;
    let store = s3(&url, RetryConfig::storage());
    let (from, to) = (Path::from("large"), Path::from("copy"));
    for refused in [store.copy(&from, &to).await, store.rename(&from, &to).await] {
        let error = refused.unwrap_err();
        let large = cause::<TooLargeToCopy>(&error).unwrap();
        assert_eq!((large.size(), large.limit()), (6_000_000_000, 5 << 30));
        assert_eq!(large.location(), &from);
        let text = full_text(&error);
        for word in ["large", "6000000000", "5368709120", "undaunted cp"] {
            assert!(text.contains(word), "no {word} in {text}");
        }
    }
    let seen = seen.lock().unwrap().clone();
    let sent: Vec<_> = seen.iter().map(|line| &line[..4]).collect();
    // Neither is a copy repeated, nor is anything deleted after a rename that did not copy.
    assert_eq!(sent, ["put ", "head", "put ", "head"], "{seen:?}");

    let (url, seen) = serve(sized(5 << 30)).await;
    let store = s3(&url, RetryConfig::storage());
    store.copy(&from, &to).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_cause_of_a_failed_connection_is_in_events_and_reports() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = RetryConfig::storage().to_builder().max_retries(0).build();
    let (_, observed) = observe(s3(&url, config.unwrap()).head(&Path::from("a"))).await;
    let failed = observed.failed_operation.unwrap();
    assert_eq!(
        failed.report.failures()[0].error,
        format!("HEAD {url}/b/a: cannot connect: Connection refused (os error 111)")
    );
    let config = RetryConfig::storage().to_builder().max_retries(0).build();
    let (store, path) = open("memory:///a", config.unwrap()).unwrap();
    let (_, observed) = observe(store.head(&path)).await;
    let failed = observed.failed_operation.unwrap();
    let text = &failed.report.failures()[0].error;
    assert!(text.starts_with("Object at location a not found"), "{text}");
}
