//! What spans and metrics say of an operation beyond what the core knows: the HTTP of its attempts and
//! the bytes each way.
//!
//! The connector knows these, several layers below, and it runs on the task that makes the attempt. So
//! an attempt leaves there, in a task-local, where its requests are to be taken down. Where nobody
//! listens there is nothing.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::Either;
use object_store::path::Path;
use tracing::{Instrument, Span};
#[cfg(feature = "spans")]
use undaunted::OperationSpan;
use undaunted::{AttemptOutcome, Event};

use crate::measure::{self, Call};
use crate::operation::Operation;
use crate::policy::Policy;

/// An operation that somebody listens to. It ends when the last part of it does: the call, or the body
/// that is read after it. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Option<Arc<Traced>>);

#[derive(Debug)]
struct Traced {
    operation: Operation,
    call: Call,
    #[cfg(feature = "spans")]
    span: Option<OperationSpan>,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Trace {
    /// The operation begins.
    pub(crate) fn begin(policy: &Policy, operation: Operation, location: &Path) -> Self {
        let has_spans = spans::are_on();
        if !has_spans && !measure::IS_ON {
            return Self(None);
        }
        #[cfg(not(feature = "spans"))]
        let _ = (policy, location);
        Self(Some(Arc::new(Traced {
            operation,
            call: Call::begin(operation),
            #[cfg(feature = "spans")]
            span: has_spans.then(|| spans::of_operation(policy, operation, location)),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        })))
    }

    /// The span of the operation, in which those of its attempts are to be.
    #[cfg(feature = "spans")]
    pub(crate) fn span(&self) -> Option<&OperationSpan> {
        self.0.as_ref()?.span.as_ref()
    }

    /// An attempt has ended. What the last one of the operation came to, it came to.
    pub(crate) fn record(&self, event: &Event<'_>) {
        if let Some(traced) = &self.0 {
            traced.call.record(event);
            if matches!(event.outcome, AttemptOutcome::Succeeded) {
                spans::succeeded(traced);
            }
        }
    }

    /// The operation has succeeded, after parts of it that do not end it.
    pub(crate) fn succeed(&self) {
        if let Some(traced) = &self.0 {
            traced.call.succeed();
            spans::succeeded(traced);
        }
    }

    /// The operation had succeeded when its last attempt failed.
    pub(crate) fn found_to_have_succeeded(&self) {
        if let Some(traced) = &self.0 {
            traced.call.found_to_have_succeeded();
            spans::found_to_have_succeeded(traced);
        }
    }

    /// Runs an attempt, whose requests are taken down, after it waited so long for its place among
    /// those in flight.
    ///
    /// It is no `async fn`, whose future would have room for the attempt twice.
    pub(crate) fn attempt<T>(
        &self,
        waited: Duration,
        attempt: impl Future<Output = T>,
    ) -> impl Future<Output = T> {
        let Some(traced) = &self.0 else {
            return Either::Left(attempt);
        };
        let span = spans::current_attempt();
        if let (Some(span), false) = (&span, waited.is_zero()) {
            span.record("undaunted.in_flight_ms", waited.as_secs_f64() * 1e3);
        }
        Either::Right(traced.exchange(span, attempt))
    }

    /// Looks for what became of a write whose response was lost, in a span of its own.
    pub(crate) async fn resolution<T>(
        &self,
        resolving: impl Future<Output = T>,
        name: fn(&T) -> &'static str,
    ) -> T {
        let Some(traced) = &self.0 else {
            return resolving.await;
        };
        let span = spans::of_resolution(traced);
        let resolving = traced.exchange(Some(span.clone()), resolving);
        let resolution = resolving.instrument(span.clone()).await;
        span.record("undaunted.resolution", name(&resolution));
        resolution
    }
}

impl Traced {
    /// Runs something that makes requests, which are taken down in this span.
    fn exchange<T>(
        self: &Arc<Self>,
        span: Option<Span>,
        made: impl Future<Output = T>,
    ) -> impl Future<Output = T> {
        let exchange = Arc::new(Exchange {
            operation: Arc::clone(self),
            http: Mutex::default(),
            received: AtomicU64::new(0),
        });
        // Dropped with what makes them, which a limit may cut.
        let ended = Ended {
            span,
            exchange: Arc::clone(&exchange),
        };
        EXCHANGE.scope(exchange, made).map(move |result| {
            drop(ended);
            result
        })
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        measure::bytes(
            self.operation,
            *self.sent.get_mut(),
            *self.received.get_mut(),
        );
        #[cfg(feature = "spans")]
        if let Some(span) = &self.span {
            let span = span.span();
            span.record("undaunted.bytes_sent", signed(*self.sent.get_mut()));
            span.record("undaunted.bytes_received", signed(*self.received.get_mut()));
        }
    }
}

tokio::task_local! {
    static EXCHANGE: Arc<Exchange>;
}

/// The requests and responses of one attempt: mostly one of each.
#[derive(Debug)]
pub(crate) struct Exchange {
    operation: Arc<Traced>,
    http: Mutex<Http>,
    received: AtomicU64,
}

/// The last request and its response, but all bytes.
#[derive(Debug, Default)]
struct Http {
    method: Option<http::Method>,
    server: Option<(String, Option<u16>)>,
    sent: u64,
    status: Option<u16>,
    request_id: Option<String>,
    time_to_first_byte: Option<Duration>,
}

impl Exchange {
    /// Where the requests of this task are to be taken down, if anywhere.
    pub(crate) fn current() -> Option<Arc<Self>> {
        EXCHANGE.try_with(Arc::clone).ok()
    }

