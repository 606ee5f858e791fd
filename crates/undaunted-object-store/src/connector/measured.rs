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

#[cfg(test)]
#[cfg(feature = "metrics")]
mod tests {
    use object_store::path::Path;
    use undaunted::RetryConfig;

    use super::*;
    use crate::operation::Operation;
    use crate::policy::Policy;
    use crate::trace::Trace;

    /// hyper and object_store go by it: whether there is a body, and how much room it takes.
    #[tokio::test]
    async fn a_body_that_is_counted_says_the_same_of_itself() {
        let policy = Policy::new(RetryConfig::storage());
        let trace = Trace::begin(&policy, Operation::Get, &Path::from("a"));
        let exchange = trace
            .attempt(Duration::ZERO, async { Exchange::current().unwrap() })
            .await;
        for text in ["", "abc"] {
            let body = HttpResponseBody::from(Bytes::from(text));
            let exchange = Arc::clone(&exchange);
            let counted = response(HttpResponse::new(body), exchange, Duration::ZERO);
            let body = counted.body();
            assert_eq!(body.is_end_stream(), text.is_empty());
            assert_eq!(body.size_hint().exact(), Some(text.len() as u64));
        }
    }
}
