//! Faults in multipart uploads: the upload that a store hands out, and the calls below it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{self, FutureExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    MultipartId, MultipartUpload, PutMultipartOptions, PutPayload, PutResult, Result, UploadPart,
};

use crate::{FaultPlan, Operation};

/// A [`MultipartStore`] behind faults, for where its type is not known.
///
/// Each of its calls fails before or after it was applied, or is delayed.
/// [`FaultyStore`](crate::FaultyStore) does the same for a store whose type is known.
///
/// ```
/// use std::sync::Arc;
/// use object_store::{memory::InMemory, multipart::MultipartStore, path::Path};
/// use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyParts, Operation, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> object_store::Result<()> {
/// let lost = Rule::new(Operation::CompleteMultipart, Fault::FailAfter(Failure::Timeout));
/// let parts = FaultyParts::new(Arc::new(InMemory::new()), FaultPlan::scripted([lost]));
///
/// let key = Path::from("big");
/// let id = parts.create_multipart(&key).await?;
/// let part = parts.put_part(&key, &id, 0, "data".into()).await?;
/// assert!(parts.complete_multipart(&key, &id, vec![part]).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyParts {
    inner: Arc<dyn MultipartStore>,
    plan: FaultPlan,
}

impl FaultyParts {
    /// Puts `inner` behind the faults of `plan`.
    #[must_use]
    pub fn new(inner: Arc<dyn MultipartStore>, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// The store without faults.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn MultipartStore> {
        &self.inner
    }

    /// The plan, to see what was injected.
    #[must_use]
    pub const fn plan(&self) -> &FaultPlan {
        &self.plan
    }
}

impl fmt::Debug for FaultyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyParts")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartStore for FaultyParts {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        let planned = self
            .plan
            .begin(Operation::CreateMultipart, path.as_ref(), None);
        planned.around(self.inner.create_multipart(path)).await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        let planned = self
            .plan
            .begin(Operation::CreateMultipart, path.as_ref(), None);
        planned
            .around(self.inner.create_multipart_opts(path, opts))
            .await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let planned = self
            .plan
            .begin(Operation::PutPart, path.as_ref(), Some(part_idx));
        planned
            .around(self.inner.put_part(path, id, part_idx, data))
            .await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let planned = self
            .plan
            .begin(Operation::CompleteMultipart, path.as_ref(), None);
        planned
            .around(self.inner.complete_multipart(path, id, parts))
            .await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let planned = self
            .plan
            .begin(Operation::AbortMultipart, path.as_ref(), None);
        planned.around(self.inner.abort_multipart(path, id)).await
    }
}

/// The upload that [`FaultyStore`](crate::FaultyStore) hands out.
#[derive(Debug)]
pub(crate) struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    plan: FaultPlan,
    key: String,
    /// How many parts were handed over.
    parts: usize,
}

impl FaultyUpload {
    pub(crate) fn new(inner: Box<dyn MultipartUpload>, plan: FaultPlan, key: &Path) -> Self {
        Self {
            inner,
            plan,
            key: key.to_string(),
            parts: 0,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for FaultyUpload {
    /// The fault is chosen here and not when the part is first polled, so that it does not
    /// hang on the order in which the parts are polled.
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.parts;
        self.parts += 1;
        let planned = self.plan.begin(Operation::PutPart, &self.key, Some(part));
        // Some stores take the bytes in at once and not when the future runs.
        let upload = if planned.fails_before() {
            future::ready(Ok(())).boxed()
        } else {
            self.inner.put_part(data)
        };
        planned.around(upload).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let planned = self
            .plan
            .begin(Operation::CompleteMultipart, &self.key, None);
        planned.around(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let planned = self.plan.begin(Operation::AbortMultipart, &self.key, None);
        planned.around(self.inner.abort()).await
    }
}
