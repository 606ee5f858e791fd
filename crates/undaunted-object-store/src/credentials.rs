//! The credentials of a store that [`open`](crate::open) builds: fetched within bounds, and
//! fetched anew when the service says that they are stale.
//!
//! object_store caches what it fetched until it expires, and has no way to empty that cache. So
//! credentials that were revoked before their time would sign every request until then. Here the
//! provider is built again, with an empty cache.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use object_store::{CredentialProvider, Error, Result};

use crate::full_text::full_text;
use crate::redact::redacted;

/// No credentials could be had: which sources were asked, why they gave none, and what to set.
///
/// It comes as the source of an [`Error::Generic`] and is permanent: the sources were already
/// asked more than once. Nothing was sent to the store.
///
/// ```
/// use undaunted_object_store::{CredentialError, cause};
///
/// fn is_set_up(error: &object_store::Error) -> bool {
///     cause::<CredentialError>(error).is_none()
/// }
/// ```
// It has no source, so that nobody takes a refused connection to a metadata service for one to
// the store, and repeats the operation.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no credentials for {store}: {asked} gave none ({reason}); {advice}")]
pub struct CredentialError {
    store: &'static str,
    asked: String,
    reason: String,
    advice: &'static str,
}

impl CredentialError {
    /// The source that was asked, such as the metadata service and its address.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Why it gave no credentials.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Where credentials are looked for.
#[derive(Clone, Debug)]
#[allow(dead_code)] // without any cloud
pub(crate) struct Search {
    /// The kind of store.
    pub(crate) store: &'static str,
    /// The source that object_store asks.
    pub(crate) asked: String,
    /// What to set where that has none.
    pub(crate) advice: &'static str,
    /// How long it may take, with all repetitions.
    pub(crate) limit: Duration,
    /// Why it cannot be asked, which object_store would panic at.
    pub(crate) obstacle: Option<String>,
}

impl Search {
    fn failed(&self, reason: &str) -> Error {
        let source = CredentialError {
            store: self.store,
            asked: redacted(&self.asked).into_owned(),
            reason: redacted(reason).into_owned(),
            advice: self.advice,
        };
        Error::Generic {
            store: self.store,
            source: Box::new(source),
        }
    }
}

/// Which credentials of a store are in use, counted from 0.
#[derive(Debug, Default)]
pub(crate) struct Generation(AtomicU64);

impl Generation {
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Has the credentials fetched anew, unless somebody has since `seen` was current: of many
    /// requests that fail with the same credentials, one renews them.
    pub(crate) fn renew(&self, seen: u64) {
        let next = seen.wrapping_add(1);
        // Who loses the race has nothing to do.
        let _ = self
            .0
            .compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire);
    }
}

type Provider<C> = Arc<dyn CredentialProvider<Credential = C>>;

/// How a provider is built, and whether what it gives can be used: object_store panics at a
/// credential that cannot go into a header.
pub(crate) struct Source<C> {
    pub(crate) build: Box<dyn Fn() -> Result<Provider<C>> + Send + Sync>,
    pub(crate) is_usable: fn(&C) -> bool,
}

/// A provider that is built again for each [`Generation`].
#[allow(dead_code)] // without any cloud
pub(crate) struct Renewable<C> {
    source: Source<C>,
    current: RwLock<(u64, Provider<C>)>,
    generation: Arc<Generation>,
    search: Search,
}

#[allow(dead_code)] // without any cloud
impl<C> Renewable<C> {
    pub(crate) fn new(
        first: Provider<C>,
        source: Source<C>,
        generation: Arc<Generation>,
        search: Search,
    ) -> Self {
        Self {
            source,
            current: RwLock::new((generation.current(), first)),
            generation,
            search,
        }
    }

    /// The provider of the current generation.
    fn provider(&self) -> Provider<C> {
        let wanted = self.generation.current();
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.0 == wanted {
                return Arc::clone(&current.1);
            }
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 != wanted {
            // Its settings made a provider before; should they not now, the old one stays.
            if let Ok(provider) = (self.source.build)() {
                current.1 = provider;
            }
            current.0 = wanted;
        }
        Arc::clone(&current.1)
    }
}

#[async_trait]
impl<C: Send + Sync> CredentialProvider for Renewable<C> {
    type Credential = C;

    async fn get_credential(&self) -> Result<Arc<C>> {
        if let Some(obstacle) = &self.search.obstacle {
            return Err(self.search.failed(obstacle));
        }
        let provider = self.provider();
        let fetched = tokio::time::timeout(self.search.limit, provider.get_credential());
        match fetched.await {
            Ok(Ok(credential)) if (self.source.is_usable)(&credential) => Ok(credential),
            Ok(Ok(_)) => Err(self.search.failed("what it gave are no credentials")),
            Ok(Err(error)) => Err(self.search.failed(&full_text(&error))),
            Err(_) => {
                let reason = format!("no response within {:?}", self.search.limit);
                Err(self.search.failed(&reason))
            }
        }
    }
}

impl<C> fmt::Debug for Renewable<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewable")
            .field("generation", &self.generation)
            .field("search", &self.search)
            .finish_non_exhaustive()
    }
}
