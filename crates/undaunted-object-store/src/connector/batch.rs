//! Azure's batches of deletes: a response for each of many requests, in one body.
//!
//! object_store keeps no more of a failed one than its text, takes a key that has no response for
//! deleted, fails the whole batch where responses are without `Content-ID`, and panics at an
//! identifier out of range. So the body is read here, and handed on in its plainest form.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderValue, StatusCode};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest};
use object_store::path::Path;
use undaunted::HttpFailure;

use super::document::cut;
use super::expected::body_of;
use super::page::UnexpectedResponse;
use crate::observe;

/// The keys that a batch is to delete, in their order, from the request that object_store has
/// written.
pub(super) fn keys(request: &HttpRequest) -> Vec<String> {
    let container = request.uri().path().trim_matches('/');
    let body = String::from_utf8_lossy(body_of(request));
    let keys = body.lines().filter_map(|line| {
        let url = line.strip_prefix("DELETE /")?.strip_suffix(" HTTP/1.1")?;
        let key = match url.strip_prefix(container) {
            Some(key) => key.strip_prefix('/')?,
            None => url.split_once('/')?.1,
        };
        let key = key.split_once('?').map_or(key, |(key, _)| key);
        Path::from_url_path(key).ok().map(String::from)
    });
    keys.collect()
}

/// The response as object_store reads it. What failed is told to the task that deletes.
///
/// # Errors
///
/// If a key has no response, or the responses cannot be told apart.
pub(super) fn readable(keys: &[String], head: &mut Parts, body: &[u8]) -> Result<Bytes, HttpError> {
    let boundary = head.headers.get(CONTENT_TYPE).and_then(boundary);
    let Some(boundary) = boundary else {
        return Err(UnexpectedResponse::error(head, body));
    };
    let parts = parts(body, &boundary).ok_or_else(|| cut("multipart", body.len()))?;
    let mut statuses: Vec<Option<StatusCode>> = vec![None; keys.len()];
    for (place, part) in parts.iter().enumerate() {
        let part = Part::read(part).ok_or_else(|| cut("multipart", body.len()))?;
        let index = match part.content_id {
            Some(index) => index,
            // A batch that was refused as a whole has one response for all.
            None if parts.len() == 1 && keys.len() > 1 && !part.status.is_success() => {
                return Err(HttpError::new(HttpErrorKind::Unknown, part.failure()));
            }
            None => place,
        };
        let Some((status, key)) = statuses.get_mut(index).zip(keys.get(index)) else {
            return Err(UnexpectedResponse::error(head, body));
        };
        if !part.status.is_success() {
            observe::record_delete_failure(key.clone(), part.failure());
        }
        *status = Some(part.status);
    }
    let statuses: Option<Vec<StatusCode>> = statuses.into_iter().collect();
    let statuses = statuses.ok_or_else(|| cut("multipart", body.len()))?;
    head.headers.insert(CONTENT_TYPE, PLAIN_TYPE);
    Ok(plain(&statuses))
}

/// The response to one request of a batch.
struct Part {
    content_id: Option<usize>,
    status: StatusCode,
    code: Option<String>,
}

impl Part {
    fn read(part: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(part);
        let mut lines = text.lines().skip_while(|line| line.is_empty());
        let mut content_id = None;
        for header in lines.by_ref().take_while(|line| !line.is_empty()) {
            content_id = content_id.or_else(|| value(header, "content-id")?.parse().ok());
        }
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
        let mut headers = lines.take_while(|line| !line.is_empty());
        Some(Self {
            content_id,
            status: status.parse().ok()?,
            code: headers.find_map(|line| value(line, "x-ms-error-code").map(str::to_owned)),
        })
    }

    fn failure(&self) -> HttpFailure {
        let failure = HttpFailure::new(self.status.as_u16());
        match &self.code {
            Some(code) => failure.with_code(code.as_str()),
            None => failure,
        }
    }
}

/// The value of a header line, if it has this name.
fn value<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (found, value) = line.split_once(':')?;
    found
        .trim()
        .eq_ignore_ascii_case(name)
        .then_some(value.trim())
}

/// The boundary of a multipart content type.
fn boundary(content_type: &HeaderValue) -> Option<String> {
    let (kind, parameters) = content_type.to_str().ok()?.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then_some(value.trim().trim_matches('"'))
    });
    boundary
        .filter(|boundary| !boundary.is_empty())
        .map(str::to_owned)
}

/// What is between the boundaries; nothing if the last one is not there.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<&'b [u8]>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = after(body, delimiter.as_bytes())?.1;
    while !rest.starts_with(b"--") {
        let (part, next) = after(rest, delimiter.as_bytes())?;
        parts.push(part);
        rest = next;
    }
    Some(parts)
}

