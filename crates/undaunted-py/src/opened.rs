//! A store that is open, and what it was opened with: to open it again after a fork.

use std::fmt;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, Result};
use undaunted::{RetryBudget, RetryConfig};
use undaunted_chaos::{FaultPlan, FaultyPages, FaultyParts, FaultyStore};
use undaunted_object_store::{Backend, OpenError, RetryStore, is_url};
use url::Url;

use crate::events;
use crate::key::Root;
use crate::stored::Stored;

/// What a store is opened with. Its options may be secrets, so it has no `Debug`.
pub(crate) struct Recipe {
    pub(crate) url: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) config: RetryConfig,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) faults: Option<FaultPlan>,
}

/// An open store.
pub(crate) struct Opened {
    pub(crate) store: RetryStore<Arc<dyn ObjectStore>>,
    pub(crate) root: Root,
    /// The process that opened it. Connections are no good in a child of it.
    pub(crate) process: u32,
}

/// The kinds of stores, as far as they differ here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Files,
    Memory,
    Service,
}

impl Recipe {
    pub(crate) fn kind(&self) -> Kind {
        match self.url.split_once("://") {
            Some((scheme, _)) if is_url(&self.url) => {
                if scheme.eq_ignore_ascii_case("file") {
                    Kind::Files
                } else if scheme.eq_ignore_ascii_case("memory") {
                    Kind::Memory
                } else {
                    Kind::Service
                }
            }
            _ => Kind::Files,
        }
    }

    pub(crate) fn open(&self) -> Result<Opened, OpenError> {
        let (backend, path) = Backend::open_with(&self.url, self.options.iter().cloned())?;
        let backend = match &self.faults {
            Some(plan) => backend.wrapped(
                |store| Arc::new(FaultyStore::new(store, plan.clone())),
                |parts| Arc::new(FaultyParts::shared(parts, plan.clone())),
                |pages| Arc::new(FaultyPages::shared(pages, plan.clone())),
            ),
            None => backend,
        };
        let mut store = RetryStore::builder(backend.store)
            .capabilities(backend.capabilities)
            .config(self.config.clone())
            .on_event(events::take);
        if let Some(budget) = &self.budget {
            store = store.budget(Arc::clone(budget));
        }
        Ok(Opened {
            store: store.build(),
            root: Root::new(path),
            process: std::process::id(),
        })
    }
}

impl Opened {
    /// What is known of an object.
    pub(crate) async fn describe(&self, key: String, place: &Path) -> Result<Stored> {
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let result = self.store.get_opts(place, head).await?;
        Ok(Stored::described(key, result.meta, &result.attributes))
    }
}

/// The `file://` URL of a place in the file system.
pub(crate) fn file_url(place: &Path) -> Option<String> {
    let path = std::path::absolute(format!("/{place}")).ok()?;
    Some(Url::from_file_path(path).ok()?.to_string())
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}
