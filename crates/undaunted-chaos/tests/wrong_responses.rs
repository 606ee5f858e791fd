//! Responses of the S3 server that are not what S3 sends, as they come over the wire.

#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use httpdate::parse_http_date;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, Result};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Clock, CutAt, Failure, Fault, FaultKind, HttpFailure, Operation, Rule};

use common::s3::{Spy, key, one_fault, spied};

mod common;

async fn list(client: &AmazonS3) -> Result<Vec<String>> {
    let entries = client.list(None).map_ok(|meta| meta.location.to_string());
    entries.try_collect().await
}

#[tokio::test]
async fn a_page_of_html_comes_instead_of_any_response() {
    let (server, client, spy) = one_fault(Operation::Put, Fault::HtmlPage).await;
    for operation in [Operation::Get, Operation::Head, Operation::List] {
        server
            .plan()
            .add(Rule::new(operation, Fault::HtmlPage).always());
    }
    let new = Path::from("new");
    let _ = client.put(&new, "x".into()).await;
    let put = spy.last();
    let _ = client.get(&key()).await;
    let get = spy.last();
    let _ = list(&client).await;
    let list = spy.last();
    for page in [put, get, list] {
        assert_eq!(page.status, 200);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("etag"), None);
        assert!(page.body.starts_with("<!DOCTYPE html>"), "{page:?}");
        assert_eq!(page.length(), Some(page.body.len()));
    }
    let _ = client.head(&key()).await;
    let head = spy.last();
    assert!(head.body.is_empty() && head.length() > Some(0), "{head:?}");
    assert_eq!(server.plan().injected(FaultKind::HtmlPage), 4);
    assert!(!server.root().join("bucket/new").exists());
}

#[tokio::test]
async fn a_document_is_cut_and_its_length_is_right_for_what_is_left() {
    let (server, client, spy) = spied(S3Server::builder()).await;
    client.put(&key(), "0123456789".into()).await.unwrap();
    assert_eq!(list(&client).await.unwrap(), ["a/b"]);
    let whole = spy.last().body;
    let cuts = [
        (CutAt::Byte(0), 0),
        (CutAt::Byte(34), 34),
        (CutAt::Percent(50), whole.len() / 2),
    ];
    for (at, length) in cuts {
        let cut = Fault::CutDocument { at };
        server.plan().add(Rule::new(Operation::List, cut));
        assert!(list(&client).await.is_err());
        let seen = spy.last();
        assert_eq!((seen.status, seen.is_whole), (200, true));
        assert_eq!(seen.length(), Some(length));
        assert_eq!(seen.body, whole[..length]);
    }
    let beyond = Fault::CutDocument {
        at: CutAt::Byte(whole.len() as u64),
    };
    server
        .plan()
        .add(Rule::new(Operation::List, beyond.clone()));
    assert_eq!(list(&client).await.unwrap(), ["a/b"]);
    assert_eq!(server.plan().unused(), [Rule::new(Operation::List, beyond)]);
}

#[tokio::test]
async fn what_was_asked_is_done_though_its_document_is_cut() {
    let cut = || Fault::CutDocument {
        at: CutAt::Percent(40),
    };
    let (server, client, spy) = one_fault(Operation::CompleteMultipart, cut()).await;
    let id = client.create_multipart(&key()).await.unwrap();
    let part = client.put_part(&key(), &id, 0, "new".into()).await.unwrap();
    // What a client makes of it is the client's affair.
    let _ = client.complete_multipart(&key(), &id, vec![part]).await;
    assert!(!spy.last().body.contains("</CompleteMultipartUploadResult>"));
    assert!(spy.last().is_whole);
    let get = client.get(&key()).await.unwrap();
    assert_eq!(get.bytes().await.unwrap(), "new");

    server
        .plan()
        .add(Rule::new(Operation::CreateMultipart, cut()));
    assert!(client.create_multipart(&key()).await.is_err());
    assert_eq!(server.requests().last().unwrap().status, Some(200));

    server.plan().add(Rule::new(Operation::Delete, cut()));
    let keys = stream::iter([Ok(key()), Ok(Path::from("c"))]).boxed();
    let deleted: Vec<_> = client.delete_stream(keys).collect().await;
    assert!(deleted.iter().any(Result::is_err), "{deleted:?}");
    assert!(spy.last().body.starts_with("<?xml"));
    assert!(list(&client).await.unwrap().is_empty());
    assert_eq!(server.plan().injected(FaultKind::CutDocument), 3);
}

