//! Lists that are resumed where they broke.
//!
//! Where a store can be listed by page, each page is one retried operation and its token leads
//! to the next: exact, whatever the order of keys. Otherwise a list that breaks is begun
//! again after the last key, which is right only where keys come in order. Of a store that is
//! not known to list in order, a list that breaks after its first entry is an error.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::{DELIMITER, Path};
use object_store::{Error, Extensions, ListResult, ObjectMeta, ObjectStore, Result};

use crate::call::Recorder;
use crate::deadline::within_deadline;
use crate::error::{OutOfOrder, generic};
use crate::observe;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::skipped::LeftOut;
use crate::trace::Trace;

/// Lists one store.
pub(crate) struct Lister<S> {
    pub(crate) inner: Arc<S>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    pub(crate) in_order: bool,
}

impl<S: ObjectStore> Lister<S> {
    /// Everything under `prefix`, after `offset` if there is one.
    pub(crate) fn list(
        self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.pages {
            Some(pages) => {
                let pages = Pages::new(pages, self.policy, prefix, offset, false);
                pages
                    .stream()
                    .map_ok(|page| stream::iter(page.objects.into_iter().map(Ok)))
                    .try_flatten()
                    .boxed()
            }
            None => Entries::begin(self, prefix, offset).stream(),
        }
    }

    /// What is directly under `prefix`.
    pub(crate) async fn list_with_delimiter(self, prefix: Option<&Path>) -> Result<ListResult> {
        let Some(pages) = self.pages else {
            let location = prefix.cloned().unwrap_or_default();
            let attempt = || self.inner.list_with_delimiter(prefix);
            return self
                .policy
                .retry_reported(Operation::List, &location, attempt, |list| {
                    &mut list.extensions
                })
                .await;
        };
        let mut pages = Pages::new(pages, self.policy, prefix, None, true).stream();
        let mut common_prefixes = BTreeSet::new();
        let mut objects = Vec::new();
        let mut extensions = Extensions::new();
        while let Some(page) = pages.try_next().await? {
            common_prefixes.extend(page.common_prefixes);
            objects.extend(page.objects);
            extensions.extend(page.extensions);
        }
        Ok(ListResult {
            common_prefixes: common_prefixes.into_iter().collect(),
            objects,
            extensions,
        })
    }
}

/// A list read by page.
struct Pages {
    store: Arc<dyn PaginatedListStore>,
    policy: Arc<Policy>,
    location: Path,
    prefix: Option<String>,
    options: PaginatedListOptions,
    tokens: Tokens,
}

impl Pages {
    fn new(
        pages: Arc<dyn PaginatedListStore>,
        policy: Arc<Policy>,
        prefix: Option<&Path>,
        offset: Option<&Path>,
        delimiter: bool,
    ) -> Self {
        Self {
            store: pages,
            policy,
            location: prefix.cloned().unwrap_or_default(),
            // A prefix of the trait ends at a delimiter: `a` holds `a/b` and not `ab`.
            prefix: prefix
                .filter(|prefix| !prefix.as_ref().is_empty())
                .map(|prefix| format!("{prefix}{DELIMITER}")),
            options: PaginatedListOptions {
                offset: offset.map(ToString::to_string),
                delimiter: delimiter.then_some(Cow::Borrowed(DELIMITER)),
                ..PaginatedListOptions::default()
            },
            tokens: Tokens::default(),
        }
    }

    fn stream(self) -> BoxStream<'static, Result<ListResult>> {
        stream::try_unfold(Some(self), |pages| async move {
            match pages {
                Some(pages) => pages.next().await.map(Some),
                None => Ok(None),
            }
        })
        .boxed()
    }

    /// One page, and the rest if there is one.
    async fn next(mut self) -> Result<(ListResult, Option<Self>)> {
        let attempt = || {
            self.store
                .list_paginated(self.prefix.as_deref(), self.options.clone())
        };
        let mut page = self
            .policy
            .retry(Operation::List, &self.location, attempt)
            .await?;
        tell_left_out(&self.policy, &mut page.result.extensions);
        let token = page.page_token.as_ref();
        if token.is_some_and(|token| !self.tokens.is_new(token)) {
            return Err(generic(format!(
                "the list of {:?} does not end: the service gave the same continuation token twice",
                self.location.as_ref()
            )));
        }
        self.options.page_token = page.page_token;
        let rest = self.options.page_token.is_some().then_some(self);
        Ok((page.result, rest))
    }
}

/// Tells everyone who listens to a store what is not in this page.
fn tell_left_out(policy: &Policy, of_page: &mut Extensions) {
    let Some(left_out) = of_page.remove::<LeftOut>() else {
        return;
    };
    observe::record_folder_markers(left_out.folder_markers);
    for key in left_out.keys {
        if let Some(listener) = &policy.skipped_key_listener {
            listener(&key);
        }
        observe::record_skipped_key(&key);
    }
}

