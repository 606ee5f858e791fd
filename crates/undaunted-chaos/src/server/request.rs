//! Which of the vocabulary's operations a request of S3's is.

use std::time::Duration;

use hyper::header::{CONTENT_LENGTH, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE};
use hyper::{Method, Request};
use percent_encoding::percent_decode_str;

use super::host;
use super::request_record::RequestRecord;
use crate::operation::Operation;

/// What is known of a request by its head.
pub(super) fn record_of<B>(request: &Request<B>) -> RequestRecord {
    let uri = host::in_path(request.headers(), request.uri());
    let query = Query(uri.query().unwrap_or_default());
    let (bucket, key) = bucket_and_key(uri.path());
    let operation = operation(request, &query, bucket.is_empty(), key.is_empty());
    let key = match operation {
        Operation::List => query.get("prefix").unwrap_or_default(),
        _ => key,
    };
    let header = |name: &HeaderName| {
        let value = request.headers().get(name)?;
        value.to_str().ok().map(ToOwned::to_owned)
    };
    let condition = [IF_MATCH, IF_NONE_MATCH]
        .into_iter()
        .find_map(|name| header(&name).map(|value| format!("{name}: {value}")));
    RequestRecord {
        at: Duration::ZERO,
        lasted: Duration::ZERO,
        method: request.method().to_string(),
        path: uri.path().to_owned(),
        operation,
        key,
        part: query
            .get("partNumber")
            .and_then(|number| number.parse().ok()),
        range: header(&RANGE),
        condition,
        bytes_in: [DECODED_LENGTH, CONTENT_LENGTH]
            .into_iter()
            .find_map(|name| header(&name)?.parse().ok())
            .unwrap_or_default(),
        bytes_out: 0,
        fault: None,
        status: None,
    }
}

fn operation<B>(
    request: &Request<B>,
    query: &Query<'_>,
    is_root: bool,
    is_bucket: bool,
) -> Operation {
    let is_copy = request.headers().contains_key("x-amz-copy-source");
    match *request.method() {
        Method::POST if query.has("uploads") => Operation::CreateMultipart,
        Method::POST if query.has("uploadId") => Operation::CompleteMultipart,
        Method::POST if query.has("delete") => Operation::Delete,
        Method::PUT if query.has("partNumber") => Operation::PutPart,
        Method::DELETE if query.has("uploadId") => Operation::AbortMultipart,
        _ if query.names_subresource() => Operation::Other,
        Method::GET if is_root => Operation::Other,
        Method::GET if is_bucket => Operation::List,
        Method::GET => Operation::Get,
        Method::HEAD if !is_bucket => Operation::Head,
        Method::PUT if is_copy => Operation::Copy,
        Method::PUT if !is_bucket => Operation::Put,
        Method::DELETE if !is_bucket => Operation::Delete,
        _ => Operation::Other,
    }
}

/// What the path of a request names.
pub(super) fn bucket_and_key(path: &str) -> (String, String) {
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (decode(bucket), decode(key))
}

/// A query string.
struct Query<'q>(&'q str);

impl Query<'_> {
    fn has(&self, name: &str) -> bool {
        self.pairs().any(|(key, _)| key == name)
    }

    /// Whether it is about a subresource of a bucket or an object, such as its tags.
    fn names_subresource(&self) -> bool {
        self.pairs().any(|(key, value)| {
            // A detail of a response is asked for with a value, a subresource without one.
            !key.is_empty() && (key == "uploadId" || (value.is_empty() && !EMPTY.contains(&key)))
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        self.pairs()
            .find_map(|(key, value)| (key == name).then(|| decode(value)))
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What the length is when a signed stream's framing is taken off.
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
/// What clients send with a list even if it is empty.
const EMPTY: [&str; 7] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "marker",
    "prefix",
    "start-after",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn record(method: &str, uri: &str) -> RequestRecord {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        record_of(&request)
    }

    #[test]
    fn every_request_is_an_operation() {
        let cases = [
            ("GET", "/", Operation::Other),
            ("GET", "/b", Operation::List),
            ("GET", "/b/?list-type=2&prefix=&delimiter=", Operation::List),
            ("GET", "/b?location", Operation::Other),
            ("GET", "/b?location=", Operation::Other),
            ("GET", "/b?uploads=", Operation::Other),
            ("GET", "/b?versioning", Operation::Other),
            ("HEAD", "/b", Operation::Other),
            ("PUT", "/b", Operation::Other),
            ("DELETE", "/b", Operation::Other),
            ("GET", "/b/k?x-id=GetObject", Operation::Get),
            ("GET", "/b/k?partNumber=1", Operation::Get),
            ("GET", "/b/k?tagging=", Operation::Other),
            ("GET", "/b/k?uploadId=1", Operation::Other),
            ("GET", "/b/k?X-Amz-Signature=0", Operation::Get),
            ("HEAD", "/b/k", Operation::Head),
            ("PUT", "/b/k?x-id=PutObject", Operation::Put),
            ("PUT", "/b/k?acl", Operation::Other),
            ("PUT", "/b/k?partNumber=1&uploadId=1", Operation::PutPart),
            ("POST", "/b/k?uploads", Operation::CreateMultipart),
            ("POST", "/b/k?uploads=", Operation::CreateMultipart),
            ("POST", "/b/k?uploadId=1", Operation::CompleteMultipart),
            ("POST", "/b?delete", Operation::Delete),
            ("DELETE", "/b/k", Operation::Delete),
            ("DELETE", "/b/k?tagging", Operation::Other),
            ("DELETE", "/b/k?uploadId=1", Operation::AbortMultipart),
        ];
        for (method, uri, want) in cases {
            assert_eq!(record(method, uri).operation, want, "{method} {uri}");
        }
    }

    #[test]
    fn keys_are_decoded_and_a_lists_key_is_its_prefix() {
        assert_eq!(record("GET", "/b/a%20b/c%3F").key, "a b/c?");
        assert_eq!(record("GET", "/b?prefix=a%2Fb&list-type=2").key, "a/b");
        assert_eq!(record("PUT", "/b/k?partNumber=7&uploadId=1").part, Some(7));
    }

    #[test]
    fn the_bucket_may_be_the_host() {
        let request = |method: &str, uri: &str| {
            let request = Request::builder().method(method).uri(uri);
            let request = request.header("host", "bucket.localhost:1");
            record_of(&request.body(()).unwrap())
        };
        let put = request("PUT", "/a/b");
        assert_eq!(put.path, "/bucket/a/b");
        assert_eq!((put.operation, put.key.as_str()), (Operation::Put, "a/b"));
        assert_eq!(request("GET", "/?list-type=2").operation, Operation::List);
    }

    #[test]
    fn a_signed_streams_framing_is_not_counted() {
        let request = Request::put("/b/k")
            .header("content-length", "190")
            .header("x-amz-decoded-content-length", "100")
            .body(())
            .unwrap();
        assert_eq!(record_of(&request).bytes_in, 100);
    }
}