#[tokio::test]
async fn no_response_says_an_etag() {
    let (server, client, spy) = one_fault(Operation::Get, Fault::NoEtag).await;
    let id = client.create_multipart(&key()).await.unwrap();
    let part = client.put_part(&key(), &id, 0, "new".into()).await.unwrap();
    for operation in [
        Operation::Head,
        Operation::Put,
        Operation::PutPart,
        Operation::Copy,
        Operation::CompleteMultipart,
    ] {
        server
            .plan()
            .add(Rule::new(operation, Fault::NoEtag).always());
    }
    let _ = client.get(&key()).await;
    let get = spy.last();
    assert_eq!(get.body, "0123456789");
    let _ = client.head(&key()).await;
    let head = spy.last();
    assert_eq!(head.length(), Some(10));
    let _ = client.put(&Path::from("c"), "x".into()).await;
    let put = spy.last();
    let _ = client.put_part(&key(), &id, 1, "new".into()).await;
    let put_part = spy.last();
    let _ = client.copy(&key(), &Path::from("d")).await;
    let copy = spy.last();
    let _ = client.complete_multipart(&key(), &id, vec![part]).await;
    let complete = spy.last();
    assert!(complete.body.contains("</CompleteMultipartUploadResult>"));
    for seen in [get, head, put, put_part, copy, complete] {
        assert_eq!(seen.status, 200);
        assert_eq!(seen.header("etag"), None);
        assert!(!seen.body.contains("ETag"), "{seen:?}");
    }
    assert_eq!(server.plan().injected(FaultKind::NoEtag), 6);
}

/// Three objects, and pages of two.
async fn paged() -> (S3Server, AmazonS3, Spy) {
    let (server, client, spy) = spied(S3Server::builder().page_size(2)).await;
    for key in ["a", "b", "c"] {
        client.put(&Path::from(key), "x".into()).await.unwrap();
    }
    assert_eq!(list(&client).await.unwrap(), ["a", "b", "c"]);
    (server, client, spy)
}

#[tokio::test]
async fn a_list_is_truncated_without_a_token() {
    let (server, client, spy) = paged().await;
    let fault = Rule::new(Operation::List, Fault::TruncatedWithoutToken);
    server.plan().add(fault.clone());
    let _ = list(&client).await;
    let first = spy.last().body;
    assert!(first.contains("<IsTruncated>true</IsTruncated>"), "{first}");
    assert!(!first.contains("ContinuationToken"), "{first}");
    assert!(first.contains("<Key>b</Key>") && !first.contains("<Key>c</Key>"));

    server.plan().add(fault.from_call(2));
    let _ = list(&client).await;
    let last = spy.last().body;
    assert!(last.contains("<IsTruncated>true</IsTruncated>"), "{last}");
    assert!(!last.contains("NextContinuationToken"), "{last}");
}

