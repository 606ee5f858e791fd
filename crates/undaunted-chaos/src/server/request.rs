//! Which of the vocabulary's operations a request of S3's is.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE};
use hyper::{Method, Request};
use percent_encoding::percent_decode_str;

use super::RequestRecord;
use crate::Operation;

/// What is known of a request by its head.
pub(super) fn record_of(request: &Request<Incoming>) -> RequestRecord {
    let query = Query(request.uri().query().unwrap_or_default());
    let (_, key) = bucket_and_key(request.uri().path());
    let operation = operation(request, &query, key.is_empty());
    let key = match operation {
        Some(Operation::List) => query.get("prefix").unwrap_or_default(),
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
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        operation,
        key,
        part: query
            .get("partNumber")
            .and_then(|number| number.parse().ok()),
        range: header(&RANGE),
        condition,
        sent: header(&CONTENT_LENGTH)
            .and_then(|length| length.parse().ok())
            .unwrap_or_default(),
        fault: None,
        status: None,
    }
}

fn operation(request: &Request<Incoming>, query: &Query<'_>, is_bucket: bool) -> Option<Operation> {
    let is_copy = request.headers().contains_key("x-amz-copy-source");
    match *request.method() {
        Method::GET if is_bucket => Some(Operation::List),
        Method::GET => Some(Operation::Get),
        Method::HEAD if !is_bucket => Some(Operation::Head),
        Method::PUT if query.has("partNumber") => Some(Operation::PutPart),
        Method::PUT if is_copy => Some(Operation::Copy),
        Method::PUT if !is_bucket => Some(Operation::Put),
        Method::POST if query.has("uploads") => Some(Operation::CreateMultipart),
        Method::POST if query.has("uploadId") => Some(Operation::CompleteMultipart),
        Method::POST if query.has("delete") => Some(Operation::Delete),
        Method::DELETE if query.has("uploadId") => Some(Operation::AbortMultipart),
        Method::DELETE if !is_bucket => Some(Operation::Delete),
        _ => None,
    }
}

fn bucket_and_key(path: &str) -> (String, String) {
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
