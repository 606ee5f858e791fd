//! The multipart operations of a store, each retried.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, PutMultipartOptions, PutPayload, PutResult, Result};

use crate::operation::Operation;
use crate::policy::Policy;

/// A [`MultipartStore`] whose operations are retried as far as it is safe.
///
/// A part may be written again: it replaces itself. Creating and completing are repeated only
/// after failures that prove that nothing was applied.
#[derive(Clone)]
pub(crate) struct Parts {
    inner: Arc<dyn MultipartStore>,
    policy: Arc<Policy>,
}

impl Parts {
    pub(crate) fn new(inner: Arc<dyn MultipartStore>, policy: Arc<Policy>) -> Self {
        Self { inner, policy }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

#[async_trait]
impl MultipartStore for Parts {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.create_multipart_opts(path, PutMultipartOptions::default())
            .await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        let attempt = || self.inner.create_multipart_opts(path, opts.clone());
        // An upload that was begun and whose answer was lost costs storage and harms nobody,
        // so beginning another is safe.
        self.policy
            .retry(Operation::CreateMultipart, path, attempt)
            .await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let attempt = || self.inner.put_part(path, id, part_idx, data.clone());
        self.policy.retry(Operation::PutPart, path, attempt).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let attempt = || self.inner.complete_multipart(path, id, parts.clone());
        self.policy
            .retry_if_not_applied(Operation::CompleteMultipart, path, attempt)
            .await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let attempt = || self.inner.abort_multipart(path, id);
        self.policy
            .retry(Operation::AbortMultipart, path, attempt)
            .await
    }
}
