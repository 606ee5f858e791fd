//! Bodies that end as the plan wants it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use s3s::Body;
use tokio::time::Sleep;

use super::record::Open;
use super::wire::Reset;

/// The body of an answer, whole or not.
pub(super) struct Spoiled {
    inner: Body,
    /// Bytes until the fault.
    left: u64,
    ending: Option<Ending>,
    /// A wait that is under way.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes that arrived before the fault was over.
    rest: Option<Bytes>,
    ended: bool,
    record: Option<Open>,
}

/// What happens at the fault.
pub(super) enum Ending {
    /// The body ends as if that were all.
    Clean,
    /// The connection is closed.
    Close,
    /// Nothing comes for this long, then the connection is closed.
    Hang(Duration),
    /// One byte is turned over, and all goes on.
    Corrupt,
    /// The object is replaced, and then the other ending comes.
    Replace(BoxFuture<'static, io::Result<()>>, Box<Ending>),
    /// The connection is reset.
    Reset(Reset),
    /// Nothing comes for this long, then all goes on.
    Stall(Duration),
}

impl Spoiled {
    pub(super) const fn whole(inner: Body) -> Self {
        Self {
            inner,
            left: 0,
            ending: None,
            sleep: None,
            rest: None,
            ended: false,
            record: None,
        }
    }

    /// Counts what goes out.
    pub(super) fn recorded(self, record: Open) -> Self {
        Self {
            record: Some(record),
            ..self
        }
    }

    pub(super) fn spoiled(self, at: u64, ending: Ending) -> Self {
        Self {
            left: at,
            ending: Some(ending),
            ..self
        }
    }

    /// The fault, once `left` bytes have gone out; `rest` are those after it.
    fn poll_fault(
        &mut self,
        cx: &mut Context<'_>,
        rest: Bytes,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(Ending::Replace(replacing, _)) = &mut self.ending {
            let Poll::Ready(replaced) = replacing.as_mut().poll(cx) else {
                self.rest = Some(rest);
                return Poll::Pending;
            };
            if let Err(error) = replaced {
                return Poll::Ready(Some(Err(error)));
            }
            if let Some(Ending::Replace(_, then)) = self.ending.take() {
                self.ending = Some(*then);
            }
        }
        let wait = match &self.ending {
            Some(Ending::Hang(lasts) | Ending::Stall(lasts)) => *lasts,
            // hyper drops what it has buffered when a body fails, so it gets time to send it.
            Some(Ending::Close | Ending::Reset(_)) => FLUSH,
            _ => Duration::ZERO,
        };
        if !wait.is_zero() {
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
            if sleep.as_mut().poll(cx).is_pending() {
                self.rest = Some(rest);
                return Poll::Pending;
            }
            self.sleep = None;
        }
        match self.ending.take() {
            Some(Ending::Clean) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Some(Ending::Corrupt) => {
                let mut rest = BytesMut::from(&rest[..]);
                if let Some(byte) = rest.first_mut() {
                    *byte = !*byte;
                }
                Poll::Ready(Some(Ok(Frame::data(rest.freeze()))))
            }
            Some(Ending::Close | Ending::Hang(_)) => Poll::Ready(Some(Err(broken()))),
            Some(Ending::Reset(wire)) => {
                wire.ask();
                Poll::Ready(Some(Err(broken())))
            }
            Some(Ending::Replace(..) | Ending::Stall(_)) | None => {
                Poll::Ready(Some(Ok(Frame::data(rest))))
            }
        }
    }
}

impl Spoiled {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(rest) = self.rest.take() {
            return self.poll_fault(cx, rest);
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
            None => return Poll::Ready(None),
        };
        let mut data = match frame.into_data() {
            Ok(data) => data,
            Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
        };
        if self.ending.is_none() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match usize::try_from(self.left) {
            Ok(left) if left < data.len() => {
                let before = data.split_to(left);
                self.left = 0;
                if before.is_empty() {
                    return self.poll_fault(cx, data);
                }
                self.rest = Some(data);
                Poll::Ready(Some(Ok(Frame::data(before))))
            }
            _ => {
                self.left -= data.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
        }
    }
}

impl HttpBody for Spoiled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(self.poll_next(cx));
        if let (Some(record), Some(Ok(frame))) = (&mut self.record, &frame) {
            record.went_out(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.ending.is_none() && self.rest.is_none() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self.ending {
            // A clean end before the announced length must not announce it.
            Some(Ending::Clean) => SizeHint::default(),
            _ => self.inner.size_hint(),
        }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "broken as planned")
}

/// Time for what was written before a break to reach the client.
const FLUSH: Duration = Duration::from_millis(30);
