//! Multipart uploads whose parts may be sent again.
//!
//! A part may be written again: it replaces itself. An upload bears a token from its beginning,
//! so that the object it becomes is known when the response to its completion is lost. The token
//! goes where the upload's id goes, so that nothing has to be remembered of uploads that nobody
//! ends, and whoever has the id can complete the upload.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Error, MultipartId, MultipartUpload, ObjectStore, PutMultipartOptions, PutPayload, PutResult,
    Result, UploadPart,
};
use undaunted::{current_deadline, with_deadline, without_deadline};

use crate::attributes;
use crate::call::Recorder;
use crate::deadline;
use crate::error::generic;
use crate::evidence::proves_not_applied;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::Write;
use crate::token::Token;
use crate::write::ConditionalWrite;

/// The multipart operations of a store, each retried as far as it is safe.
#[derive(Clone)]
pub(crate) struct Multipart {
    parts: Arc<dyn MultipartStore>,
    store: Arc<dyn ObjectStore>,
    policy: Arc<Policy>,
}

/// An upload as the store knows it, and what its object will be known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadId {
    id: MultipartId,
    token: Option<Token>,
}

impl Multipart {
    pub(crate) fn new(
        parts: Arc<dyn MultipartStore>,
        store: Arc<dyn ObjectStore>,
        policy: Arc<Policy>,
    ) -> Self {
        Self {
            parts,
            store,
            policy,
        }
    }

    /// Begins an upload.
    ///
    /// One that was begun and whose response was lost costs storage until the bucket's lifecycle
    /// rule ends it, and harms nobody, so beginning another is safe. It cannot be aborted: its
    /// id was in the response.
    ///
    /// A store that takes no attributes here, as by the default of [`MultipartStore`], gets no
    /// token.
    pub(crate) async fn create(&self, path: &Path, opts: PutMultipartOptions) -> Result<UploadId> {
        attributes::check(&opts.attributes)?;
        let mut with_token = opts.clone();
        let token = Token::added_to(&mut with_token.attributes, &self.policy);
        let recorder = Recorder::new(&self.policy, Operation::CreateMultipart, path);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        let mut lost = 0;
        let upload = loop {
            let attempt = async {
                let created = self.parts.create_multipart_opts(path, with_token.clone());
                let (id, token) = match created.await {
                    Err(Error::NotSupported { .. }) if token.is_some() => {
                        let created = self.parts.create_multipart_opts(path, opts.clone());
                        (created.await?, None)
                    }
                    created => (created?, token.clone()),
                };
                Ok(UploadId { id, token })
            };
            match attempts.attempt(attempt).await {
                Ok(upload) => break upload,
                // Nothing failed: the caller begins the upload in another way.
                Err(error @ Error::NotSupported { .. }) => {
                    attempts.succeed();
                    return Err(error);
                }
                Err(error) => {
                    let is_lost = !proves_not_applied(&error);
                    let failed = attempts.failed(error).await;
                    lost += u32::from(is_lost || attempts.was_cut());
                    if let Err(error) = failed {
                        warn_of_lost(lost, path);
                        return Err(error);
                    }
                }
            }
        };
        warn_of_lost(lost, path);
        Ok(upload)
    }

    pub(crate) async fn put_part(
        &self,
        path: &Path,
        upload: &UploadId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let attempt = || {
            self.parts
                .put_part(path, &upload.id, part_idx, data.clone())
        };
        self.policy.retry(Operation::PutPart, path, attempt).await
    }

    pub(crate) async fn complete(
        &self,
        path: &Path,
        upload: &UploadId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let conditional = ConditionalWrite {
            store: &self.store,
            policy: &self.policy,
            location: path,
            write: Write::Complete(upload.token.clone()),
        };
        conditional
            .run(|| {
                self.parts
                    .complete_multipart(path, &upload.id, parts.clone())
            })
            .await
    }