    /// A request is sent, with a body of this length.
    pub(crate) fn sent(&self, request: &object_store::client::HttpRequest) {
        let bytes = u64::try_from(request.body().content_length()).unwrap_or(u64::MAX);
        self.operation.sent.fetch_add(bytes, Ordering::Relaxed);
        let mut http = self.http();
        http.sent += bytes;
        http.method = Some(request.method().clone());
        let uri = request.uri();
        // Neither the user of the URL nor its query, which may be a signature.
        http.server = uri.host().map(|host| (host.to_owned(), uri.port_u16()));
    }

    /// The head of its response came after this time.
    pub(crate) fn responded(&self, response: &object_store::client::HttpResponse, after: Duration) {
        let request_id = REQUEST_IDS.iter().find_map(|name| {
            let id = response.headers().get(*name)?.to_str().ok()?;
            Some(id.to_owned())
        });
        {
            let mut http = self.http();
            http.status = Some(response.status().as_u16());
            http.request_id = request_id;
            http.time_to_first_byte = Some(after);
        }
        measure::time_to_first_byte(self.operation.operation, after);
    }

    /// A part of a body came. It counts for the operation also where the attempt has ended.
    pub(crate) fn received(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.received.fetch_add(bytes, Ordering::Relaxed);
        self.operation.received.fetch_add(bytes, Ordering::Relaxed);
    }

    fn http(&self) -> MutexGuard<'_, Http> {
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what is known at the end of an attempt in its span.
struct Ended {
    span: Option<Span>,
    exchange: Arc<Exchange>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let Some(span) = &self.span else {
            return;
        };
        let http = self.exchange.http();
        let Some(method) = &http.method else {
            return;
        };
        span.record("http.request.method", method.as_str());
        if http.sent > 0 {
            span.record("http.request.body.size", signed(http.sent));
        }
        if let Some((address, port)) = &http.server {
            span.record("server.address", address.as_str());
            if let Some(port) = port {
                span.record("server.port", i64::from(*port));
            }
        }
        let Some(status) = http.status else {
            return;
        };
        span.record("http.response.status_code", i64::from(status));
        let received = self.exchange.received.load(Ordering::Relaxed);
        if received > 0 {
            span.record("http.response.body.size", signed(received));
        }
        if let Some(id) = &http.request_id {
            span.record("aws.request_id", id.as_str());
        }
        if let Some(after) = http.time_to_first_byte {
            span.record("undaunted.time_to_first_byte_ms", after.as_secs_f64() * 1e3);
        }
    }
}

/// As OpenTelemetry's numbers are: others become text.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(feature = "spans")]
mod spans {
    use object_store::path::Path;
    use tracing::field::Empty;
    use tracing::level_filters::LevelFilter;
    use tracing::{Span, info_span};
    use undaunted::OperationSpan;

    use super::Traced;
    use crate::operation::Operation;
    use crate::policy::Policy;

    pub(super) fn are_on() -> bool {
        LevelFilter::current() >= LevelFilter::INFO
    }

    pub(super) fn current_attempt() -> Option<Span> {
        OperationSpan::current_attempt()
    }

    /// The span of a look for what became of a write. It has the HTTP of requests that are no operation
    /// of their own.
    pub(super) fn of_resolution(traced: &Traced) -> Span {
        let span = || {
            info_span!(
                target: "undaunted::span",
                "resolve",
                otel.name = "resolve_lost_response",
                otel.kind = "internal",
                http.request.method = Empty,
                http.response.status_code = Empty,
                http.response.body.size = Empty,
                server.address = Empty,
                server.port = Empty,
                aws.request_id = Empty,
                undaunted.time_to_first_byte_ms = Empty,
                undaunted.resolution = Empty,
            )
        };
        let operation = traced.span.as_ref();
        operation.map_or_else(Span::none, |operation| operation.span().in_scope(span))
    }

    pub(super) fn succeeded(traced: &Traced) {
        if let Some(span) = &traced.span {
            span.succeeded();
        }
    }

    pub(super) fn found_to_have_succeeded(traced: &Traced) {
        if let Some(span) = &traced.span {
            span.found_to_have_succeeded();
        }
    }

    pub(super) fn of_operation(
        policy: &Policy,
        operation: Operation,
        location: &Path,
    ) -> OperationSpan {
        let bucket = policy.s3_bucket.as_deref();
        let key = Some(location.as_ref()).filter(|key| !key.is_empty());
        let (s3_key, other_key) = match bucket {
            Some(_) => (key, None),
            None => (None, key),
        };
        OperationSpan::new(info_span!(
            target: "undaunted::span",
            "operation",
            otel.name = operation.as_str(),
            otel.kind = "internal",
            otel.status_code = Empty,
            error.type = Empty,
            aws.s3.bucket = bucket,
            aws.s3.key = s3_key,
            undaunted.location = other_key,
            undaunted.attempts = Empty,
            undaunted.bytes_sent = Empty,
            undaunted.bytes_received = Empty,
            undaunted.outcome = Empty,
            undaunted.stop_reason = Empty,
        ))
    }
}

#[cfg(not(feature = "spans"))]
mod spans {
    use tracing::Span;

    use super::Traced;

    pub(super) const fn of_resolution(_: &Traced) -> Span {
        Span::none()
    }

    pub(super) const fn succeeded(_: &Traced) {}

    pub(super) const fn found_to_have_succeeded(_: &Traced) {}

    pub(super) const fn are_on() -> bool {
        false
    }

    pub(super) const fn current_attempt() -> Option<Span> {
        None
    }
}

/// The headers by which S3, Google and Azure name a request.
const REQUEST_IDS: [&str; 3] = [
    "x-amz-request-id",
    "x-guploader-uploadid",
    "x-ms-request-id",
];
