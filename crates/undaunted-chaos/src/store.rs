//! The store with faults.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result,
};

use crate::body::{Replace, turned_over};
use crate::list::spoil_list;
use crate::upload::FaultyUpload;
use crate::{FaultPlan, FaultyPages, FaultyParts, Operation, body};

/// An [`ObjectStore`] whose calls fail as its [`FaultPlan`] says.
///
/// All that is not hit goes to the inner store as it is. Every method of the trait is covered.
/// `delete_stream` turns into single deletes of up to ten keys at once, so that each key can
/// be hit by itself; their results keep the order of the keys.
///
/// It is a [`MultipartStore`] and a [`PaginatedListStore`] where the inner store is; for
/// stores whose type is not known there are [`FaultyParts`] and [`FaultyPages`].
///
/// A part of a multipart upload that fails before it is applied is never shown to the inner
/// upload, which then holds only the other parts. A part whose answer is lost is in it, and
/// one that is sent again is in it twice: exactly the harm that a careless retry does.
///
/// ```
/// use object_store::{ObjectStoreExt, PutMode, memory::InMemory, path::Path, ObjectStore};
/// use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lost = Rule::new(Operation::Put, Fault::FailAfter(Failure::Timeout));
/// let store = FaultyStore::new(InMemory::new(), FaultPlan::scripted([lost]));
///
/// // The answer to a create is lost. A retry is then told that the object is there already.
/// let key = Path::from("a");
/// let first = store.put_opts(&key, "x".into(), PutMode::Create.into()).await;
/// assert!(matches!(first, Err(object_store::Error::Generic { .. })));
/// let second = store.put_opts(&key, "x".into(), PutMode::Create.into()).await;
/// assert!(matches!(second, Err(object_store::Error::AlreadyExists { .. })));
/// # }
/// ```
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: Arc<S>,
    plan: FaultPlan,
}

impl<S> FaultyStore<S> {
    /// Puts `inner` behind the faults of `plan`.
    #[must_use]
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self {
            inner: Arc::new(inner),
            plan,
        }
    }

    /// The store without faults, to look at what is really there.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The plan, to see what was injected.
    #[must_use]
    pub const fn plan(&self) -> &FaultPlan {
        &self.plan
    }
}

/// Shares the inner store and the plan.
impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            plan: self.plan.clone(),
        }
    }
}

impl<S: fmt::Display> fmt::Display for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: ObjectStore> ObjectStore for FaultyStore<S> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let planned = self.plan.begin(Operation::Put, location.as_ref(), None);
        planned
            .around(self.inner.put_opts(location, payload, opts))
            .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let planned = self
            .plan
            .begin(Operation::CreateMultipart, location.as_ref(), None);
        let upload = planned
            .around(self.inner.put_multipart_opts(location, opts))
            .await?;
        let plan = self.plan.clone();
        Ok(Box::new(FaultyUpload::new(upload, plan, location)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head {
            Operation::Head
        } else {
            Operation::Get
        };
        let planned = self.plan.begin(operation, location.as_ref(), None);
        let hit = planned.before().await?;
        let result = self.inner.get_opts(location, options).await?;
        match hit {
            Some(hit) => body::spoil(result, hit, self.replace(location)),
            None => Ok(result),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let planned = self
            .plan
            .begin(Operation::GetRanges, location.as_ref(), None);
        let hit = planned.before().await?;
        let answer = self.inner.get_ranges(location, ranges).await?;
        match hit {
            Some(hit) => body::spoil_ranges(answer, hit, self.replace(location)).await,
            None => Ok(answer),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .map(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    let planned = store.plan.begin(Operation::Delete, location.as_ref(), None);
                    planned.around(store.inner.delete(&location)).await?;
                    Ok(location)
                }
            })
            .buffered(DELETES_AT_ONCE)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let inner = Arc::clone(&self.inner);
        let prefix = prefix.cloned();
        spoil_list(self.plan.clone(), key_of(prefix.as_ref()), move || {
            inner.list(prefix.as_ref())
        })
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let inner = Arc::clone(&self.inner);
        let prefix = prefix.cloned();
        let offset = offset.clone();
        spoil_list(self.plan.clone(), key_of(prefix.as_ref()), move || {
            inner.list_with_offset(prefix.as_ref(), &offset)
        })
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let planned = self.plan.begin(Operation::List, &key_of(prefix), None);
        planned.around(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let planned = self.plan.begin(Operation::Copy, to.as_ref(), None);
        planned
            .around(self.inner.copy_opts(from, to, options))
            .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let planned = self.plan.begin(Operation::Rename, to.as_ref(), None);
        planned
            .around(self.inner.rename_opts(from, to, options))
            .await
    }
}

impl<S: ObjectStore> FaultyStore<S> {
    /// What [`Fault::ReplaceObject`](crate::Fault::ReplaceObject) does to an object.
    fn replace(&self, location: &Path) -> Replace {
        let (inner, location) = (Arc::clone(&self.inner), location.clone());
        Box::new(move || {
            Box::pin(async move {
                let old = inner.get(&location).await?.bytes().await?;
                inner.put(&location, turned_over(&old).into()).await?;
                Ok(())
            })
        })
    }
}

impl<S: MultipartStore> FaultyStore<S> {
    fn parts(&self) -> FaultyParts {
        let inner: Arc<dyn MultipartStore> = Arc::<S>::clone(&self.inner);
        FaultyParts::new(inner, self.plan.clone())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: MultipartStore> MultipartStore for FaultyStore<S> {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.parts().create_multipart(path).await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        self.parts().create_multipart_opts(path, opts).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        self.parts().put_part(path, id, part_idx, data).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        self.parts().complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.parts().abort_multipart(path, id).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: PaginatedListStore> PaginatedListStore for FaultyStore<S> {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let inner: Arc<dyn PaginatedListStore> = Arc::<S>::clone(&self.inner);
        FaultyPages::new(inner, self.plan.clone())
            .list_paginated(prefix, opts)
            .await
    }
}

fn key_of(prefix: Option<&Path>) -> String {
    prefix.map(Path::to_string).unwrap_or_default()
}

/// As many as the local file system of object_store deletes at once.
const DELETES_AT_ONCE: usize = 10;
