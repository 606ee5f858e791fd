//! The body of a request, whose rest is read once there is a response.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Incoming;

/// A body that can still be read when whoever was to read it has dropped it. A clone shares it.
#[derive(Clone, Debug)]
pub(super) struct RequestBody(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    body: Incoming,
    /// Whether it ends in trailers, which end in a line break. `s3s` takes those that are cut off.
    has_trailers: bool,
    last: Option<u8>,
}

impl RequestBody {
    pub(super) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        let reading = Reading {
            body,
            has_trailers: headers.contains_key("x-amz-trailer"),
            last: None,
        };
        Self(Arc::new(Mutex::new(reading)))
    }

    /// Reads what nobody has read. Closing with unread data would be a reset, and the client would
    /// lose the response that came before it. A client that stops sending gets it all the same.
    pub(super) async fn drain(mut self) {
        while let Some(Ok(_)) = self.frame().await {}
    }

    fn with<T>(&self, act: impl FnOnce(&mut Reading) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reading {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
        if let Some(last) = data.and_then(|frame| frame.data_ref()?.last()) {
            self.last = Some(*last);
        }
        Poll::Ready(match frame {
            None if self.has_trailers && self.last != Some(b'\n') => {
                self.has_trailers = false;
                let text = "the trailers of the body are cut off";
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)))
            }
            frame => frame.map(|frame| frame.map_err(io::Error::other)),
        })
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.with(|reading| reading.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|reading| reading.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|reading| reading.body.size_hint())
    }
}