    /// Ends an upload that nobody wants any more. That may be because the deadline of the caller has
    /// passed, so it has some more time.
    pub(crate) async fn abort(&self, path: &Path, upload: &UploadId) -> Result<()> {
        match deadline::for_cleaning_up() {
            Some(end) => {
                without_deadline(with_deadline(end, self.try_to_abort(path, upload))).await
            }
            None => self.try_to_abort(path, upload).await,
        }
    }

    async fn try_to_abort(&self, path: &Path, upload: &UploadId) -> Result<()> {
        let recorder = Recorder::new(&self.policy, Operation::AbortMultipart, path);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        loop {
            let attempt = self.parts.abort_multipart(path, &upload.id);
            match attempts.attempt(attempt).await {
                Ok(()) => return Ok(()),
                Err(error)
                    if attempts.maybe_applied()
                        && !attempts.is_retryable(&error)
                        && says_gone(&error) =>
                {
                    attempts.succeed();
                    return Ok(());
                }
                Err(error) => attempts.failed(error).await?,
            }
        }
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").finish_non_exhaustive()
    }
}

/// Whether a repeated abort that failed for good found nothing to abort. Stores that have no better
/// word for it use their general error.
const fn says_gone(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. } | Error::Generic { .. })
}

/// The id that callers of [`MultipartStore`] get: the store's, and the token behind it.
impl From<UploadId> for MultipartId {
    fn from(upload: UploadId) -> Self {
        match upload.token {
            Some(token) => format!("{}{MARK}{token}", upload.id),
            None => upload.id,
        }
    }
}

/// Ids without a token, such as those of uploads that others began, are as good.
impl From<&MultipartId> for UploadId {
    fn from(id: &MultipartId) -> Self {
        let parts = id.rsplit_once(MARK);
        match parts.and_then(|(id, token)| Some((id, Token::parse(token)?))) {
            Some((id, token)) => Self {
                id: id.to_owned(),
                token: Some(token),
            },
            None => Self {
                id: id.clone(),
                token: None,
            },
        }
    }
}

/// A [`MultipartUpload`] over a [`MultipartStore`]: every part has its number from the
/// moment it is handed over, so that sending it again cannot move it.
#[derive(Debug)]
pub(crate) struct RetryUpload {
    multipart: Multipart,
    location: Path,
    upload: UploadId,
    sent: Arc<Mutex<Vec<Option<PartId>>>>,
}

impl RetryUpload {
    pub(crate) fn new(multipart: Multipart, location: Path, upload: UploadId) -> Self {
        Self {
            multipart,
            location,
            upload,
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
        let multipart = self.multipart.clone();
        let location = self.location.clone();
        let upload = self.upload.clone();
        let sent = Arc::clone(&self.sent);
        let part = async move {
            let part = multipart.put_part(&location, &upload, index, data).await?;
            sent.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(part);
            Ok(())
        };
        // Writers such as `WriteMultipart` move parts to tasks of their own, where the deadline of
        // the code that writes is not to be seen.
        match current_deadline() {
            Some(deadline) => Box::pin(with_deadline(deadline, part)),
            None => Box::pin(part),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.iter().cloned().collect::<Option<Vec<_>>>()
        };
        let parts = parts.ok_or_else(|| {
            generic("a part of the upload has not arrived: it failed, or was not awaited")
        })?;
        self.multipart
            .complete(&self.location, &self.upload, parts)
            .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.multipart.abort(&self.location, &self.upload).await
    }
}

/// Uploads cost storage until they end.
fn warn_of_lost(lost: u32, path: &Path) {
    if lost > 0 {
        tracing::warn!(
            target: "undaunted::store",
            %path,
            uploads = lost,
            "{lost} upload(s) of {path} may have been begun and left behind: the response was \
             lost. A lifecycle rule of the bucket that aborts incomplete uploads ends them"
        );
    }
}

/// Between an upload's id and its token. No service has it in an id.
const MARK: &str = ";undauntedputtoken=";

#[cfg(test)]
mod tests;
