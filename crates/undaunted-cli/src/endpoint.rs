//! An open store: retries around it, and between the two the faults of `--chaos`.

use std::num::NonZero;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Attributes, GetOptions, ObjectMeta, ObjectStore};
use undaunted::{Hedge, RetryConfig, Rules};
use undaunted_chaos::{FaultPlan, FaultyPages, FaultyParts, FaultyStore};
use undaunted_object_store::{Backend, RangeSupport, RetryStore, full_text};

use crate::error::{CliError, FailedObject};
use crate::location::StoreLocation;
use crate::settings::StoreOptions;
use crate::slots::{Concurrency, Slots, Slotted, Waiting};
use crate::stats::Stats;
use crate::store_kind::StoreKind;

/// What every endpoint of a command is opened with.
#[derive(Clone, Debug)]
pub(crate) struct EndpointConfig {
    pub(crate) retry: RetryConfig,
    pub(crate) rules: Rules,
    pub(crate) stats: Stats,
    /// The faults to inject, if any.
    pub(crate) faults: Option<FaultPlan>,
    pub(crate) concurrency: Concurrency,
    /// Which reads are sent a second time, if any are.
    pub(crate) hedge: Option<Hedge>,
    /// Counts the requests that wait for a slot.
    pub(crate) waiting: Waiting,
}

pub(crate) type Store = RetryStore<Arc<dyn ObjectStore>>;

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) kind: StoreKind,
    pub(crate) store: Store,
    /// The same store, whose retries are counted as those of `verify`.
    pub(crate) verify_store: Store,
    /// Whether objects can be written in parts.
    pub(crate) has_parts: bool,
    root: Root,
}

/// What a HEAD says of an object.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) meta: ObjectMeta,
    pub(crate) attributes: Attributes,
    /// Whether the server is known to have ranges.
    pub(crate) has_ranges: bool,
}

#[derive(Debug)]
enum Root {
    /// A local directory. Keys are relative to it, so that the faults of a seed, which depend on
    /// keys, are the same wherever the directory is.
    Folder {
        real: PathBuf,
        display_name: PathBuf,
    },
    Store(StoreLocation),
}

impl Endpoint {
    /// Opens a local directory, which must exist.
    pub(crate) fn folder(
        real: PathBuf,
        display_name: PathBuf,
        config: EndpointConfig,
    ) -> Result<Self, CliError> {
        let files = LocalFileSystem::new_with_prefix(&real).map_err(|error| {
            FailedObject::new(display_name.display().to_string(), full_text(&error))
        })?;
        let backend = Backend::of_files(files);
        let root = Root::Folder { real, display_name };
        Ok(Self::new(backend, StoreKind::Local, root, config))
    }

    /// Opens a local directory that does not exist, in order to say what would be written to it.
    pub(crate) fn missing_folder(
        real: PathBuf,
        display_name: PathBuf,
        config: EndpointConfig,
    ) -> Self {
        let backend = Backend::of_files(LocalFileSystem::new());
        let root = Root::Folder { real, display_name };
        Self::new(backend, StoreKind::Local, root, config)
    }

    /// Opens a store that is not local.
    pub(crate) fn store(
        location: &StoreLocation,
        options: &StoreOptions,
        config: EndpointConfig,
    ) -> Result<Self, CliError> {
        let (backend, _) = Backend::open_with(location.url.as_str(), options.iter().cloned())?;
        let root = Root::Store(location.clone());
        Ok(Self::new(backend, location.kind, root, config))
    }

    fn new(backend: Backend, kind: StoreKind, root: Root, config: EndpointConfig) -> Self {
        let EndpointConfig {
            retry,
            rules,
            stats,
            faults,
            concurrency,
            hedge,
            waiting,
        } = config;
        let backend = match faults {
            Some(plan) => backend.wrapped(
                |store| Arc::new(FaultyStore::new(store, plan.clone())),
                |parts| Arc::new(FaultyParts::shared(parts, plan.clone())),
                |pages| Arc::new(FaultyPages::shared(pages, plan.clone())),
            ),
            None => backend,
        };
        let slots = match (kind, concurrency) {
            // More requests do not make a disk faster.
            (StoreKind::Local, Concurrency::Auto) => Concurrency::Fixed(local_requests()),
            _ => concurrency,
        };
        let slots = Slots::for_requests(slots, waiting);
        let limit = retry.attempt_timeout();
        let backend = backend.wrapped(
            |store| Arc::new(Slotted::new(store, slots.clone(), limit)),
            |parts| Arc::new(Slotted::new(parts, slots.clone(), limit)),
            |pages| Arc::new(Slotted::new(pages, slots.clone(), limit)),
        );
        // `Slotted` has the limit. A list that is a stream passes it by.
        let without_limit = retry.to_builder().attempt_timeout(None).build();
        let without_limit = without_limit.unwrap_or_else(|_| retry.clone());
        let of_lists = match backend.capabilities.pages() {
            Some(_) => &without_limit,
            None => &retry,
        };
        let pacer = stats.paced();
        let store = |count_as: Option<&'static str>| {
            let stats = stats.clone();
            let store = RetryStore::builder(Arc::clone(&backend.store))
                .capabilities(backend.capabilities.clone())
                .config(without_limit.clone())
                .list_config(of_lists.clone())
                .classify(rules.clone())
                // A budget protects a service from many clients. This is one, with bounded
                // concurrency and a limit for every operation.
                .without_budget()
                .pacer(Arc::clone(&pacer))
                // A copy has the metadata of its source and no more. A lost response is resolved
                // by the content at the destination: the command knows what it wrote.
                .without_put_token()
                .resolve_by_content()
                .on_event(move |event| {
                    let operation = count_as.unwrap_or(event.operation.as_str());
                    stats.record(operation, event.event);
                });
            match hedge {
                // A disk is as slow for a second request.
                Some(hedge) if kind != StoreKind::Local => store.hedge(hedge).build(),
                _ => store.build(),
            }
        };
        Self {
            kind,
            store: store(None),
            verify_store: store(Some("verify")),
            has_parts: backend.capabilities.parts().is_some(),
            root,
        }
    }

    /// Asks for the size and the attributes of an object.
    pub(crate) async fn head(&self, key: &Path) -> object_store::Result<Head> {
        let head = GetOptions::new().with_head(true);
        let mut found = self.store.get_opts(key, head).await?;
        if self.kind == StoreKind::Http && found.meta.size == 0 {
            // Many web servers respond to every HEAD with a length of 0.
            found = self.store.get_opts(key, GetOptions::default()).await?;
        }
        Ok(Head {
            // All but web servers have them.
            has_ranges: self.kind != StoreKind::Http
                || found.extensions.get() == Some(&RangeSupport::Supported),
            meta: found.meta,
            attributes: found.attributes,
        })
    }

    /// The name of a key in messages.
    pub(crate) fn display_name(&self, key: &Path) -> String {
        match &self.root {
            Root::Folder { display_name, .. } if key.is_root() => {
                display_name.display().to_string()
            }
            Root::Folder { display_name, .. } => {
                display_name.join(key.as_ref()).display().to_string()
            }
            Root::Store(location) => location.display_name(key),
        }
    }

    /// The file of a key, if the endpoint is local.
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

/// Local requests at the same time. Each occupies a thread, and the threads of more than the
/// processors would mostly wait for the lock of the same directory.
fn local_requests() -> usize {
    let processors = available_parallelism().map_or(1, NonZero::get);
    processors.saturating_mul(2).clamp(4, 16)
}
