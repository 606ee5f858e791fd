//! A connection that ends as a failure has it: closed, reset, or closed after a long silence.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::failure::Failure;

/// A TCP stream that ends with a reset if it is to.
pub(super) struct Connection {
    stream: TcpStream,
    end: ConnectionEnd,
}

impl Connection {
    /// `hang` is how long what never comes is waited for.
    pub(super) fn new(stream: TcpStream, hang: Duration) -> Self {
        let end = ConnectionEnd {
            hang,
            reset: Arc::default(),
        };
        Self { stream, end }
    }

    pub(super) fn end(&self) -> ConnectionEnd {
        self.end.clone()
    }
}

/// Ends a [`Connection`] as a failure has it.
#[derive(Clone)]
pub(super) struct ConnectionEnd {
    hang: Duration,
    reset: Arc<AtomicBool>,
}

impl ConnectionEnd {
    /// Waits as long as the failure lasts. The caller must then return this error, which closes
    /// the connection.
    pub(super) async fn prepare(&self, failure: &Failure) -> io::Error {
        match failure {
            Failure::Closed => {}
            Failure::Timeout => tokio::time::sleep(self.hang).await,
            _ => self.reset.store(true, Ordering::SeqCst),
        }
        io::Error::new(io::ErrorKind::ConnectionAborted, "ended as planned")
    }

    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.end.is_reset() {
            // Closing with unsent time zero is a reset. If it fails, the peer sees a close.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_reset() {
            // A shutdown would send the end that a reset must not have.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
