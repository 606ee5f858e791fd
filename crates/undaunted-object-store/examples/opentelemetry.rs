//! A trace of an upload and a download through faults, by OpenTelemetry: one span for the operation, and
//! one in it for each attempt.
//!
//! ```sh
//! cargo run -p undaunted-object-store --example opentelemetry --features aws,spans
//! ```
//!
//! Here the spans are kept in memory and printed. In a program the provider has an exporter, such as
//! that of `opentelemetry-otlp`; nothing else changes.

use std::error::Error;

use object_store::{ObjectStoreExt, PutPayload};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use undaunted::{Jitter, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
use undaunted_object_store::open_with;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let spans = traced_upload_and_download().await?;
    if let Some(root) = spans.iter().find(|span| span.name == "request") {
        print(&spans, root, 0);
    }
    Ok(())
}

/// Writes and reads an object while the service fails, as a part of a request whose trace began
/// elsewhere, and returns all spans.
pub(crate) async fn traced_upload_and_download() -> Result<Vec<SpanData>, Box<dyn Error>> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("example"));
    // The server, which is in this process too, has spans of its own.
    let ours = Targets::new()
        .with_target("undaunted", LevelFilter::INFO)
        .with_target(module_path!(), LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(ours));
    tracing::subscriber::set_global_default(subscriber)?;

    let busy = Failure::status(503);
    let broken = Fault::BreakBody {
        at: 300_000,
        failure: Failure::Reset,
    };
    let plan = FaultPlan::scripted([
        Rule::new(Operation::Put, Fault::FailBefore(busy)).count(1),
        Rule::new(Operation::Get, broken).count(1),
    ]);
    let server = S3Server::builder()
        .bucket("data")
        .plan(plan)
        .start()
        .await?;
    let config = RetryConfig::storage()
        .to_builder()
        .jitter(Jitter::None)
        .build()?;
    let (store, path) = open_with(
        "s3://data/reports/2026.bin",
        server.object_store_options(),
        config,
    )?;

    // What a framework does with the `traceparent` of a request that it serves.
    let request = tracing::info_span!("request");
    request.set_parent(Context::new().with_remote_span_context(caller()))?;
    async {
        let megabyte = PutPayload::from(vec![7; 1_000_000]);
        store.put(&path, megabyte).await?;
        // The bytes are read after the call has returned.
        store.get(&path).await?.bytes().await
    }
    .instrument(request)
    .await?;

    provider.force_flush()?;
    Ok(exporter.get_finished_spans()?)
}

/// The span of whoever sent the request.
pub(crate) fn caller() -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([9; 8]),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// An attribute of a span.
#[allow(dead_code, reason = "the test of this example asks for it")]
pub(crate) fn attribute<'s>(span: &'s SpanData, name: &str) -> Option<&'s Value> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == name)?;
    Some(&found.value)
}

fn print(spans: &[SpanData], span: &SpanData, depth: usize) {
    println!("{:1$}{2}", "", 2 * depth, span.name);
    for attribute in &span.attributes {
        let name = attribute.key.as_str();
        // Where the span was made in the code.
        if !name.starts_with("code.") && !name.starts_with("thread.") && name != "target" {
            println!("{:1$}{name}: {2}", "", 2 * depth + 4, attribute.value);
        }
    }
    let id = span.span_context.span_id();
    for child in spans.iter().filter(|child| child.parent_span_id == id) {
        print(spans, child, depth + 1);
    }
}
