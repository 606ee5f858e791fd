//! Ranges as S3 takes them: what is no range of bytes, or several, is ignored, and a range may be
//! longer than any object.

use hyper::header::{AUTHORIZATION, HeaderValue, RANGE};
use hyper::{HeaderMap, Method, Request, Uri};
use s3s::dto::Range;
use s3s::{Body, S3Error, s3_error};

/// What a read has in the place of a range that `s3s` would refuse.
enum Taken {
    AsItIs,
    Other(HeaderValue),
    Nothing,
}

/// The same read with the range that S3 takes it for, without a signature. None where the range is
/// taken as it is.
pub(super) fn taken(request: &Request<Body>) -> Option<Request<Body>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    let range = match taken_for(request.headers()) {
        Taken::AsItIs => return None,
        Taken::Other(range) => Some(range),
        Taken::Nothing => None,
    };
    let mut again = Request::new(Body::empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = unsigned(request.uri());
    *again.headers_mut() = request.headers().clone();
    *again.extensions_mut() = request.extensions().clone();
    let headers = again.headers_mut();
    headers.remove(AUTHORIZATION);
    headers.remove(RANGE);
    if let Some(range) = range {
        headers.insert(RANGE, range);
    }
    Some(again)
}

/// Ends a read whose signature is right, and whose range is to be taken for another one.
pub(super) fn to_be_taken(headers: &HeaderMap) -> Option<S3Error> {
    if matches!(taken_for(headers), Taken::AsItIs) {
        return None;
    }
    let mut error = s3_error!(InvalidArgument, "The range is taken for another one.");
    let mut headers = HeaderMap::new();
    headers.insert(MARK, HeaderValue::from_static("1"));
    error.set_headers(headers);
    Some(error)
}

fn taken_for(headers: &HeaderMap) -> Taken {
    let Some(range) = headers.get(RANGE) else {
        return Taken::AsItIs;
    };
    let range = range.to_str().unwrap_or_default();
    let ends = range.strip_prefix("bytes=");
    let ends = ends.and_then(|ends| ends.trim().split_once('-'));
    let Some((first, last)) = ends.and_then(|(first, last)| Some((end(first)?, end(last)?))) else {
        return Taken::Nothing;
    };
    let taken = match (first, last) {
        (Some(first), Some(last)) if first <= last => Range::Int {
            first,
            last: Some(last),
        },
        (Some(first), None) => Range::Int { first, last: None },
        (None, Some(length)) => Range::Suffix { length },
        _ => return Taken::Nothing,
    };
    let text = taken.to_header_string();
    if text == range {
        return Taken::AsItIs;
    }
    HeaderValue::from_str(&text).map_or(Taken::Nothing, Taken::Other)
}

/// An end of a range; none if it is not a number. One that is too large is the largest.
#[expect(clippy::option_option, reason = "an end may be left out")]
fn end(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().unwrap_or(LARGEST).min(LARGEST);
    is_number.then_some(Some(number))
}

/// Without the parameters of a presigned URL.
fn unsigned(uri: &Uri) -> Uri {
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        !name.starts_with("x-amz-") && !SIGNATURE.contains(&name.as_str())
    };
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    // A part of what was a URI is one.
    let rest = format!("{}?{}", uri.path(), kept.join("&")).parse();
    rest.unwrap_or_default()
}

/// A header of the response that never leaves the server.
pub(super) const MARK: &str = "x-undaunted-range";
/// Of `s3s`, and larger than any object.
const LARGEST: u64 = i64::MAX.unsigned_abs();
/// The parameters of signatures of the old kind.
const SIGNATURE: [&str; 3] = ["awsaccesskeyid", "expires", "signature"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_taken_as_by_s3() {
        let largest = format!("bytes=0-{LARGEST}");
        for (range, want) in [
            ("bytes=0-1", "as it is"),
            ("bytes=-5", "as it is"),
            ("bytes=0-99999999999999999999", largest.as_str()),
            ("bytes=-99999999999999999999", &format!("bytes=-{LARGEST}")),
            ("bytes=0-1,3-4", "nothing"),
            ("bytes=4-2", "nothing"),
            ("bytes=x", "nothing"),
            ("bytes=-", "nothing"),
            ("bytes=+1-2", "nothing"),
            ("items=0-1", "nothing"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            let seen = match taken_for(&headers) {
                Taken::AsItIs => "as it is".to_owned(),
                Taken::Other(range) => range.to_str().unwrap().to_owned(),
                Taken::Nothing => "nothing".to_owned(),
            };
            assert_eq!(seen, want, "{range}");
        }
    }

    #[test]
    fn the_second_read_has_no_signature() {
        let uri = "/b/k?partNumber=1&X-Amz-Signature=2&Signature=3";
        assert_eq!(unsigned(&uri.parse().unwrap()), "/b/k?partNumber=1");
    }
}
