//! The body of a response as it goes out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use object_store::Error;
use s3s::Body;

use super::connection::ConnectionEnd;
use super::record::OpenRecord;
use crate::body::{Replace, hit_stream};
use crate::pending::PendingFault;

/// The body of a response, whole or not.
pub(super) struct ResponseBody {
    stream: BoxStream<'static, io::Result<Bytes>>,
    /// What it announces.
    length: Option<u64>,
    record: Option<OpenRecord>,
}

impl ResponseBody {
    pub(super) fn new(body: Body) -> Self {
        let length = HttpBody::size_hint(&body).exact();
        let stream = body
            .into_data_stream()
            .map(|data| data.map_err(io::Error::other));
        Self {
            stream: stream.boxed(),
            length,
            record: None,
        }
    }

    /// All of it.
    pub(super) async fn collected(self) -> io::Result<Bytes> {
        let chunks: Vec<Bytes> = self.stream.try_collect().await?;
        Ok(chunks.concat().into())
    }

    /// Counts what goes out. The record ends with the body.
    pub(super) fn recorded(self, record: OpenRecord) -> Self {
        Self {
            record: Some(record),
            ..self
        }
    }

    /// Does not say how long it is.
    pub(super) fn without_length(self) -> Self {
        Self {
            length: None,
            ..self
        }
    }

    /// Is as long as it is, whatever a header says. It ends late, so that hyper has sent what it
    /// buffered when it finds that there is less than announced.
    pub(super) fn with_wrong_length(self) -> Self {
        let pause = stream::once(tokio::time::sleep(FLUSH));
        let pause = pause.filter_map(|()| future::ready(None));
        Self {
            stream: self.stream.chain(pause).boxed(),
            length: None,
            ..self
        }
    }

    /// Lets a fault hit it after `at` bytes. A failure ends the connection.
    pub(super) fn hit(
        self,
        at: u64,
        fault: PendingFault,
        replace: Replace,
        end: ConnectionEnd,
    ) -> Self {
        let failure = fault.fault().failure().cloned();
        let inner = self.stream.map(|data| data.map_err(generic)).boxed();
        let stream = hit_stream(inner, at, fault, replace).then(move |data| {
            let (failure, end) = (failure.clone(), end.clone());
            async move {
                match (data, failure) {
                    (Ok(data), _) => Ok(data),
                    (Err(_), Some(failure)) => {
                        // hyper drops what it has buffered when a body fails, so it gets time
                        // to send it.
                        tokio::time::sleep(FLUSH).await;
                        Err(end.prepare(&failure).await)
                    }
                    (Err(error), None) => Err(io::Error::other(error)),
                }
            }
        });
        Self {
            stream: stream.boxed(),
            ..self
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let data = ready!(self.stream.poll_next_unpin(cx));
        if let (Some(record), Some(Ok(data))) = (&mut self.record, &data) {
            record.went_out(data.len() as u64);
        }
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

fn generic(error: io::Error) -> Error {
    Error::Generic {
        store: "S3Server",
        source: Box::new(error),
    }
}

/// Time for what was written before a break to reach the client.
const FLUSH: Duration = Duration::from_millis(30);
