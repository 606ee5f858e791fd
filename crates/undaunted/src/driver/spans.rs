//! Spans through `tracing`, target `undaunted::span`, where the feature `spans` is on: one for the
//! operation, and one in it for each attempt. The names of the fields are OpenTelemetry's where it has
//! one; they are listed in [`crate::guide::monitoring`].

#[cfg(feature = "spans")]
pub use enabled::OperationSpan;
#[cfg(feature = "spans")]
pub(super) use enabled::{Spans, Within, is_on};
#[cfg(feature = "spans")]
mod enabled {
    use std::fmt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
    use std::time::Duration;

    use tracing::dispatcher::with_default;
    use tracing::field::{Empty, display};
    use tracing::level_filters::LevelFilter;
    use tracing::span::Entered;
    use tracing::{Span, info_span};

    use crate::event::{AttemptOutcome, Event};
    use crate::state::StopReason;
    use crate::verdict::Verdict;

    /// The span of an operation, in which the spans of its attempts are.
    ///
    /// Every retried call makes one by itself. A [`Session`](crate::Session) may be given one that is
    /// made by its caller, with fields of its own, and several sessions may share one: their attempts
    /// are numbered through. The span ends when the last clone of this is dropped; `undaunted.attempts`
    /// and `undaunted.outcome` are recorded then.
    ///
    /// ```
    /// use tracing::field::Empty;
    /// use undaunted::{OperationSpan, RetryConfig, Session};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let span = tracing::info_span!(
    ///     "operation",
    ///     otel.name = "send",
    ///     server.address = "queue.example.com",
    ///     otel.status_code = Empty,
    ///     error.type = Empty,
    ///     undaunted.attempts = Empty,
    ///     undaunted.outcome = Empty,
    ///     undaunted.stop_reason = Empty,
    /// );
    /// let span = OperationSpan::new(span);
    /// let config = RetryConfig::default();
    /// let mut session = Session::new(&config).name("send").span(&span);
    /// session.attempt(async { Ok::<_, std::io::Error>(()) }).await
    /// # }
    /// ```
    #[derive(Clone, Debug)]
    pub struct OperationSpan(Arc<Operation>);

    #[derive(Debug)]
    struct Operation {
        span: Span,
        attempts: AtomicU32,
        /// An [`Outcome`].
        outcome: AtomicU8,
    }

    /// What became of an operation or an attempt.
    #[derive(Clone, Copy, Debug)]
    enum Outcome {
        /// Nothing yet; one that is dropped now was cancelled by its caller.
        Open,
        Succeeded,
        Failed,
    }

    impl Outcome {
        const fn of(number: u8) -> Self {
            match number {
                SUCCEEDED => Self::Succeeded,
                FAILED => Self::Failed,
                _ => Self::Open,
            }
        }

