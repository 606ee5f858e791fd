//! The spans of calls, as a subscriber sees them.
#![cfg(all(feature = "spans", feature = "macros"))]
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use undaunted::{
    HttpFailure, Jitter, OperationSpan, Pacer, RetryConfig, Session, StorageError,
    StorageErrorKind, Verdict, blocking, retry, with_retry, with_retry_mut,
};

/// A span that has ended, or an event in one.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let before = self.fields.insert(field.name(), format!("{value:?}"));
        assert_eq!(before, None, "{} is recorded twice", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Keeps the spans in the order in which they end.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Seen>>>);

impl Capture {
    fn dispatch(&self) -> Dispatch {
        tracing_subscriber::registry().with(self.clone()).into()
    }

    fn spans(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut seen = Seen {
            name: span.name(),
            parent: span.parent().map(|parent| parent.name()),
            ..Seen::default()
        };
        attributes.record(&mut seen);
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Seen>().unwrap());
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut seen = Seen {
            name: "event",
            parent: context.event_span(event).map(|span| span.name()),
            ..Seen::default()
        };
        event.record(&mut seen);
        self.0.lock().unwrap().push(seen);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let seen = context.span(&id).unwrap().extensions_mut().remove::<Seen>();
        self.0.lock().unwrap().push(seen.unwrap());
    }
}

fn config() -> RetryConfig {
    let config = RetryConfig::builder().jitter(Jitter::None);
    config.max_retries(2).build().unwrap()
}

/// What the two attempts of a call look like of which the first fails with `error_type`.
fn assert_retried(seen: &[Seen], name: &str, error_type: &str) {
    let spans: Vec<_> = seen.iter().filter(|seen| seen.name != "event").collect();
    let [failed, succeeded, operation] = &spans[..] else {
        panic!("{seen:#?}");
    };
    for (attempt, number) in [(failed, "1"), (succeeded, "2")] {
        assert_eq!(attempt.name, "attempt");
        assert_eq!(attempt.parent, Some("operation"));
        assert_eq!(attempt.field("undaunted.attempt"), Some(number));
    }
    assert_eq!(failed.field("undaunted.verdict"), Some("transient"));
    assert_eq!(failed.field("error.type"), Some(error_type));
    assert_eq!(failed.field("otel.status_code"), Some("ERROR"));
    assert_eq!(failed.field("http.request.resend_count"), None);
    assert_eq!(failed.field("undaunted.delay_ms"), Some("0.0"));
    assert_eq!(succeeded.field("http.request.resend_count"), Some("1"));
    assert_eq!(succeeded.field("undaunted.delay_ms"), Some("1000.0"));
    assert_eq!(succeeded.field("error.type"), None);
    assert_eq!(failed.field("undaunted.outcome"), Some("failed"));
    assert_eq!(succeeded.field("undaunted.outcome"), Some("succeeded"));
    assert_eq!(operation.field("undaunted.outcome"), Some("succeeded"));
    assert_eq!(operation.name, "operation");
    assert_eq!(operation.field("otel.name"), Some(name));
    assert_eq!(operation.field("otel.status_code"), None);
    assert_eq!(operation.field("undaunted.attempts"), Some("2"));
    // The log line is an event of the attempt that it tells of.
    let warning = seen.iter().find(|seen| seen.name == "event").unwrap();
    assert_eq!(warning.parent, Some("attempt"));
}

