//! The body of a request, whose rest is read once there is a response.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A body that can still be read when whoever was to read it has dropped it. A clone shares it.
#[derive(Clone, Debug)]
pub(super) struct RequestBody(Arc<Mutex<Incoming>>);

impl RequestBody {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads what nobody has read. Closing with unread data would be a reset, and the client would
    /// lose the response that came before it. A client that stops sending gets it all the same.
    pub(super) async fn drain(mut self) {
        while let Some(Ok(_)) = self.frame().await {}
    }

    fn with<T>(&self, act: impl FnOnce(&mut Incoming) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
