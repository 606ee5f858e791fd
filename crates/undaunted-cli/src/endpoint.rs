//! A store that is open: faults around it if they are asked for, retries around those.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use undaunted::RetryConfig;
use undaunted_chaos::{FaultPlan, FaultyPages, FaultyParts, FaultyStore};
use undaunted_object_store::{Backend, RetryStore};

use crate::error::CliError;
use crate::failure::Failure;
use crate::location::{Kind, StoreLocation};
use crate::options::Options;
use crate::stats::Stats;

/// What all stores are opened with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) config: RetryConfig,
    pub(crate) stats: Stats,
    /// The faults, where they are asked for.
    pub(crate) faults: Option<FaultPlan>,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) kind: Kind,
    /// The store with retries.
    pub(crate) store: RetryStore<Arc<dyn ObjectStore>>,
    pub(crate) setup: Setup,
    pub(crate) has_parts: bool,
    root: Root,
}

#[derive(Debug)]
enum Root {
    /// A local directory: keys are relative to it. So the faults that a seed draws, which hang
    /// on the keys, are the same wherever the directory is.
    Folder {
        real: PathBuf,
        shown: PathBuf,
    },
    Store(StoreLocation),
}

impl Endpoint {
    /// A local directory, which must exist. `shown` is what messages call it.
    pub(crate) fn folder(real: PathBuf, shown: PathBuf, setup: Setup) -> Result<Self, CliError> {
        let files = LocalFileSystem::new_with_prefix(&real)
            .map_err(|error| Failure::store(shown.display().to_string(), &error))?;
        let backend = Backend::of_files(files);
        let root = Root::Folder { real, shown };
        Ok(Self::around(backend, Kind::Local, root, setup))
    }

    /// A store that is not local. Keys are those of the store.
    pub(crate) fn store(
        location: &StoreLocation,
        options: &Options,
        setup: Setup,
    ) -> Result<Self, CliError> {
        let (backend, _) = Backend::open(location.url.as_str(), options.iter().cloned())?;
        let root = Root::Store(location.clone());
        Ok(Self::around(backend, location.kind, root, setup))
    }

    fn around(backend: Backend, kind: Kind, root: Root, setup: Setup) -> Self {
        let backend = match &setup.faults {
            Some(plan) => backend.wrapped(
                |store| Arc::new(FaultyStore::new(store, plan.clone())),
                |parts| Arc::new(FaultyParts::shared(parts, plan.clone())),
                |pages| Arc::new(FaultyPages::shared(pages, plan.clone())),
            ),
            None => backend,
        };
        let has_parts = backend.capabilities.parts().is_some();
        let stats = setup.stats.clone();
        let store = RetryStore::builder(backend.store)
            .capabilities(backend.capabilities)
            .config(setup.config.clone())
            // A budget protects a service from a crowd. This is one client, whose concurrency
            // is bounded and whose every call has a limit; that it arrives is what it is for.
            .without_budget()
            // What a copy leaves behind is the source's, metadata included. A lost answer is
            // settled by reading what is there, which a copy can: it knows what it wrote.
            .without_put_token()
            .resolve_by_content()
            .on_event(move |event| stats.record(event.event))
            .build();
        Self {
            kind,
            store,
            setup,
            has_parts,
            root,
        }
    }

    /// What messages call a key of this store.
    pub(crate) fn shown(&self, key: &Path) -> String {
        match &self.root {
            Root::Folder { shown, .. } if key.is_root() => shown.display().to_string(),
            Root::Folder { shown, .. } => shown.join(key.as_ref()).display().to_string(),
            Root::Store(location) => location.shown(key),
        }
    }

    /// The local file that a key is, if it is one.
    pub(crate) fn file(&self, key: &Path) -> Option<PathBuf> {
        self.local_folder().map(|real| real.join(key.as_ref()))
    }

    pub(crate) fn local_folder(&self) -> Option<&FsPath> {
        match &self.root {
            Root::Folder { real, .. } => Some(real),
            Root::Store(_) => None,
        }
    }
}