        const fn as_str(self) -> &'static str {
            match self {
                Self::Open => "cancelled",
                Self::Succeeded => "succeeded",
                Self::Failed => "failed",
            }
        }
    }

    const SUCCEEDED: u8 = Outcome::Succeeded as u8;
    const FAILED: u8 = Outcome::Failed as u8;

    impl OperationSpan {
        /// The span of an operation.
        #[must_use]
        pub fn new(span: Span) -> Self {
            Self(Arc::new(Operation {
                span,
                attempts: AtomicU32::new(0),
                outcome: AtomicU8::new(Outcome::Open as u8),
            }))
        }

        /// The span itself.
        #[must_use]
        pub fn span(&self) -> &Span {
            &self.0.span
        }

        /// The operation has succeeded, unless a part of it fails later. A [`Session`](crate::Session)
        /// that is the whole of it says so by itself.
        #[doc(hidden)]
        pub fn succeeded(&self) {
            self.0.outcome.fetch_max(SUCCEEDED, Ordering::Relaxed);
        }

        /// The operation was found to have succeeded, although its last attempt failed.
        #[doc(hidden)]
        pub fn found_to_have_succeeded(&self) {
            self.0.outcome.store(SUCCEEDED, Ordering::Relaxed);
            self.span().record("otel.status_code", "OK");
        }

        /// The span of the attempt that this code is a part of. It has fields for what is known of HTTP:
        /// `http.request.method`, `http.response.status_code`, `http.request.body.size`,
        /// `http.response.body.size`, `server.address`, `server.port`, `aws.request_id` and
        /// `undaunted.time_to_first_byte_ms`; and `undaunted.in_flight_ms` for a wait of the caller's own
        /// until it might be sent.
        ///
        /// `None` outside of an attempt, in a span within it, and where nobody listens.
        #[must_use]
        pub fn current_attempt() -> Option<Span> {
            let current = Span::current();
            let is_attempt = current
                .metadata()
                .is_some_and(|span| span.target() == TARGET && span.name() == ATTEMPT);
            is_attempt.then_some(current)
        }

        fn of_call(name: &str, subject: Option<&dyn fmt::Display>) -> Self {
            let subject = subject.map(display);
            Self::new(info_span!(
                target: TARGET,
                "operation",
                otel.name = name,
                otel.kind = "internal",
                otel.status_code = Empty,
                error.type = Empty,
                undaunted.subject = subject,
                undaunted.attempts = Empty,
                undaunted.outcome = Empty,
                undaunted.stop_reason = Empty,
            ))
        }

        fn next_attempt(&self, begin: Begin) -> Span {
            // Signed, as OpenTelemetry's numbers are: others become text.
            let retries = i64::from(self.0.attempts.fetch_add(1, Ordering::Relaxed));
            let attempt = || {
                info_span!(
                    target: TARGET,
                    parent: &self.0.span,
                    ATTEMPT,
                    otel.kind = "client",
                    otel.status_code = Empty,
                    error.type = Empty,
                    http.request.method = Empty,
                    http.request.resend_count = (retries > 0).then_some(retries),
                    http.request.body.size = Empty,
                    http.response.status_code = Empty,
                    http.response.body.size = Empty,
                    server.address = Empty,
                    server.port = Empty,
                    aws.request_id = Empty,
                    undaunted.attempt = retries + 1,
                    undaunted.delay_ms = millis(begin.delay),
                    undaunted.queue_ms = millis(begin.queued),
                    undaunted.in_flight_ms = Empty,
                    undaunted.time_to_first_byte_ms = Empty,
                    undaunted.outcome = Empty,
                    undaunted.verdict = Empty,
                )
            };
            // With the subscriber that has the operation's span: one that was set since does not know it,
            // and would panic. Where nobody has that, nobody gets a part of it either.
            let span = &self.0.span;
            let within = span.with_subscriber(|(_, subscriber)| with_default(subscriber, attempt));
            within.unwrap_or_else(Span::none)
        }
    }

    impl Drop for Operation {
        fn drop(&mut self) {
            let attempts = i64::from(*self.attempts.get_mut());
            self.span.record("undaunted.attempts", attempts);
            let outcome = Outcome::of(*self.outcome.get_mut());
            self.span.record("undaunted.outcome", outcome.as_str());
        }
    }

    /// What an attempt waited for before it began.
    #[derive(Clone, Copy, Debug, Default)]
    struct Begin {
        delay: Duration,
        queued: Duration,
    }

    /// The spans of one call, none where nobody listens.
    #[derive(Debug, Default)]
    pub(in crate::driver) struct Spans(Option<OfCall>);

    #[derive(Debug)]
    struct OfCall {
        operation: OperationSpan,
        attempt: Span,
        begin: Begin,
    }

    /// Code that runs within a span.
    pub(in crate::driver) type Within<'s> = Entered<'s>;

    impl Spans {
        /// The call begins.
        pub(in crate::driver) fn of_call(name: &str, subject: Option<&dyn fmt::Display>) -> Self {
            Self::of(OperationSpan::of_call(name, subject))
        }

        /// The call is a part of an operation whose span is there.
        pub(in crate::driver) fn of(operation: OperationSpan) -> Self {
            Self(Some(OfCall {
                operation,
                attempt: Span::none(),
                begin: Begin::default(),
            }))
        }

        pub(in crate::driver) const fn are_there(&self) -> bool {
            self.0.is_some()
        }

        /// The call has succeeded, and its operation has, if that is all of it.
        pub(in crate::driver) fn succeeded(&mut self, is_whole: bool) {
            if let Some(mut spans) = self.0.take() {
                if is_whole {
                    spans.operation.succeeded();
                }
                spans.end_attempt(Outcome::Succeeded);
            }
        }

        /// An attempt begins, after it waited so long for its turn.
        pub(in crate::driver) fn begin_attempt(&mut self, queued: Duration) {
            if let Some(spans) = &mut self.0 {
                spans.begin.queued = queued;
                let begin = std::mem::take(&mut spans.begin);
                spans.attempt = spans.operation.next_attempt(begin);
            }
        }

        /// Enters the span of the attempt, or that of the operation where there is none.
        pub(in crate::driver) fn enter(&self) -> Option<Within<'_>> {
            let spans = self.0.as_ref()?;
            Some(if spans.attempt.is_none() {
                spans.operation.span().enter()
            } else {
                spans.attempt.enter()
            })
        }

        /// The attempt has ended: so does its span, after everybody has heard of it.
        pub(in crate::driver) fn end_attempt(&mut self, event: &Event<'_>, error_type: &str) {
            let (verdict, stopped) = match event.outcome {
                AttemptOutcome::Retrying { delay, verdict, .. } => {
                    if let Some(spans) = &mut self.0 {
                        spans.begin.delay = delay;
                    }
                    (verdict, None)
                }
                AttemptOutcome::Stopped {
                    reason, verdict, ..
                } => (verdict, Some(reason)),
                AttemptOutcome::Succeeded => return,
            };
            self.attempt_failed(verdict, error_type);
            if let (Some(spans), Some(reason)) = (&self.0, stopped) {
                spans.stopped(reason, error_type);
            }
        }

        /// The attempt has failed, whatever follows from it. One whose span has ended stays as it is.
        pub(in crate::driver) fn attempt_failed(&mut self, verdict: Verdict, error_type: &str) {
            if let Some(spans) = &mut self.0 {
                spans.attempt.record("otel.status_code", "ERROR");
                spans.attempt.record("error.type", error_type);
                spans.attempt.record("undaunted.verdict", verdict.as_str());
                spans.end_attempt(Outcome::Failed);
            }
        }
    }

    impl OfCall {
        fn end_attempt(&mut self, outcome: Outcome) {
            let attempt = std::mem::replace(&mut self.attempt, Span::none());
            attempt.record("undaunted.outcome", outcome.as_str());
        }

        fn stopped(&self, reason: StopReason, error_type: &str) {
            self.operation.0.outcome.store(FAILED, Ordering::Relaxed);
            let span = self.operation.span();
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error_type);
            span.record("undaunted.stop_reason", reason.as_str());
        }
    }

    /// An attempt that is dropped while it runs was cancelled.
    impl Drop for OfCall {
        fn drop(&mut self) {
            self.end_attempt(Outcome::Open);
        }
    }

    /// Whether there is a subscriber that wants spans.
    #[inline]
    pub(in crate::driver) fn is_on() -> bool {
        LevelFilter::current() >= LevelFilter::INFO
    }

    fn millis(duration: Duration) -> f64 {
        duration.as_secs_f64() * 1e3
    }

    const TARGET: &str = "undaunted::span";
    const ATTEMPT: &str = "attempt";
}

