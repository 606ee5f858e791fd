//! Responses that are measured for spans and metrics: when the head came, and how much of the body did.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpResponse, HttpResponseBody};

use crate::trace::Exchange;

/// The same response, whose head came after this time, and whose body is counted as it is read.
pub(super) fn response(
    response: HttpResponse,
    exchange: Arc<Exchange>,
    after: Duration,
) -> HttpResponse {
    exchange.responded(&response, after);
    response.map(|body| HttpResponseBody::new(Measured { body, exchange }))
}

struct Measured {
    body: HttpResponseBody,
    exchange: Arc<Exchange>,
}

impl Body for Measured {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let data = frame.data_ref();
            self.exchange.received(data.map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
