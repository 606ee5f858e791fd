//! Multipart uploads whose parts may be sent again.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::error::generic;
use crate::parts::Parts;

/// A [`MultipartUpload`] over a [`MultipartStore`]: every part has its number from the
/// moment it is handed over, so that sending it again cannot move it.
#[derive(Debug)]
pub(crate) struct RetryUpload {
    parts: Parts,
    location: Path,
    id: MultipartId,
    sent: Arc<Mutex<Vec<Option<PartId>>>>,
}

impl RetryUpload {
    pub(crate) fn new(parts: Parts, location: Path, id: MultipartId) -> Self {
        Self {
            parts,
            location,
            id,
            sent: Arc::default(),
        }
    }
}

#[async_trait]
impl MultipartUpload for RetryUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let index = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(None);
            sent.len() - 1
        };
        let parts = self.parts.clone();
        let location = self.location.clone();
        let id = self.id.clone();
        let sent = Arc::clone(&self.sent);
        Box::pin(async move {
            let part = parts.put_part(&location, &id, index, data).await?;
            sent.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(part);
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.iter().cloned().collect::<Option<Vec<_>>>()
        };
        let parts = parts.ok_or_else(|| {
            generic("a part of the upload has not arrived: it failed, or was not awaited")
        })?;
        self.parts
            .complete_multipart(&self.location, &self.id, parts)
            .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.abort_multipart(&self.location, &self.id).await
    }
}
