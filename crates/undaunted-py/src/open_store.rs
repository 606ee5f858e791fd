//! An open store, and the settings with which it can be opened again after a fork.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, Result};
use undaunted::{Hedge, RetryBudget, RetryConfig, Rules};
use undaunted_chaos::{FaultPlan, FaultyPages, FaultyParts, FaultyStore};
use undaunted_object_store::{Backend, OpenError, RetryStore, is_url};
use url::Url;

use crate::cleanup::Cleanups;
use crate::events::{self, Hook};
use crate::key::Root;
use crate::pacer::SharedPacer;
use crate::payload;
use crate::stored_file::StoredFile;

/// The settings of a store. Its options may be secrets, so it has no `Debug`.
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) config: RetryConfig,
    pub(crate) rules: Rules,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) pacer: Option<Arc<SharedPacer>>,
    pub(crate) faults: Option<FaultPlan>,
    /// Whether operations are paced where no pacer is given.
    pub(crate) is_paced: bool,
    pub(crate) on_retry: Option<Hook>,
    /// Which reads are sent a second time, if any are.
    pub(crate) hedge: Option<Hedge>,
}

/// An open store.
pub(crate) struct OpenStore {
    pub(crate) store: RetryStore<Arc<dyn ObjectStore>>,
    pub(crate) root: Root,
    pub(crate) cleanups: Cleanups,
    /// The process that opened it: a forked child cannot use its connections.
    pub(crate) process: u32,
}

/// The kinds of stores, as far as they differ here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Files,
    Memory,
    Service,
}

impl Settings {
    pub(crate) fn kind(&self) -> StoreKind {
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme);
        match scheme.filter(|_| is_url(&self.url)) {
            Some(scheme) if scheme.eq_ignore_ascii_case("memory") => StoreKind::Memory,
            Some(scheme) if !scheme.eq_ignore_ascii_case("file") => StoreKind::Service,
            _ => StoreKind::Files,
        }
    }

    /// The attributes that the store can hold. The content type of a file follows from its name.
    /// Files cannot hold metadata, which is an error.
    pub(crate) fn storable(&self, attributes: &Attributes) -> Result<Attributes> {
        if self.kind() != StoreKind::Files {
            return Ok(attributes.clone());
        }
        if payload::has_metadata(attributes) {
            return Err(Error::NotSupported {
                source: "files cannot hold metadata".into(),
            });
        }
        Ok(Attributes::new())
    }

    pub(crate) fn open(&self) -> Result<OpenStore, OpenError> {
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
            .classify(self.rules.clone())
            .on_event(events::listener(self.on_retry.clone()));
        if let Some(hedge) = self.hedge {
            store = store.hedge(hedge);
        }
        if let Some(budget) = &self.budget {
            store = store.budget(Arc::clone(budget));
        }
        if let Some(pacer) = &self.pacer {
            store = store.pacer(Arc::clone(pacer.current()));
        } else if !self.is_paced {
            store = store.without_pacer();
        }
        Ok(OpenStore {
            store: store.build(),
            root: Root::new(path),
            cleanups: Cleanups::default(),
            process: std::process::id(),
        })
    }
}

impl OpenStore {
    /// The description of an object.
    pub(crate) async fn describe(&self, key: String, path: &Path) -> Result<StoredFile> {
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let result = self.store.get_opts(path, head).await?;
        Ok(StoredFile::new(key, result.meta, &result.attributes))
    }

    /// A part of an object; with an ETag, of this object and no other.
    pub(crate) async fn read_part(
        &self,
        path: &Path,
        range: GetRange,
        etag: Option<String>,
    ) -> Result<Bytes> {
        let options = GetOptions {
            range: Some(range),
            // A weak ETag never matches.
            if_match: etag.clone().filter(|etag| !etag.starts_with("W/")),
            ..GetOptions::default()
        };
        let result = self.store.get_opts(path, options).await?;
        // Some servers do not heed the condition.
        match (&etag, &result.meta.e_tag) {
            (Some(was), Some(now)) if was != now => Err(Error::Precondition {
                path: path.to_string(),
                source: "another object has taken its place".into(),
            }),
            _ => result.bytes().await,
        }
    }

    /// Parts of an object, some at the same time; all of one version, where the store has ETags. The
    /// first failure ends the others.
    pub(crate) async fn read_parts(
        &self,
        path: &Path,
        ranges: Vec<Range<u64>>,
    ) -> Result<Vec<Bytes>> {
        let mut ranges = ranges.into_iter();
        let Some(first) = ranges.next() else {
            return Ok(Vec::new());
        };
        let options = GetOptions {
            range: Some(first.into()),
            ..GetOptions::default()
        };
        let begun = self.store.get_opts(path, options).await?;
        let etag = begun.meta.e_tag.clone();
        let mut reads: Vec<BoxFuture<'_, Result<(usize, Bytes)>>> = Vec::new();
        reads.push(async { Ok((0, begun.bytes().await?)) }.boxed());
        for (place, range) in (1..).zip(ranges) {
            let read = self.read_part(path, range.into(), etag.clone());
            reads.push(async move { Ok((place, read.await?)) }.boxed());
        }
        let reads = stream::iter(reads).buffer_unordered(PARTS_AT_A_TIME);
        let mut parts: Vec<_> = reads.try_collect().await?;
        parts.sort_unstable_by_key(|(place, _)| *place);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }

    /// Deletes an object. Services do not say whether there was one, so no storage does.
    pub(crate) async fn delete(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn exists(&self, path: &Path) -> Result<bool> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn transfer(
        &self,
        from: &Path,
        to: &Path,
        overwrite: bool,
        is_move: bool,
    ) -> Result<()> {
        match (is_move, overwrite) {
            (false, true) => self.store.copy(from, to).await,
            (false, false) => self.store.copy_if_not_exists(from, to).await,
            (true, true) => self.store.rename(from, to).await,
            (true, false) => self.store.rename_if_not_exists(from, to).await,
        }
    }
}

/// The `file://` URL of a path in the file system.
pub(crate) fn file_url(path: &Path) -> Option<String> {
    let path = std::path::absolute(format!("/{path}")).ok()?;
    Some(Url::from_file_path(path).ok()?.to_string())
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}

/// Enough to hide the time to the first byte; a service throttles those that send hundreds.
const PARTS_AT_A_TIME: usize = 32;
