//! What can be set for a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store013::ObjectStore;
use object_store014::ObjectStore as ObjectStore014;
use undaunted::{Hedge, Pacer, RetryBudget, RetryConfig, Rules};

use crate::capabilities::Capabilities;
use crate::shown::As014;
use crate::store::RetryStore;
use crate::v014::{self, SkippedKey, StoreEvent};

/// Builds a [`RetryStore`]. Its methods are those of
/// [`undaunted_object_store::RetryStoreBuilder`], which say what they do.
///
/// ```
/// use object_store013::memory::InMemory;
/// use undaunted::RetryConfig;
/// use undaunted_object_store_013::RetryStore;
///
/// let store = RetryStore::builder(InMemory::new())
///     .config(RetryConfig::storage())
///     .list_config(RetryConfig::interactive())
///     .on_event(|event| eprintln!("{} {}: {}", event.operation, event.location, event.event))
///     .build();
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RetryStoreBuilder<S> {
    builder: v014::RetryStoreBuilder<Arc<dyn ObjectStore014>>,
    inner: Arc<S>,
    capabilities: Capabilities,
}

impl<S: ObjectStore> RetryStoreBuilder<S> {
    pub(crate) fn new(inner: S) -> Self {
        let inner = Arc::new(inner);
        let shown: Arc<dyn ObjectStore014> = Arc::new(As014(Arc::clone(&inner)));
        Self {
            builder: v014::RetryStore::builder(shown),
            inner,
            capabilities: Capabilities::none(),
        }
    }

    /// What the store can do beyond the trait. Default: nothing.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.builder = self.builder.capabilities(capabilities.as_014().clone());
        self.capabilities = capabilities;
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> RetryStore<S> {
        RetryStore::of(self.builder.build(), self.inner, self.capabilities)
    }
}

/// Setters that are the same in both versions.
macro_rules! forwarded {
    ($($name:ident($($argument:ident: $type:ty),*);)+) => {
        impl<S: ObjectStore> RetryStoreBuilder<S> {
            $(
                #[doc = concat!(
                    "See [`", stringify!($name), "`](v014::RetryStoreBuilder::",
                    stringify!($name), ") of undaunted-object-store."
                )]
                pub fn $name(mut self $(, $argument: $type)*) -> Self {
                    self.builder = self.builder.$name($($argument),*);
                    self
                }
            )+
        }
    };
}

forwarded! {
    config(config: RetryConfig);
    read_config(config: RetryConfig);
    write_config(config: RetryConfig);
    list_config(config: RetryConfig);
    delete_config(config: RetryConfig);
    classify(rules: Rules);
    budget(budget: Arc<RetryBudget>);
    without_budget();
    pacer(pacer: Arc<Pacer>);
    read_pacer(pacer: Arc<Pacer>);
    write_pacer(pacer: Arc<Pacer>);
    list_pacer(pacer: Arc<Pacer>);
    delete_pacer(pacer: Arc<Pacer>);
    without_pacer();
    max_in_flight(max_in_flight: usize);
    without_put_token();
    resolve_by_content();
    stall_timeout(stall_timeout: Duration);
    hedge(hedge: Hedge);
    verify_reads();
    without_checksums();
    on_event(on_event: impl Fn(&StoreEvent<'_>) + Send + Sync + 'static);
    on_skipped_key(on_skipped_key: impl Fn(&SkippedKey) + Send + Sync + 'static);
}

impl<S: ObjectStore> fmt::Debug for RetryStoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.builder.fmt(f)
    }
}
