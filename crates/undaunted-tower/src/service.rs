//! The service, and the future of a response.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::call::Call;
use crate::layer::Settings;
use crate::protocol::Protocol;

/// A service whose requests are retried.
///
/// The inner service is cloned for each request, and must be ready before each attempt, as tower
/// asks. If it reports that it never will be, the caller gets that error immediately.
#[derive(Clone)]
pub struct Retry<S, R> {
    inner: S,
    settings: Arc<Settings>,
    protocol: R,
}

impl<S, R> Retry<S, R> {
    pub(crate) const fn new(inner: S, settings: Arc<Settings>, protocol: R) -> Self {
        Self {
            inner,
            settings,
            protocol,
        }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<Request, S, R> Service<Request> for Retry<S, R>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send + 'static,
    S::Error: fmt::Display + Send + 'static,
    R: Protocol<Request, S::Response, S::Error> + Clone + Send + Sync + 'static,
    Request: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that is ready makes the first attempt; its clone has to become so.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let call = Call::new(ready, self.settings.clone(), self.protocol.clone());
        ResponseFuture {
            running: Box::pin(call.run(request)),
        }
    }
}

impl<S: fmt::Debug, R: fmt::Debug> fmt::Debug for Retry<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("inner", &self.inner)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// The response to a request, after as many attempts as it takes.
///
/// Dropping it stops the attempt or the wait, and gives back what a retry that has not begun took
/// from the budget.
#[must_use = "a request is not made until its future is awaited"]
pub struct ResponseFuture<T, E> {
    running: Pin<Box<dyn Future<Output = Result<T, E>> + Send>>,
}

impl<T, E> Future for ResponseFuture<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        self.running.as_mut().poll(cx)
    }
}

impl<T, E> fmt::Debug for ResponseFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