/// What is before and after the first place of `word`.
fn after<'b>(bytes: &'b [u8], word: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let place = bytes
        .windows(word.len())
        .position(|window| window == word)?;
    Some((&bytes[..place], &bytes[place + word.len()..]))
}

fn plain(statuses: &[StatusCode]) -> Bytes {
    let mut body = String::new();
    for (index, status) in statuses.iter().enumerate() {
        let status = status.as_u16();
        // Writing to a string does not fail.
        let _ = write!(
            body,
            "--batch\r\nContent-ID: {index}\r\n\r\nHTTP/1.1 {status} \r\n\r\n\r\n"
        );
    }
    body.push_str("--batch--\r\n");
    body.into()
}

const PLAIN_TYPE: HeaderValue = HeaderValue::from_static("multipart/mixed; boundary=batch");

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;

    use super::*;

    fn batch(keys: &[&str]) -> Vec<String> {
        let body = keys.iter().fold(String::new(), |body, key| {
            body + "--b\r\nContent-ID: 0\r\n\r\nDELETE /c/" + key + "?sig=s HTTP/1.1\r\n\r\n\r\n"
        });
        let request = http::Request::post("http://h/c?restype=container&comp=batch")
            .body(HttpRequestBody::from(format!("{body}--b--\r\n")))
            .unwrap();
        super::keys(&request)
    }

    fn part(id: &str, status: &str) -> String {
        format!(
            "--r\r\nContent-Type: application/http\r\n{id}\r\nHTTP/1.1 {status}\r\nx-ms-error-code: ServerBusy\r\n\r\n\r\n"
        )
    }

    fn read(batch: &[String], body: &str) -> Result<String, HttpError> {
        let response =
            http::Response::builder().header("content-type", "multipart/mixed; boundary=\"r\"");
        let (mut head, ()) = response.body(()).unwrap().into_parts();
        let body = readable(batch, &mut head, body.as_bytes())?;
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    fn statuses(plain: &str) -> Vec<&str> {
        let lines = plain
            .lines()
            .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
        lines.map(str::trim).collect()
    }

    #[test]
    fn the_keys_are_those_of_the_requests() {
        assert_eq!(batch(&["t/a", "t/b%20c"]), ["t/a", "t/b c"]);
    }

    #[test]
    fn responses_are_matched_by_their_identifier_or_by_their_place() {
        let batch = batch(&["a", "b"]);
        let (ok, busy) = ("202 Accepted", "503 The server is busy");
        let by_id = part("Content-ID: 1\r\n", ok) + &part("Content-ID: 0\r\n", busy) + "--r--";
        assert_eq!(statuses(&read(&batch, &by_id).unwrap()), ["503", "202"]);
        let by_place = part("", ok) + &part("", busy) + "--r--\r\n";
        assert_eq!(statuses(&read(&batch, &by_place).unwrap()), ["202", "503"]);
    }

    #[tokio::test]
    async fn the_task_that_deletes_is_told_which_keys_failed_and_why() {
        let batch = batch(&["a", "b"]);
        let body = part("", "202 Accepted") + &part("", "503 Busy") + "--r--";
        let (_, seen) = observe(async { read(&batch, &body) }).await;
        let failed = &seen.delete_failures;
        assert_eq!(failed.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(failed["b"].status(), 503);
        assert_eq!(failed["b"].code(), Some("ServerBusy"));
    }

    #[test]
    fn a_key_without_a_response_is_not_taken_for_deleted() {
        let batch = batch(&["a", "b"]);
        let short = part("Content-ID: 0\r\n", "202 Accepted") + "--r--";
        assert_eq!(
            read(&batch, &short).unwrap_err().kind(),
            HttpErrorKind::Interrupted
        );
        let cut = part("Content-ID: 0\r\n", "202 Accepted") + &part("Content-ID: 1\r\n", "202 A");
        assert_eq!(
            read(&batch, &cut).unwrap_err().kind(),
            HttpErrorKind::Interrupted
        );
    }

    #[test]
    fn a_refusal_of_the_whole_batch_and_an_unknown_identifier_fail_it() {
        let batch = batch(&["a", "b"]);
        let refused = read(&batch, &(part("", "503 Busy") + "--r--")).unwrap_err();
        let failure = std::error::Error::source(&refused).unwrap();
        assert_eq!(
            failure.downcast_ref::<HttpFailure>().unwrap().code(),
            Some("ServerBusy")
        );
        // Of a single key it is that key's own.
        let only = read(&batch[..1], &(part("", "503 Busy") + "--r--"));
        assert_eq!(statuses(&only.unwrap()), ["503"]);
        let unknown = part("Content-ID: 9\r\n", "202 Accepted") + "--r--";
        assert_eq!(
            read(&batch, &unknown).unwrap_err().kind(),
            HttpErrorKind::Unknown
        );
    }
}
