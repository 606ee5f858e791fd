//! The store: one of 0.14 with retries, shown as one of 0.13.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store013::path::Path;
use object_store013::{ObjectStore, Result};
use object_store014::ObjectStore as ObjectStore014;
use undaunted::{Hedger, Pacer, RetryBudget, RetryConfig};

use crate::builder::RetryStoreBuilder;
use crate::capabilities::Capabilities;
use crate::convert::{to_013, to_014};
use crate::pin::ObjectPin;
use crate::shown::As013;
use crate::v014::{self, Operation};

/// A store whose operations are retried, of object_store 0.13.
///
/// It does what [`undaunted_object_store::RetryStore`] does, and has the same methods.
///
/// ```
/// use object_store013::memory::InMemory;
/// use object_store013::{ObjectStoreExt, path::Path};
/// use undaunted::RetryConfig;
/// use undaunted_object_store_013::RetryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> object_store013::Result<()> {
/// let store = RetryStore::new(InMemory::new(), RetryConfig::storage());
/// let key = Path::from("avatars/1.jpg");
/// store.put(&key, "image".into()).await?;
/// assert_eq!(store.get(&key).await?.bytes().await?, "image");
/// # Ok(())
/// # }
/// ```
pub struct RetryStore<S> {
    store: v014::RetryStore<Arc<dyn ObjectStore014>>,
    inner: Arc<S>,
    capabilities: Capabilities,
}

impl<S: ObjectStore> RetryStore<S> {
    /// Retries the operations of `inner` under this policy, with a budget and a pacer of its own.
    ///
    /// # A store of 0.13 that talks HTTP
    ///
    /// Use [`open`](crate::open) wherever it can open the store: it opens a store of 0.14 whose
    /// responses are readable for the retries. A client of object_store 0.13 keeps the status of a
    /// failed request to itself, so a 503 that outlasts its own retries is permanent here. Connections
    /// that fail are retried, and that needs the feature `cloud`: without it, the errors of the client
    /// are of unknown types, and those that no [`std::io::Error`] is behind are permanent.
    pub fn new(inner: S, config: RetryConfig) -> Self {
        Self::builder(inner).config(config).build()
    }

    /// Sets policies, budget, pacers and capabilities.
    pub fn builder(inner: S) -> RetryStoreBuilder<S> {
        RetryStoreBuilder::new(inner)
    }

    /// The store inside, whose operations are not retried.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The budget that all operations of this store share, if it was not switched off.
    #[must_use]
    pub fn budget(&self) -> Option<&Arc<RetryBudget>> {
        self.store.budget()
    }

    /// The pacer at which attempts of this operation wait for their turns once the service
    /// throttles, if it was not switched off.
    #[must_use]
    pub fn pacer(&self, operation: Operation) -> Option<&Pacer> {
        self.store.pacer(operation)
    }

    /// What decides which reads are sent a second time, and counts them; see
    /// [`undaunted_object_store::RetryStoreBuilder::hedge`].
    #[must_use]
    pub fn hedger(&self) -> Option<&Arc<Hedger>> {
        self.store.hedger()
    }

    /// What the store can do beyond the trait.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Reads these bytes of the object that `pin` stands for: all of them, or an error. See
    /// [`undaunted_object_store::RetryStore::read_range`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_range(
        &self,
        location: &Path,
        range: Range<u64>,
        pin: &ObjectPin,
    ) -> Result<Bytes> {
        let location = to_014::path(location);
        let read = self.store.read_range(&location, range, pin.as_014()).await;
        read.map_err(to_013::error)
    }

    /// [`read_range`](Self::read_range) into memory of the caller's, whose content it replaces.
    ///
    /// # Errors
    ///
    /// As for [`read_range`](Self::read_range).
    pub async fn read_range_into(
        &self,
        location: &Path,
        range: Range<u64>,
        pin: &ObjectPin,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let location = to_014::path(location);
        let pin = pin.as_014();
        let read = self.store.read_range_into(&location, range, pin, buffer);
        read.await.map_err(to_013::error)
    }
}

impl<S> RetryStore<S> {
    pub(crate) fn of(
        store: v014::RetryStore<Arc<dyn ObjectStore014>>,
        inner: Arc<S>,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            store,
            inner,
            capabilities,
        }
    }

    /// The store of 0.14 that does the work, for other code of the same program. It shares budget
    /// and pacer with this one.
    #[must_use]
    pub fn as_014(&self) -> &v014::RetryStore<Arc<dyn ObjectStore014>> {
        &self.store
    }

    pub(crate) fn other(&self) -> &v014::RetryStore<Arc<dyn ObjectStore014>> {
        self.as_014()
    }
}

/// Shows a store of 0.14 as one of 0.13. They share budget and pacer.
impl From<v014::RetryStore<Arc<dyn ObjectStore014>>> for RetryStore<Arc<dyn ObjectStore>> {
    fn from(store: v014::RetryStore<Arc<dyn ObjectStore014>>) -> Self {
        let inner: Arc<dyn ObjectStore> = Arc::new(As013(Arc::clone(store.inner())));
        let capabilities = store.capabilities().clone().into();
        Self::of(store, Arc::new(inner), capabilities)
    }
}

impl<S> Clone for RetryStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            inner: Arc::clone(&self.inner),
            capabilities: self.capabilities.clone(),
        }
    }
}

impl<S> fmt::Debug for RetryStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}

impl<S> fmt::Display for RetryStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.store, f)
    }
}