/// The continuation tokens of a list, as hashes: a list may have a million pages.
#[derive(Default)]
struct Tokens {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Tokens {
    fn is_new(&mut self, token: &str) -> bool {
        self.seen.insert(self.hasher.hash_one(token))
    }
}

/// A list read by entry.
struct Entries<S> {
    lister: Lister<S>,
    prefix: Option<Path>,
    location: Path,
    /// The last key that was handed out, or the offset that was asked for.
    after: Option<Path>,
    /// Whether an entry was handed out.
    begun: bool,
    stream: BoxStream<'static, Result<ObjectMeta>>,
    /// The operation, once the list is read.
    trace: Option<Trace>,
}

impl<S: ObjectStore> Entries<S> {
    fn begin(lister: Lister<S>, prefix: Option<&Path>, offset: Option<&Path>) -> Self {
        Self {
            stream: stream_of(&*lister.inner, prefix, offset),
            location: prefix.cloned().unwrap_or_default(),
            prefix: prefix.cloned(),
            after: offset.cloned(),
            begun: false,
            trace: None,
            lister,
        }
    }

    fn stream(self) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::try_unfold(self, |mut entries| async move {
            Ok(entries.next().await?.map(|entry| (entry, entries)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<ObjectMeta>> {
        let entry = if self.trace.is_none() {
            self.ask(None).await?
        } else {
            match within_deadline(self.stream.try_next()).await {
                Ok(entry) => entry,
                Err(error) => self.ask(Some(error)).await?,
            }
        };
        if let Some(entry) = &entry {
            // A store that lists out of order once cannot be trusted to have listed in order.
            let follows = self
                .after
                .as_ref()
                .is_none_or(|after| *after < entry.location);
            self.lister.in_order &= follows;
            self.after = Some(entry.location.clone());
            self.begun = true;
        } else if let Some(trace) = &self.trace {
            trace.succeed();
        }
        Ok(entry)
    }

    /// Begins, or begins again after the last key where the list broke, until there is an entry or an
    /// end.
    async fn ask(&mut self, mut broken: Option<Error>) -> Result<Option<ObjectMeta>> {
        let Self {
            lister,
            prefix,
            location,
            after,
            begun,
            stream,
            trace,
        } = self;
        let policy = &lister.policy;
        let trace = trace.get_or_insert_with(|| Trace::begin(policy, Operation::List, location));
        let mut recorder = Recorder::of_part(policy, Operation::List, location, trace.clone());
        if broken.is_some() {
            recorder = recorder.resuming();
        }
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        loop {
            if let Some(error) = broken {
                if *begun && !lister.in_order {
                    let error = OutOfOrder {
                        store: lister.inner.to_string(),
                        source: error,
                    };
                    return Err(attempts.give_up(generic(error)).await);
                }
                attempts.failed(error).await?;
                *stream = stream_of(&*lister.inner, prefix.as_ref(), after.as_ref());
            }
            match attempts.attempt(stream.try_next()).await {
                Ok(entry) => return Ok(entry),
                Err(error) => broken = Some(error),
            }
        }
    }
}

fn stream_of<S: ObjectStore>(
    inner: &S,
    prefix: Option<&Path>,
    after: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    match after {
        Some(after) => inner.list_with_offset(prefix, after),
        None => inner.list(prefix),
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use undaunted::RetryConfig;

    use super::*;

    /// A key that comes twice shows that the list has no order by which it could be resumed.
    #[tokio::test(start_paused = true)]
    async fn a_list_that_repeats_a_key_is_not_resumed() {
        for (keys, is_resumed) in [(["a", "b"], true), (["a", "a"], false), (["b", "a"], false)] {
            let lister = Lister {
                inner: Arc::new(InMemory::new()),
                policy: Arc::new(Policy::new(RetryConfig::storage())),
                pages: None,
                in_order: true,
            };
            let entry = |key: &str| ObjectMeta {
                location: Path::from(key),
                last_modified: std::time::UNIX_EPOCH.into(),
                size: 0,
                e_tag: None,
                version: None,
            };
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            let broken = Error::Generic {
                store: "test",
                source: broken.into(),
            };
            let in_a_row = keys.map(|key| Ok(entry(key))).into_iter();
            let mut entries = Entries::begin(lister, None, None);
            entries.stream = stream::iter(in_a_row.chain([Err(broken)])).boxed();
            let read: Result<Vec<_>> = entries.stream().try_collect().await;
            assert_eq!(read.is_ok(), is_resumed, "{keys:?}: {read:?}");
        }
    }
}
