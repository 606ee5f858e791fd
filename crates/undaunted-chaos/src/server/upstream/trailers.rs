//! `aws-chunked`: a body with checksums behind it.

use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Frame;
use s3s::{Body, TrailingHeaders};

use super::OutgoingBody;

/// The body in chunks without signatures, and then the trailers that came with it.
pub(super) fn with_trailers(body: Body, trailers: TrailingHeaders) -> OutgoingBody {
    StreamBody::new(Chunked {
        body: BodyStream::new(body),
        trailers,
        has_ended: false,
    })
    .boxed_unsync()
}

struct Chunked {
    body: BodyStream<Body>,
    /// Known when the body has ended.
    trailers: TrailingHeaders,
    has_ended: bool,
}

impl Stream for Chunked {
    type Item = Result<Frame<Bytes>, s3s::StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        loop {
            let data = match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Ok(Frame::data(self.end()))));
                }
            };
            // An empty chunk is the end.
            if !data.is_empty() {
                let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
                chunk.extend_from_slice(&data);
                chunk.extend_from_slice(b"\r\n");
                return Poll::Ready(Some(Ok(Frame::data(chunk.into()))));
            }
        }
    }
}

impl Chunked {
    fn end(&self) -> Bytes {
        let mut end = "0\r\n".to_owned();
        for (name, value) in self.trailers.take().iter().flatten() {
            // The signature of the client is of its own chunks.
            if let (true, Ok(value)) = (*name != SIGNATURE, value.to_str()) {
                // Writing into a string does not fail.
                let _ = write!(end, "{name}:{value}\r\n");
            }
        }
        end.push_str("\r\n");
        end.into()
    }
}

const SIGNATURE: &str = "x-amz-trailer-signature";
