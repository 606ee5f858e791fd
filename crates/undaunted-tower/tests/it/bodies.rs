//! What becomes of the bodies of failed responses.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Frame;
use tower::{Layer, ServiceExt, service_fn};

use crate::{layer, request};

/// A body of this many chunks of 1 KiB, which counts those that are read.
struct Counted {
    left: usize,
    read: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.read.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1024])))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many chunks of the body of a failed response are read before the next attempt.
async fn chunks_read(length: usize) -> usize {
    let read = Arc::new(AtomicUsize::new(0));
    let dropped = Arc::new(AtomicUsize::new(0));
    let counts = (read.clone(), dropped.clone());
    let service = service_fn(move |_: Request<_>| {
        let (read, dropped) = counts.clone();
        async move {
            // Nothing of a failed response is held when the next attempt begins.
            let is_first = dropped.load(Ordering::Relaxed) == 0;
            let body = Counted {
                left: length,
                read,
                dropped,
            };
            let status = if is_first { 503 } else { 200 };
            let response = Response::builder().status(status).body(body);
            Ok::<_, io::Error>(response.unwrap())
        }
    });
    let response = layer().layer(service).oneshot(request(Method::GET)).await;
    assert_eq!(response.unwrap().status(), 200);
    read.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_failed_response_is_read_so_that_its_connection_stays() {
    assert_eq!(chunks_read(3).await, 3);
    // One that is long costs more than a connection.
    assert_eq!(chunks_read(100_000).await, 65);
}