#[tokio::test(start_paused = true)]
async fn every_entry_point_has_a_span_for_the_operation_and_one_for_each_attempt() {
    /// Fails once.
    fn outcome(left: &mut u32) -> io::Result<u32> {
        match std::mem::replace(left, 0) {
            0 => Ok(7),
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
    #[retry(jitter = "none")]
    async fn decorated(left: &mut u32) -> io::Result<u32> {
        outcome(left)
    }

    let capture = Capture::default();
    let failures = Mutex::new(1);
    let upload = || async { outcome(&mut failures.lock().unwrap()) };
    let config = config();
    let call = undaunted::Retry::new(upload).config(&config).name("upload");
    call.run()
        .with_subscriber(capture.dispatch())
        .await
        .unwrap();
    assert_retried(&capture.spans(), "upload", "connection_reset");

    let capture = Capture::default();
    let left = &mut 1;
    let call = decorated(left).with_subscriber(capture.dispatch());
    call.await.unwrap();
    assert_retried(&capture.spans(), "decorated", "connection_reset");

    let capture = Capture::default();
    let mut left = 1;
    let own = async move || outcome(&mut left);
    let call = with_retry_mut(own, &config).with_subscriber(capture.dispatch());
    call.await.unwrap();
    assert_eq!(capture.spans().last().unwrap().name, "operation");

    let capture = Capture::default();
    tracing::dispatcher::with_default(&capture.dispatch(), || {
        let mut left = 1;
        blocking::Retry::new(|_| outcome(&mut left))
            .config(&config)
            .name("read")
            .sleep_with(|_| ())
            .run()
            .unwrap();
    });
    assert_retried(&capture.spans(), "read", "connection_reset");
}

#[tokio::test(start_paused = true)]
async fn the_callers_span_is_the_parent_and_what_an_attempt_does_is_in_its_span() {
    let capture = Capture::default();
    let call = async {
        let request = tracing::info_span!("request");
        let upload = || async {
            tokio::task::yield_now().await;
            tracing::info_span!("query").in_scope(|| Ok::<_, io::Error>(()))
        };
        let config = config();
        let call = with_retry(upload, &config);
        tracing::Instrument::instrument(call, request)
            .await
            .unwrap();
    };
    call.with_subscriber(capture.dispatch()).await;
    let spans = capture.spans();
    let parents: Vec<_> = spans.iter().map(|span| (span.name, span.parent)).collect();
    assert_eq!(
        parents,
        [
            ("query", Some("attempt")),
            ("attempt", Some("operation")),
            ("operation", Some("request")),
            ("request", None),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_says_why_and_one_that_is_dropped_ends_its_spans() {
    let capture = Capture::default();
    let refused = || async { Err::<(), _>(HttpFailure::new(403).with_code("AccessDenied")) };
    let config = config();
    let call = with_retry(refused, &config).with_subscriber(capture.dispatch());
    call.await.unwrap_err();
    let spans = capture.spans();
    let operation = spans.last().unwrap();
    assert_eq!(operation.field("otel.status_code"), Some("ERROR"));
    assert_eq!(operation.field("error.type"), Some("AccessDenied"));
    assert_eq!(operation.field("undaunted.stop_reason"), Some("permanent"));
    let outcomes = |capture: &Capture| {
        let spans = capture.spans().into_iter();
        let spans = spans.filter(|span| span.name != "event");
        let outcomes = spans.map(|span| (span.name, span.fields["undaunted.outcome"].clone()));
        outcomes.collect::<Vec<_>>()
    };
    let seen = |seen: &[(&'static str, &str)]| {
        let seen = seen
            .iter()
            .map(|(name, outcome)| (*name, (*outcome).to_owned()));
        seen.collect::<Vec<_>>()
    };
    assert_eq!(
        outcomes(&capture),
        seen(&[("attempt", "failed"), ("operation", "failed")])
    );

    let capture = Capture::default();
    let _guard = tracing::dispatcher::set_default(&capture.dispatch());
    let hanging = || std::future::pending::<io::Result<()>>();
    let limit = Duration::from_secs(1);
    let call = with_retry(hanging, &config);
    tokio::time::timeout(limit, call).await.unwrap_err();
    let cancelled = seen(&[("attempt", "cancelled"), ("operation", "cancelled")]);
    assert_eq!(outcomes(&capture), cancelled);

    // While it waits for its next attempt.
    let capture = Capture::default();
    let _guard = tracing::dispatcher::set_default(&capture.dispatch());
    let reset = || {
        std::future::ready(Err::<(), _>(io::Error::from(
            io::ErrorKind::ConnectionReset,
        )))
    };
    let call = with_retry(reset, &config);
    let limit = Duration::from_millis(500);
    tokio::time::timeout(limit, call).await.unwrap_err();
    let cancelled = seen(&[("attempt", "failed"), ("operation", "cancelled")]);
    assert_eq!(outcomes(&capture), cancelled);

    // A limit of its own that cuts an attempt is a failure of it.
    let capture = Capture::default();
    let _guard = tracing::dispatcher::set_default(&capture.dispatch());
    let limited = RetryConfig::builder()
        .max_retries(0)
        .attempt_timeout(Some(Duration::from_secs(1)));
    let limited = limited.build().unwrap();
    with_retry(hanging, &limited).await.unwrap_err();
    let failed = seen(&[("attempt", "failed"), ("operation", "failed")]);
    assert_eq!(outcomes(&capture), failed);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_finds_its_span_and_other_code_does_not() {
    let there = || OperationSpan::current_attempt().is_some();
    let capture = Capture::default();
    let config = config();
    let within = async {
        assert!(!there());
        let call = with_retry(
            || async {
                assert!(there());
                tracing::info_span!("attempt").in_scope(|| assert!(!there(), "of another crate"));
                tracing::info_span!(target: "undaunted::span", "body")
                    .in_scope(|| assert!(!there()));
                Ok::<_, io::Error>(())
            },
            &config,
        );
        call.await.unwrap();
        assert!(!there());
    };
    within.with_subscriber(capture.dispatch()).await;
    assert!(!there(), "nobody listens");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_is_told_apart_from_the_delay() {
    let capture = Capture::default();
    let throttled = StorageError::new(StorageErrorKind::RateLimited { retry_after: None });
    let outcomes = Mutex::new(vec![Ok(()), Err(throttled)]);
    let pacer = Pacer::new();
    let config = RetryConfig::storage();
    let call =
        undaunted::Retry::new(|| std::future::ready(outcomes.lock().unwrap().pop().unwrap()))
            .config(&config)
            .pacer(&pacer)
            .run();
    call.with_subscriber(capture.dispatch()).await.unwrap();
    let spans = capture.spans();
    let again = spans.iter().rfind(|span| span.name == "attempt").unwrap();
    assert_eq!(again.field("undaunted.attempt"), Some("2"));
    assert_eq!(again.field("undaunted.delay_ms"), Some("0.0"));
    let queued: f64 = again.field("undaunted.queue_ms").unwrap().parse().unwrap();
    assert!(queued > 0.0);
}

/// A program may set its subscriber while calls are under way: that one does not know their spans, and is
/// not asked for them.
#[tokio::test(start_paused = true)]
async fn a_subscriber_that_comes_between_two_attempts_gets_no_part_of_the_call() {
    let capture = Capture::default();
    // It is there, so spans are made, and it is not yet this thread's.
    let dispatch = capture.dispatch();
    let mut came = None;
    let config = RetryConfig::builder().max_retries(2).build().unwrap();
    let upload = async || {
        came.get_or_insert_with(|| tracing::dispatcher::set_default(&dispatch));
        Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut))
    };
    with_retry_mut(upload, &config).await.unwrap_err();
    let names: Vec<_> = capture.spans().iter().map(|span| span.name).collect();
    assert!(!names.contains(&"attempt"), "{names:?}");
    assert!(!names.contains(&"operation"), "{names:?}");
}

/// What a caller does between the end of an attempt and what it makes of it is no part of the attempt.
#[tokio::test(start_paused = true)]
async fn an_attempt_can_end_before_it_is_known_what_follows() {
    for is_over in [false, true] {
        let capture = Capture::default();
        let config = config();
        let call = async {
            let mut session = Session::<io::Error>::new(&config).name("put");
            let lost = async { Err::<(), _>(io::ErrorKind::TimedOut.into()) };
            let error = session.attempt(lost).await.unwrap_err();
            session.attempt_failed(&error, Verdict::Permanent);
            tracing::info!(target: "test", "looking");
            if is_over {
                let failed = session.failed_as(error, Verdict::Permanent).await;
                failed.unwrap_err();
            } else {
                session.succeed();
            }
        };
        call.with_subscriber(capture.dispatch()).await;
        let spans = capture.spans();
        let spans: Vec<_> = spans
            .iter()
            .filter(|seen| {
                let is_ours = seen.name != "event";
                is_ours || seen.field("message") == Some("looking")
            })
            .collect();
        let names: Vec<_> = spans.iter().map(|seen| seen.name).collect();
        assert_eq!(names, ["attempt", "event", "operation"]);
        assert_eq!(spans[0].field("undaunted.outcome"), Some("failed"));
        assert_eq!(spans[0].field("undaunted.verdict"), Some("permanent"));
        assert_eq!(spans[0].field("error.type"), Some("timeout"));
        let outcome = if is_over { "failed" } else { "succeeded" };
        assert_eq!(spans[2].field("undaunted.outcome"), Some(outcome));
        assert_eq!(spans[2].field("undaunted.attempts"), Some("1"));
    }
}
