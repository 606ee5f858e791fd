//! A store before the retries.

use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use undaunted::RetryConfig;

use crate::builder::RetryStoreBuilder;
use crate::capabilities::Capabilities;
use crate::store::RetryStore;

/// A store without retries around it, and what it can do: the first half of
/// [`open`](crate::open).
///
/// For those who want something between the store and its retries: a cache, a limit on
/// concurrency, injected faults.
#[derive(Clone)]
#[non_exhaustive]
pub struct Backend {
    /// The store, its own retries off.
    pub store: Arc<dyn ObjectStore>,
    /// What it can do beyond the trait.
    pub capabilities: Capabilities,
}

impl Backend {
    /// A store and what it can do.
    pub fn new(store: Arc<dyn ObjectStore>, capabilities: Capabilities) -> Self {
        Self {
            store,
            capabilities,
        }
    }

    /// Puts something around the store, and around each of the other ways into it that it has:
    /// parts by number and lists by page would pass it by otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use undaunted::RetryConfig;
    /// use undaunted_chaos::{ChaosSpec, FaultyPages, FaultyParts, FaultyStore};
    /// use undaunted_object_store::Backend;
    ///
    /// let (backend, path) = Backend::open("memory:///reports")?;
    /// let plan = "flaky".parse::<ChaosSpec>().expect("a profile").plan();
    /// let faulty = backend.wrapped(
    ///     |store| Arc::new(FaultyStore::new(store, plan.clone())),
    ///     |parts| Arc::new(FaultyParts::shared(parts, plan.clone())),
    ///     |pages| Arc::new(FaultyPages::shared(pages, plan.clone())),
    /// );
    /// let store = faulty.with_retries(RetryConfig::storage());
    /// # Ok::<(), undaunted_object_store::OpenError>(())
    /// ```
    #[must_use]
    pub fn wrapped(
        mut self,
        store: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
        parts: impl FnOnce(Arc<dyn MultipartStore>) -> Arc<dyn MultipartStore>,
        pages: impl FnOnce(Arc<dyn PaginatedListStore>) -> Arc<dyn PaginatedListStore>,
    ) -> Self {
        self.store = store(self.store);
        self.capabilities.parts = self.capabilities.parts.map(parts);
        self.capabilities.pages = self.capabilities.pages.map(pages);
        self
    }

    /// The store with retries around it.
    #[must_use]
    pub fn with_retries(self, config: RetryConfig) -> RetryStore<Arc<dyn ObjectStore>> {
        self.builder().config(config).build()
    }

    /// [`with_retries`](Self::with_retries) and more than a policy: a budget that is shared with other
    /// stores or none, pacers, a listener.
    ///
    /// ```
    /// use undaunted::RetryConfig;
    /// use undaunted_object_store::Backend;
    ///
    /// let (backend, path) = Backend::open("memory:///reports")?;
    /// let store = backend
    ///     .builder()
    ///     .config(RetryConfig::storage())
    ///     .without_budget()
    ///     .build();
    /// # Ok::<(), undaunted_object_store::OpenError>(())
    /// ```
    pub fn builder(self) -> RetryStoreBuilder<Arc<dyn ObjectStore>> {
        RetryStore::builder(self.store).capabilities(self.capabilities)
    }
}

/// The store by its `Display`: the `Debug` of some stores prints their credentials.
impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("store", &format_args!("{}", self.store))
            .field("capabilities", &self.capabilities)
            .finish()
    }
}