#[cfg(not(feature = "spans"))]
pub(super) use disabled::{Spans, Within, is_on};
#[cfg(not(feature = "spans"))]
#[allow(clippy::unused_self, reason = "as where they are on")]
mod disabled {
    use std::fmt;
    use std::marker::PhantomData;
    use std::time::Duration;

    use crate::event::Event;
    use crate::verdict::Verdict;

    #[derive(Debug, Default)]
    pub(in crate::driver) struct Spans;

    #[derive(Debug)]
    pub(in crate::driver) struct Within<'s>(PhantomData<&'s ()>);

    impl Spans {
        pub(in crate::driver) const fn of_call(_: &str, _: Option<&dyn fmt::Display>) -> Self {
            Self
        }

        pub(in crate::driver) const fn are_there(&self) -> bool {
            false
        }

        pub(in crate::driver) const fn begin_attempt(&mut self, _: Duration) {}

        pub(in crate::driver) const fn enter(&self) -> Option<Within<'_>> {
            None
        }

        pub(in crate::driver) const fn end_attempt(&mut self, _: &Event<'_>, _: &str) {}

        pub(in crate::driver) const fn attempt_failed(&mut self, _: Verdict, _: &str) {}

        pub(in crate::driver) const fn succeeded(&mut self, _: bool) {}
    }

    #[inline]
    pub(in crate::driver) const fn is_on() -> bool {
        false
    }
}
