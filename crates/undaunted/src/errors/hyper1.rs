//! hyper 1: the verdict of its error.

use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use hyper1::Error as HyperError;
use hyper1::client::conn::http1::handshake;
use hyper1::rt::{Read, ReadBufCursor, Write};

use super::causes::{along_causes, known_along_sources};
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The verdict on an error of hyper's, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    Some(error.downcast_ref::<HyperError>()?.verdict())
}

impl Retryable for HyperError {
    /// A connection that broke, a response that is incomplete or not HTTP, and what HTTP/2 reports
    /// are transient. An error of the caller's (`is_user`) has the verdict of its cause, such as
    /// that of the request's body, and is permanent without one.
    fn verdict(&self) -> Verdict {
        if self.is_user() {
            let cause = self.source().and_then(known_along_sources);
            return cause.unwrap_or(Verdict::Permanent);
        }
        let limit = along_causes(self).find_map(|error| error.downcast_ref::<TimedOut>());
        limit.map_or(Verdict::TRANSIENT, TimedOut::verdict)
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    /// hyper has no constructor for its errors, so a connection over a stream that fails makes
    /// this one. The limit is behind it, along `source()`.
    fn timed_out(timed_out: TimedOut) -> Self {
        match of_connection(FailedStream::on_reading(timed_out)) {
            Some(error) => error,
            None => of_upgrade(),
        }
    }
}

/// The error of a connection over a stream whose first read fails.
fn of_connection(stream: FailedStream) -> Option<HyperError> {
    let mut cx = Context::from_waker(Waker::noop());
    // The sender has to stay, or the connection would end without an error.
    let (_sender, connection) = match pin!(handshake::<_, String>(stream)).poll(&mut cx) {
        Poll::Ready(Ok(halves)) => halves,
        Poll::Ready(Err(error)) => return Some(error),
        Poll::Pending => return None,
    };
    match pin!(connection).poll(&mut cx) {
        Poll::Ready(Err(error)) => Some(error),
        _ => None,
    }
}

/// The error of a connection on which a chunk has no size.
#[cfg(test)]
#[cfg_attr(
    not(any(feature = "aws_smithy1", feature = "opendal059")),
    allow(dead_code, reason = "for the tests of clients")
)]
pub(super) fn garbled() -> HyperError {
    let text = "Invalid chunk size line: missing size digit";
    let stream = FailedStream {
        error: Some(io::Error::new(io::ErrorKind::InvalidInput, text)),
        fails_on_reading: true,
    };
    of_connection(stream).unwrap_or_else(of_upgrade)
}

/// The error of a request that nobody upgrades, if a later hyper should not read from a connection
/// that is idle. It says nothing of the limit, but it is an error.
fn of_upgrade() -> HyperError {
    let upgrade = hyper1::upgrade::on(http1::Request::new(()));
    match pin!(upgrade).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => error,
        _ => unreachable!("hyper upgrades no request that was never sent"),
    }
}

/// A connection that fails with a limit that ran out.
pub(super) struct FailedStream {
    error: Option<io::Error>,
    fails_on_reading: bool,
}

impl FailedStream {
    fn on_reading(timed_out: TimedOut) -> Self {
        Self {
            error: Some(io::Error::timed_out(timed_out)),
            fails_on_reading: true,
        }
    }

    /// Fails when the request is sent, and has nothing to read.
    #[cfg_attr(
        not(feature = "hyper_util01"),
        allow(dead_code, reason = "only the client of hyper-util sends over it")
    )]
    pub(super) fn on_writing(timed_out: TimedOut) -> Self {
        Self {
            fails_on_reading: false,
            ..Self::on_reading(timed_out)
        }
    }

    fn fail<T>(&mut self) -> Poll<io::Result<T>> {
        let again = || io::ErrorKind::TimedOut.into();
        Poll::Ready(Err(self.error.take().unwrap_or_else(again)))
    }
}

impl Read for FailedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.fails_on_reading {
            self.fail()
        } else {
            Poll::Pending
        }
    }
}

impl Write for FailedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.fail()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_behind_an_error_of_hypers() {
        let limit = Duration::from_secs(1);
        let error = HyperError::timed_out(TimedOut::Attempt { limit });
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
        let cause = error.source().unwrap();
        assert_eq!(cause.to_string(), "attempt timed out after 1s");
        let cannot_cut = HyperError::timed_out(TimedOut::CannotCut { limit });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }

    #[test]
    fn an_error_of_the_callers_is_permanent() {
        let error = of_upgrade();
        assert!(error.is_user());
        assert_eq!(error.verdict(), Verdict::Permanent);
    }
}
