//! The spans that a test makes, as OpenTelemetry gets them.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// Keeps the spans of this thread until the guard is dropped.
pub(crate) fn traced() -> (InMemorySpanExporter, DefaultGuard) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder();
    let provider = provider.with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let ours = Targets::new().with_target("undaunted::span", LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(ours));
    (exporter, tracing::subscriber::set_default(subscriber))
}
