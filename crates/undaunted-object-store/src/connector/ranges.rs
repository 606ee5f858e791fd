//! Responses to requests for a range: cut to what was asked for, whatever was sent.
//!
//! A server may not know ranges, and send the whole object; or send more than was asked for, as
//! some caches do. object_store takes neither. Here the bytes that were not asked for are left
//! out as they arrive, and the response says what it then is.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpRequest, HttpResponse, HttpResponseBody};

/// What a web server's response says of ranges, in the `extensions` of a
/// [`GetResult`](object_store::GetResult). Nothing is there if the response says nothing.
///
/// Where ranges are ignored, each of them costs the transfer of the object up to its end: read an
/// object as one stream instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSupport {
    /// The server sends ranges.
    Supported,
    /// The server sent the whole object for a range of it. The rest was left out here.
    Ignored,
}

/// The range that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked(Option<Bounds>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bounds {
    /// From this byte to this one, or to the end.
    From(u64, Option<u64>),
    /// As many of the last bytes.
    Last(u64),
}

impl Asked {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let range = request.headers().get(RANGE);
        Self(range.and_then(|range| Bounds::parse(range.to_str().ok()?)))
    }

    /// The same response with the range that was asked for, if it has all of it and more.
    pub(super) fn cut(self, mut response: HttpResponse) -> HttpResponse {
        let status = response.status();
        if response.headers().contains_key(CONTENT_RANGE) || says_bytes(response.headers()) {
            response.extensions_mut().insert(RangeSupport::Supported);
        }
        let Some(bounds) = self.0 else {
            return response;
        };
        let sent = match status {
            StatusCode::OK => length(response.headers()).map(|size| (0..size, size)),
            StatusCode::PARTIAL_CONTENT => content_range(response.headers()),
            _ => None,
        };
        let Some((sent, size)) = sent else {
            return response;
        };
        if status == StatusCode::OK {
            response.extensions_mut().insert(RangeSupport::Ignored);
        }
        let Some(wanted) = bounds.within(size) else {
            return not_satisfiable(response, size);
        };
        let is_within = sent.start <= wanted.start && wanted.end <= sent.end;
        if status == StatusCode::PARTIAL_CONTENT && (sent == wanted || !is_within) {
            return response;
        }
        let (mut head, body) = response.into_parts();
        head.status = StatusCode::PARTIAL_CONTENT;
        head.headers
            .insert(CONTENT_LENGTH, (wanted.end - wanted.start).into());
        let place = format!("bytes {}-{}/{size}", wanted.start, wanted.end - 1);
        if let Ok(place) = HeaderValue::try_from(place) {
            head.headers.insert(CONTENT_RANGE, place);
        }
        let body = Cut {
            body,
            skip: wanted.start - sent.start,
            left: wanted.end - wanted.start,
        };
        HttpResponse::from_parts(head, HttpResponseBody::new(body))
    }
}

impl Bounds {
    /// `bytes=2-5`, `bytes=2-` or `bytes=-5`.
    fn parse(range: &str) -> Option<Self> {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(last.parse().ok()?)),
            (first, "") => Some(Self::From(first.parse().ok()?, None)),
            (first, last) => Some(Self::From(first.parse().ok()?, Some(last.parse().ok()?))),
        }
    }

    /// The bytes of an object of this size, if there are any.
    fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.map_or(size, |last| last.saturating_add(1)),
            Self::Last(bytes) => size.saturating_sub(bytes)..size,
        };
        let range = range.start..range.end.min(size);
        (range.start < range.end).then_some(range)
    }
}

/// A body of which only the middle is wanted.
struct Cut {
    body: HttpResponseBody,
    /// Bytes to leave out before the wanted ones.
    skip: u64,
    /// Wanted bytes that have not arrived.
    left: u64,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = HttpError;

    /// Ends after the last wanted byte: what follows is not waited for.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        while self.left > 0 {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                ended => return Poll::Ready(ended),
            };
            let Ok(mut bytes) = frame.into_data() else {
                continue;
            };
            let skipped = at_most(self.skip, &bytes);
            bytes.advance(skipped);
            self.skip -= skipped as u64;
            bytes.truncate(at_most(self.left, &bytes));
            if !bytes.is_empty() {
                self.left -= bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// As many of these bytes.
fn at_most(limit: u64, bytes: &Bytes) -> usize {
    usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()))
}

/// No byte of the object is in the range: what a server that knows ranges says then.
fn not_satisfiable(response: HttpResponse, size: u64) -> HttpResponse {
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::RANGE_NOT_SATISFIABLE;
    head.headers.insert(CONTENT_LENGTH, 0.into());
    if let Ok(place) = HeaderValue::try_from(format!("bytes */{size}")) {
        head.headers.insert(CONTENT_RANGE, place);
    }
    HttpResponse::from_parts(head, HttpResponseBody::from(Bytes::new()))
}

