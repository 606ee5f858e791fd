//! What a store can do beside `ObjectStore`, with faults: parts and pages.

use async_trait::async_trait;
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, PutMultipartOptions, PutPayload, PutResult, Result};

use crate::call::IncomingCall;
use crate::operation::Operation;
use crate::store::FaultyStore;

/// A [`MultipartStore`] behind faults, for where its type is not known.
///
/// Each of its calls fails before or after it was applied, or is delayed.
///
/// ```
/// use std::sync::Arc;
/// use object_store::{memory::InMemory, multipart::MultipartStore, path::Path};
/// use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyParts, Operation, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> object_store::Result<()> {
/// let lost = Rule::new(Operation::CompleteMultipart, Fault::FailAfter(Failure::Timeout));
/// let parts = FaultyParts::shared(Arc::new(InMemory::new()), FaultPlan::scripted([lost]));
///
/// let key = Path::from("big");
/// let id = parts.create_multipart(&key).await?;
/// let part = parts.put_part(&key, &id, 0, "data".into()).await?;
/// assert!(parts.complete_multipart(&key, &id, vec![part]).await.is_err());
/// # Ok(())
/// # }
/// ```
pub type FaultyParts = FaultyStore<dyn MultipartStore>;

/// A [`PaginatedListStore`] behind faults, for where its type is not known.
///
/// A page fails before or after it was read, is delayed, or breaks; each page is one call of
/// [`Operation::List`].
///
/// ```no_run
/// use std::sync::Arc;
/// use object_store::list::{PaginatedListOptions, PaginatedListStore};
/// use undaunted_chaos::{FaultPlan, FaultyPages};
///
/// # async fn example(s3: Arc<dyn PaginatedListStore>, plan: FaultPlan) -> object_store::Result<()> {
/// let pages = FaultyPages::shared(s3, plan);
/// let page = pages.list_paginated(Some("logs/"), PaginatedListOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
pub type FaultyPages = FaultyStore<dyn PaginatedListStore>;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: MultipartStore + ?Sized> MultipartStore for FaultyStore<S> {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let call = IncomingCall::new(Operation::CreateMultipart, path.as_ref());
        let create = self.inner.create_multipart(path);
        self.plan.run(call, create).await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        let call = IncomingCall::new(Operation::CreateMultipart, path.as_ref());
        let create = self.inner.create_multipart_opts(path, opts);
        self.plan.run(call, create).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let call = IncomingCall::of_part(path.as_ref(), part_idx);
        let put = self.inner.put_part(path, id, part_idx, data);
        self.plan.run(call, put).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let call = IncomingCall::new(Operation::CompleteMultipart, path.as_ref());
        let complete = self.inner.complete_multipart(path, id, parts);
        self.plan.run(call, complete).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let call = IncomingCall::new(Operation::AbortMultipart, path.as_ref());
        let abort = self.inner.abort_multipart(path, id);
        self.plan.run(call, abort).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: PaginatedListStore + ?Sized> PaginatedListStore for FaultyStore<S> {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let call = IncomingCall::new(Operation::List, prefix.unwrap_or_default());
        let list = self.inner.list_paginated(prefix, opts);
        self.plan.run(call, list).await
    }
}
