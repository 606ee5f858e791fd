//! The spans of a store of object_store 0.13 are those of the store behind it, and of nothing else.
#![cfg(all(feature = "aws", feature = "spans"))]
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use object_store013::{ObjectStore, ObjectStoreExt, PutMode};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use undaunted::{Jitter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store_013::open_with;

/// A span: its parent's name, its own, and what is known of it.
#[derive(Clone, Debug, Default)]
struct Seen {
    parent: &'static str,
    name: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}").trim_matches('"').to_owned();
        self.fields.push((field.name(), value));
    }
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Keeps the spans in the order in which they end.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<Seen>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut seen = Seen {
            parent: span.parent().map_or("", |parent| parent.name()),
            name: span.name(),
            fields: Vec::new(),
        };
        attributes.record(&mut seen);
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Seen>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if span.metadata().target() == "undaunted::span" {
            let seen = span.extensions_mut().remove::<Seen>();
            self.0.lock().unwrap().push(seen.unwrap());
        }
    }
}

#[tokio::test]
async fn an_operation_has_one_span_and_one_for_each_attempt() {
    let broken = Fault::BreakBody {
        at: 1000,
        failure: Failure::Reset,
    };
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::FailAfter(Failure::status(500))).count(1),
        Rule::new(Operation::Get, broken).count(1),
    ]);
    let server = S3Server::builder().bucket("data").plan(plan).start();
    let server = server.await.unwrap();
    let quick = RetryConfig::storage().to_builder().jitter(Jitter::None);
    let options = server.object_store_options();
    let opened = open_with("s3://data/a.bin", options, quick.build().unwrap());
    let (store, path) = opened.unwrap();

    let capture = Capture::default();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let content = vec![7; 100_000];
    let create = PutMode::Create.into();
    let put = store.put_opts(&path, content.clone().into(), create);
    put.await.unwrap();
    let read = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, content);

    let spans = capture.0.lock().unwrap();
    let operations = spans.iter().filter(|span| span.name == "operation");
    let operations: Vec<_> = operations
        .map(|span| {
            assert_eq!(span.field("aws.s3.key"), "a.bin");
            assert_eq!(span.field("undaunted.outcome"), "succeeded");
            (
                span.parent,
                span.field("otel.name"),
                span.field("undaunted.attempts"),
            )
        })
        .collect();
    // What became of the write is asked by an operation of its own, within the look.
    let expected = [("resolve", "get", "1"), ("", "put", "2"), ("", "get", "2")];
    assert_eq!(operations, expected);
    let statuses = spans.iter().filter(|span| span.name == "attempt");
    let statuses: Vec<_> = statuses
        .map(|span| {
            assert_eq!(span.parent, "operation");
            assert_eq!(span.field("server.address"), "127.0.0.1");
            span.field("http.response.status_code").to_owned()
        })
        .collect();
    let mut sorted = statuses.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["200", "200", "206", "412", "500"], "{statuses:?}");
}
