//! What the spans of attempts say of HTTP.
#![cfg(feature = "spans")]
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use undaunted::{Jitter, RetryConfig};
use undaunted_tower::RetryLayer;

/// Every field of every span, as `name=value`.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<Vec<String>>>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut fields = self.0.lock().unwrap();
        fields.push(format!("{}={value:?}", field.name()));
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Fields {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_method_host_and_status_and_no_query() {
    let fields = Fields::default();
    let subscriber = tracing_subscriber::registry().with(fields.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let requests = Arc::new(AtomicU32::new(0));
    let service = service_fn(move |_: Request<Full<Bytes>>| {
        let status = [503, 200][requests.fetch_add(1, Ordering::Relaxed) as usize];
        let response = Response::builder()
            .status(status)
            .body(Full::<Bytes>::default());
        std::future::ready(Ok::<_, io::Error>(response.unwrap()))
    });
    let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
    let request = Request::get("https://example.com:8443/a?X-Amz-Signature=secret");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let service = RetryLayer::new(config).layer(service);
    service.oneshot(request).await.unwrap();
    let fields = fields.0.lock().unwrap();
    for field in [
        "http.request.method=\"GET\"",
        "http.request.resend_count=1",
        "http.response.status_code=503",
        "http.response.status_code=200",
        "server.address=\"example.com\"",
        "server.port=8443",
        "error.type=\"503\"",
        "undaunted.verdict=\"transient\"",
    ] {
        assert!(
            fields.iter().any(|other| other == field),
            "{field} in {fields:?}"
        );
    }
    assert!(
        !fields.iter().any(|field| field.contains("secret")),
        "{fields:?}"
    );
}