fn says_bytes(headers: &HeaderMap) -> bool {
    let units = headers.get(ACCEPT_RANGES);
    units.is_some_and(|units| units.as_bytes().eq_ignore_ascii_case(b"bytes"))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `bytes 10-19/100`: the range, and the size of the object.
fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (place, size) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = place.split_once('-')?;
    let end = last.parse::<u64>().ok()?.checked_add(1)?;
    Some((first.parse().ok()?..end, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use object_store::client::HttpRequestBody;

    use super::*;

    /// The response to a request for `range`, of a server that sends ten bytes or what
    /// `content_range` says of them.
    fn cut(range: &str, status: u16, content_range: &str, body: &'static str) -> HttpResponse {
        let request = http::Request::builder().header(RANGE, range);
        let request = request.body(HttpRequestBody::empty()).unwrap();
        let mut response = http::Response::builder()
            .status(status)
            .header(CONTENT_LENGTH, body.len());
        if !content_range.is_empty() {
            response = response.header(CONTENT_RANGE, content_range);
        }
        let body = HttpResponseBody::from(Bytes::from_static(body.as_bytes()));
        Asked::of(&request).cut(response.body(body).unwrap())
    }

    #[tokio::test]
    async fn whatever_was_sent_becomes_what_was_asked_for() {
        for (range, place, bytes) in [
            ("bytes=2-5", "bytes 2-5/10", "2345"),
            ("bytes=0-99", "bytes 0-9/10", "0123456789"),
            ("bytes=8-", "bytes 8-9/10", "89"),
            ("bytes=-3", "bytes 7-9/10", "789"),
            ("bytes=-30", "bytes 0-9/10", "0123456789"),
        ] {
            for (status, sent) in [(200, ""), (206, "bytes 0-9/10")] {
                let response = cut(range, status, sent, "0123456789");
                assert_eq!(response.status(), 206, "{range}");
                assert_eq!(response.headers()[CONTENT_RANGE], place);
                assert_eq!(response.headers()[CONTENT_LENGTH], bytes.len().to_string());
                let support = match status {
                    200 => RangeSupport::Ignored,
                    _ => RangeSupport::Supported,
                };
                assert_eq!(response.extensions().get(), Some(&support));
                let left = response.body().size_hint().exact();
                assert_eq!(left, Some(bytes.len() as u64), "{range}");
                let body = response.into_body().bytes().await.unwrap();
                assert_eq!(body, bytes, "{range}");
            }
        }
    }

    #[tokio::test]
    async fn a_part_that_is_too_long_is_cut_from_where_it_begins() {
        let response = cut("bytes=4-5", 206, "bytes 2-7/10", "234567");
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes 4-5/10");
        assert_eq!(response.into_body().bytes().await.unwrap(), "45");
    }

    /// A body that has these bytes and never ends.
    struct Endless(Option<Bytes>);

    impl Body for Endless {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            let bytes = self.0.take();
            bytes.map_or(Poll::Pending, |bytes| {
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            })
        }
    }

    #[test]
    fn what_follows_the_last_wanted_byte_is_not_waited_for() {
        let body = HttpResponseBody::new(Cut {
            body: HttpResponseBody::new(Endless(Some(Bytes::from_static(b"01234")))),
            skip: 2,
            left: 3,
        });
        let bytes = body.bytes().now_or_never().unwrap();
        assert_eq!(bytes.unwrap(), "234");
    }

    #[test]
    fn a_range_beyond_the_end_is_refused_as_a_server_would() {
        let response = cut("bytes=10-12", 200, "", "0123456789");
        assert_eq!(response.status(), 416);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes */10");
    }

    #[test]
    fn what_is_not_more_than_was_asked_for_passes() {
        for sent in ["bytes 2-5/10", "bytes 2-4/10", "bytes 3-8/10"] {
            let response = cut("bytes=2-5", 206, sent, "2345");
            assert_eq!(response.headers()[CONTENT_RANGE], sent);
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_ends_early() {
        let mut response = cut("bytes=2-5", 200, "", "0123456789");
        *response.body_mut() = HttpResponseBody::new(Cut {
            body: HttpResponseBody::from(Bytes::from_static(b"0123")),
            skip: 2,
            left: 4,
        });
        assert_eq!(response.into_body().bytes().await.unwrap(), "23");
    }

    #[test]
    fn a_server_says_whether_it_has_ranges() {
        let support = |units: &'static str| {
            let request = HttpRequest::new(Bytes::new().into());
            let mut response = HttpResponse::new(HttpResponseBody::from(Bytes::new()));
            let headers = response.headers_mut();
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static(units));
            let response = Asked::of(&request).cut(response);
            response.extensions().get().copied()
        };
        assert_eq!(support("bytes"), Some(RangeSupport::Supported));
        assert_eq!(support("Bytes"), Some(RangeSupport::Supported));
        assert_eq!(support("none"), None);
    }
}