#[tokio::test]
async fn a_list_repeats_its_token() {
    let (server, client, _spy) = paged().await;
    let repeat = Rule::new(Operation::List, Fault::RepeatToken).always();
    server.plan().add(repeat);
    let page = async |token: Option<String>| {
        let options = PaginatedListOptions {
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let page = client.list_paginated(None, options).await.unwrap();
        (page.result.objects.len(), page.page_token)
    };
    let (found, token) = page(None).await;
    assert_eq!((found, token.is_some()), (2, true));
    for _ in 0..2 {
        assert_eq!(page(token.clone()).await, (1, token.clone()));
    }
}

#[tokio::test]
async fn a_list_has_a_key_that_a_client_may_not_expect() {
    let (server, client, spy) = one_fault(Operation::Other, Fault::NoEtag).await;
    let keys = [
        ("a//b", "<Key>a//b</Key>"),
        ("..", "<Key>..</Key>"),
        ("a/\u{1}\u{7f}", "<Key>a/&#x1;&#x7f;</Key>"),
        ("a&<b", "<Key>a&amp;&lt;b</Key>"),
        ("a/", "<Key>a/</Key>"),
    ];
    for (name, element) in keys {
        let fault = Fault::InsertKeys {
            names: vec![name.to_owned()],
            size: 0,
        };
        server.plan().add(Rule::new(Operation::List, fault));
        let _ = list(&client).await;
        let body = spy.last().body;
        assert!(body.contains(element), "{body}");
        assert!(body.contains("<Size>0</Size>"), "{body}");
        assert!(body.contains("<Key>a/b</Key>"), "{body}");
        assert!(body.contains("<KeyCount>2</KeyCount>"), "{body}");
    }
    assert_eq!(server.plan().injected(FaultKind::InsertKeys), 5);
}

#[tokio::test]
async fn a_range_is_ignored() {
    let (server, client, spy) = one_fault(Operation::Get, Fault::IgnoreRange).await;
    assert!(client.get_range(&key(), 2..5).await.is_err());
    let seen = spy.last();
    assert_eq!((seen.status, seen.body.as_str()), (200, "0123456789"));
    assert_eq!(seen.header("content-range"), None);
    assert_eq!(seen.header("accept-ranges"), None);
    client.get(&key()).await.unwrap();
    assert_eq!(server.plan().injected(FaultKind::IgnoreRange), 1);
}

#[tokio::test]
async fn a_body_is_decompressed_on_its_way() {
    for (length, keep_headers, arrives, is_whole) in [
        (7, true, 7, false),
        (5_000, true, 10, true),
        (5_000, false, 5_000, true),
        (0, false, 0, true),
    ] {
        let fault = Fault::DecompressBody {
            length,
            keep_headers,
        };
        let (server, client, spy) = one_fault(Operation::Get, fault).await;
        let _ = client.get(&key()).await;
        let seen = spy.last();
        assert_eq!((seen.status, seen.is_whole), (200, is_whole));
        assert_eq!(seen.body, "~".repeat(arrives));
        let kept = keep_headers.then_some(10);
        assert_eq!(seen.length(), kept);
        assert_eq!(seen.header("content-encoding"), kept.map(|_| "gzip"));
        assert_eq!(server.plan().injected(FaultKind::DecompressBody), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_followed_to_the_same_address() {
    let redirect = Fault::TemporaryRedirect { location: None };
    let (server, client, _spy) = one_fault(Operation::Other, redirect.clone()).await;
    server.plan().add(Rule::new(Operation::Get, redirect));
    let get = client.get(&key()).await.unwrap();
    assert_eq!(get.bytes().await.unwrap(), "0123456789");
    let statuses: Vec<_> = server.requests().iter().map(|r| r.status).collect();
    assert_eq!(statuses, [Some(200), Some(307), Some(200)]);
}

/// The status line and the headers of a response to a request that is not signed, in lower
/// case, and its body.
async fn raw(server: &S3Server, method: &str) -> (String, String) {
    let address = server.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} /bucket/a/b?x=1 HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let mut response = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut response)
        .await
        .unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_redirect_names_its_location() {
    let location = "http://other.example:9/bucket/a/b".to_owned();
    for (location, want) in [(None, None), (Some(location.clone()), Some(location))] {
        let redirect = Fault::TemporaryRedirect { location };
        let (server, _client, _spy) = one_fault(Operation::Get, redirect).await;
        let want = want.unwrap_or_else(|| format!("{}/bucket/a/b?x=1", server.endpoint()));
        let (head, body) = raw(&server, "GET").await;
        assert!(head.starts_with("http/1.1 307 "), "{head}");
        assert!(head.contains(&format!("\r\nlocation: {want}")), "{head}");
        assert!(body.contains("<Code>TemporaryRedirect</Code>"), "{body}");
        assert!(body.contains(&format!("<Endpoint>{want}</Endpoint>")));
    }
}

#[tokio::test]
async fn a_wrong_region_is_named() {
    for (status, code) in [
        (301, "PermanentRedirect"),
        (400, "AuthorizationHeaderMalformed"),
    ] {
        let region = "eu-west-1".to_owned();
        let fault = Fault::WrongRegion { region, status };
        let (server, _client, _spy) = one_fault(Operation::Get, fault.clone()).await;
        server.plan().add(Rule::new(Operation::Head, fault));
        let (get, body) = raw(&server, "GET").await;
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
        assert!(body.contains("<Region>eu-west-1</Region>"), "{body}");
        let (head, no_body) = raw(&server, "HEAD").await;
        assert!(no_body.is_empty());
        for head in [get, head] {
            assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
            assert!(head.contains("\r\nx-amz-bucket-region: eu-west-1"));
            assert!(!head.contains("\r\nlocation:"));
        }
    }
}

#[tokio::test]
async fn a_date_to_retry_after_is_by_the_servers_clock() {
    let hour = Duration::from_secs(3_600);
    for clock in [Clock::Ahead(hour), Clock::Behind(hour)] {
        let fault = Fault::RetryAfterDate {
            retry_after: Duration::from_millis(2_500),
            clock,
        };
        let (server, _client, _spy) = one_fault(Operation::Get, fault).await;
        let (head, body) = raw(&server, "GET").await;
        assert!(head.starts_with("http/1.1 503 "), "{head}");
        assert!(body.contains("<Code>SlowDown</Code>"));
        let date = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            let date = line.unwrap().to_ascii_uppercase();
            // The names of days and months are read as they are written.
            let words: Vec<_> = date.split(' ').collect();
            let title = |word: &str| format!("{}{}", &word[..1], word[1..].to_ascii_lowercase());
            let [day, number, month, year, time, zone] = words[..] else {
                unreachable!("{date}")
            };
            let (day, month) = (title(day), title(month));
            let text = format!("{day} {number} {month} {year} {time} {zone}");
            parse_http_date(&text).unwrap()
        };
        let (now, then) = (date("date: "), date("retry-after: "));
        assert_eq!(then.duration_since(now).unwrap(), Duration::from_secs(3));
        let real = std::time::SystemTime::now();
        let skew = match clock {
            Clock::Ahead(_) => now.duration_since(real),
            _ => real.duration_since(now),
        };
        let skew = skew.unwrap().as_secs();
        assert!((3_590..=3_610).contains(&skew), "{skew}");
    }
}

#[tokio::test]
async fn a_status_comes_with_its_code_and_to_a_head_without() {
    let expired = HttpFailure::new(400).with_code("ExpiredToken");
    let expired = || Fault::FailBefore(Failure::Status(expired.clone()));
    let (server, client, spy) = one_fault(Operation::Get, expired()).await;
    server.plan().add(Rule::new(Operation::Head, expired()));
    let full = Fault::FailBefore(Failure::status(507));
    server.plan().add(Rule::new(Operation::Put, full));

    assert!(client.get(&key()).await.is_err());
    assert_eq!(spy.last().status, 400);
    assert!(spy.last().body.contains("<Code>ExpiredToken</Code>"));
    assert!(client.head(&key()).await.is_err());
    let (status, body) = (spy.last().status, spy.last().body);
    assert_eq!((status, body.as_str()), (400, ""));
    assert!(client.put(&key(), "x".into()).await.is_err());
    assert_eq!(spy.last().status, 507);
    assert!(spy.last().body.contains("<Code>XMinioStorageFull</Code>"));
}
