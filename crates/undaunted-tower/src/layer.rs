//! The layer, and the settings that all its services share.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;
use undaunted::{Event, Pacer, RetryBudget, RetryConfig};

use crate::http_protocol::HttpProtocol;
use crate::service::Retry;

/// Makes services retry.
///
/// All services that it makes, and their clones, share one budget: see
/// [`budget`](Self::budget).
///
/// ```
/// use std::sync::Arc;
/// use undaunted::{Pacer, RetryConfig};
/// use undaunted_tower::{HttpProtocol, RetryLayer};
///
/// let layer = RetryLayer::new(RetryConfig::storage())
///     .name("search")
///     .pacer(Arc::new(Pacer::new()))
///     .on_event(|event| println!("{event}"))
///     .protocol(HttpProtocol::new().retry_non_idempotent());
/// ```
#[derive(Clone)]
pub struct RetryLayer<R = HttpProtocol> {
    settings: Arc<Settings>,
    protocol: R,
}

/// What all calls of a layer share.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: RetryConfig,
    pub(crate) name: Cow<'static, str>,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) pacer: Option<Arc<Pacer>>,
    pub(crate) listener: Option<Listener>,
    pub(crate) has_reports: bool,
}

type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl RetryLayer {
    /// Retries by this policy and the protocol HTTP.
    #[must_use]
    pub fn new(config: RetryConfig) -> Self {
        Self {
            settings: Arc::new(Settings {
                config,
                name: Cow::Borrowed("request"),
                budget: Some(Arc::new(RetryBudget::new())),
                pacer: None,
                listener: None,
                has_reports: false,
            }),
            protocol: HttpProtocol::new(),
        }
    }
}

impl<R> RetryLayer<R> {
    /// What is known of requests, responses and errors. Default: [`HttpProtocol::new`].
    #[must_use]
    pub fn protocol<S>(self, protocol: S) -> RetryLayer<S> {
        RetryLayer {
            settings: self.settings,
            protocol,
        }
    }

    /// The name of requests in logs and events. Default: `request`.
    #[must_use]
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(|settings| settings.name = name.into())
    }

    /// The budget that retries are paid from, to share it with others. Default: one of the layer's
    /// own.
    #[must_use]
    pub fn budget(self, budget: Arc<RetryBudget>) -> Self {
        self.with(|settings| settings.budget = Some(budget))
    }

    /// Retries as often as the policy says, even while everything fails.
    #[must_use]
    pub fn without_budget(self) -> Self {
        self.with(|settings| settings.budget = None)
    }

    /// The pacer at which all attempts wait for their turns once the service throttles: for
    /// services behind which there is one host. Default: none.
    #[must_use]
    pub fn pacer(self, pacer: Arc<Pacer>) -> Self {
        self.with(|settings| settings.pacer = Some(pacer))
    }

    /// A function that is called with each event: once per retry, before its wait, and once at
    /// the end. Default: none.
    #[must_use]
    pub fn on_event(self, on_event: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.listener = Some(Arc::new(on_event)))
    }

    /// Puts a [`RetryReport`](undaunted::RetryReport) into the extensions of each response: what
    /// was done for it. Default: no.
    #[must_use]
    pub fn with_reports(self) -> Self {
        self.with(|settings| settings.has_reports = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S, R: Clone> Layer<S> for RetryLayer<R> {
    type Service = Retry<S, R>;

    fn layer(&self, service: S) -> Self::Service {
        Retry::new(service, self.settings.clone(), self.protocol.clone())
    }
}

impl<R: fmt::Debug> fmt::Debug for RetryLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer")
            .field("config", &self.settings.config)
            .field("name", &self.settings.name)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
