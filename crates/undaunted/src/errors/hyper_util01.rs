//! hyper-util 0.1: the verdict of the error of its client.

use std::error::Error;
use std::future::{Future, Ready, poll_fn, ready};
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http1::Uri;
use hyper_util01::client::legacy::connect::{Connected, Connection};
use hyper_util01::client::legacy::{Client, Error as ClientError};
use hyper1::rt::{Executor, Read, ReadBufCursor, Write};
use tokio::task::unconstrained;
use tower_service::Service;

use super::causes::{known_along_sources, verdict_of_connection};
use super::hyper1::FailedStream;
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The verdict on an error of the client, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    Some(error.downcast_ref::<ClientError>()?.verdict())
}

impl Retryable for ClientError {
    /// A connection that could not be made is transient, unless its certificate does not verify
    /// or connections are forbidden. Other failures have the verdict of hyper's error behind
    /// them. A request that the client does not send, such as one without a host, is permanent.
    fn verdict(&self) -> Verdict {
        if self.is_connect() {
            return verdict_of_connection(self);
        }
        let cause = self.source().and_then(known_along_sources);
        cause.unwrap_or(Verdict::Permanent)
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    /// hyper-util has no constructor for its errors, so a client whose request cannot be sent
    /// makes this one. The limit is behind it, along `source()`.
    fn timed_out(timed_out: TimedOut) -> Self {
        match of_request(timed_out) {
            Some(error) => error,
            None => without_host(),
        }
    }
}

/// The error of a request over a connection that fails when it is sent.
fn of_request(timed_out: TimedOut) -> Option<ClientError> {
    let tasks = Tasks::default();
    let connector = Connector { timed_out };
    let client: Client<_, String> = Client::builder(tasks.clone())
        .retry_canceled_requests(false)
        .build(connector);
    let mut response = pin!(client.get(Uri::from_static("http://localhost")));
    // The channels of the client wait once the task has used up its share of the runtime, and
    // this must not.
    let rounds = unconstrained(poll_fn(|cx| {
        for _ in 0..ROUNDS {
            match response.as_mut().poll(cx) {
                Poll::Ready(result) => return Poll::Ready(result.err()),
                Poll::Pending => tasks.poll(cx),
            }
        }
        Poll::Ready(None)
    }));
    match pin!(rounds).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(error) => error,
        Poll::Pending => None,
    }
}

/// The error of a request without a host, if a later client should need more rounds. It says
/// nothing of the limit, but it is an error.
fn without_host() -> ClientError {
    // It does not come to a connection, so this limit is nobody's.
    let limit = Duration::ZERO;
    let timed_out = TimedOut::Attempt { limit };
    let client: Client<_, String> =
        Client::builder(Tasks::default()).build(Connector { timed_out });
    let response = client.get(Uri::from_static("/"));
    match pin!(response).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => error,
        _ => unreachable!("the client sends no request without a host"),
    }
}

/// Connects to a stream that fails when the request is sent.
#[derive(Clone)]
struct Connector {
    timed_out: TimedOut,
}

impl Service<Uri> for Connector {
    type Response = Failed;
    type Error = TimedOut;
    type Future = Ready<Result<Failed, TimedOut>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TimedOut>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(Ok(Failed(FailedStream::on_writing(self.timed_out.clone()))))
    }
}

struct Failed(FailedStream);

impl Connection for Failed {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Failed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Failed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The tasks of the client, which are polled here and by no runtime.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<Task>>>);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Tasks {
    fn poll(&self, cx: &mut Context<'_>) {
        let mut tasks = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        let mut added = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        added.append(&mut tasks);
    }
}

impl Executor<Task> for Tasks {
    fn execute(&self, task: Task) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task);
    }
}

/// Enough for the client: it connects, sends, and is told of the failure.
const ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_behind_an_error_of_the_clients() {
        let limit = Duration::from_secs(1);
        let error = ClientError::timed_out(TimedOut::Total { limit });
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
        assert_eq!(verdict(&error), Some(Verdict::TRANSIENT));
        // A caller must not take it for a request that was never sent.
        assert!(!error.is_connect());
        let hyper = error.source().unwrap();
        let cause = hyper.source().unwrap();
        assert_eq!(cause.to_string(), "timed out after 1s in all");
        let cannot_cut = ClientError::timed_out(TimedOut::CannotCut { limit });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }

    #[tokio::test]
    async fn a_limit_is_said_even_if_the_task_has_used_up_its_share() {
        poll_fn(|cx| {
            while let Poll::Ready(share) = tokio::task::coop::poll_proceed(cx) {
                share.made_progress();
            }
            Poll::Ready(())
        })
        .await;
        let limit = Duration::from_secs(1);
        let error = ClientError::timed_out(TimedOut::Attempt { limit });
        assert_eq!(error.verdict(), Verdict::TRANSIENT, "{error:?}");
    }

    #[test]
    fn a_request_without_a_host_is_permanent() {
        assert_eq!(without_host().verdict(), Verdict::Permanent);
    }
}
