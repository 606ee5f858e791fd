//! A service whose responses are written down, and which watches how it is used.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower_service::Service;

pub(crate) type Body = Full<Bytes>;

/// What an attempt meets.
pub(crate) enum Step {
    /// A response with this status and these headers.
    Status(u16, &'static [(&'static str, &'static str)]),
    Fails(io::ErrorKind),
    /// No response comes.
    Hangs,
}

/// The service. Its clones share the script. A call of one that was not ready is a failure of the
/// test.
pub(crate) struct Script {
    shared: Arc<Mutex<Shared>>,
    is_ready: bool,
    getting_ready: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

#[derive(Default)]
pub(crate) struct Shared {
    steps: VecDeque<Step>,
    readies_after: Duration,
    never_ready_after: Option<usize>,
    /// When each attempt began, from the start of the test.
    pub(crate) began: Vec<Instant>,
    pub(crate) bodies: Vec<Bytes>,
    /// Attempts that run now.
    pub(crate) running: usize,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let shared = Shared {
            steps: steps.into_iter().collect(),
            ..Shared::default()
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            is_ready: false,
            getting_ready: None,
        }
    }

    /// Each clone needs this long to become ready.
    pub(crate) fn ready_after(self, lasts: Duration) -> Self {
        self.shared.lock().unwrap().readies_after = lasts;
        self
    }

    /// After this many attempts it never becomes ready again.
    pub(crate) fn never_ready_after(self, attempts: usize) -> Self {
        self.shared.lock().unwrap().never_ready_after = Some(attempts);
        self
    }

    pub(crate) fn shared(&self) -> Arc<Mutex<Shared>> {
        self.shared.clone()
    }
}

impl Clone for Script {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            is_ready: false,
            getting_ready: None,
        }
    }
}

impl Service<Request<Body>> for Script {
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = self.shared.lock().unwrap();
        let attempts = shared.began.len();
        if shared
            .never_ready_after
            .is_some_and(|after| attempts >= after)
        {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::NotConnected)));
        }
        if !shared.readies_after.is_zero() && !self.is_ready {
            let lasts = shared.readies_after;
            let getting_ready = self
                .getting_ready
                .get_or_insert_with(|| Box::pin(sleep(lasts)));
            std::task::ready!(getting_ready.as_mut().poll(cx));
            self.getting_ready = None;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it is ready"
        );
        let shared = self.shared.clone();
        let step = {
            let mut shared = shared.lock().unwrap();
            shared.began.push(Instant::now());
            shared.running += 1;
            shared.steps.pop_front().expect("an attempt too many")
        };
        let running = Running(shared);
        Box::pin(async move {
            let body = http_body_util::BodyExt::collect(request.into_body()).await;
            let body = body.unwrap().to_bytes();
            running.0.lock().unwrap().bodies.push(body);
            match step {
                Step::Status(status, headers) => {
                    let mut response = Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(*name, *value);
                    }
                    Ok(response.body("the body".into()).unwrap())
                }
                Step::Fails(kind) => Err(kind.into()),
                Step::Hangs => std::future::pending().await,
            }
        })
    }
}

/// An attempt, until it ends or is dropped.
struct Running(Arc<Mutex<Shared>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().unwrap().running -= 1;
    }
}
