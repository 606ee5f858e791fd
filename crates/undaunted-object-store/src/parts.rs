//! The multipart operations of a store, each retried.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Error, MultipartId, ObjectStore, PutMultipartOptions, PutPayload, PutResult, Result,
};
use undaunted::Retryable;

use crate::call::Recorder;
use crate::classify::proves_not_applied;
use crate::conditional::{self, Questions};
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::{Resolver, put_result};
use crate::token::Token;

/// A [`MultipartStore`] whose operations are retried as far as it is safe.
///
/// A part may be written again: it replaces itself. An upload bears a token from its
/// beginning, so that the object it becomes is known when the answer to its completion is
/// lost.
#[derive(Clone)]
pub(crate) struct Parts {
    inner: Arc<dyn MultipartStore>,
    store: Arc<dyn ObjectStore>,
    policy: Arc<Policy>,
    /// The tokens of uploads that are under way.
    tokens: Arc<Mutex<HashMap<MultipartId, Token>>>,
}

impl Parts {
    pub(crate) fn new(
        inner: Arc<dyn MultipartStore>,
        store: Arc<dyn ObjectStore>,
        policy: Arc<Policy>,
    ) -> Self {
        Self {
            inner,
            store,
            policy,
            tokens: Arc::default(),
        }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<MultipartId, Token>> {
        // A map that a panic interrupted is as good as it was.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
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
        mut opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        let token = self.policy.add_token(&mut opts.attributes);
        // An upload that was begun and whose answer was lost costs storage until the bucket's
        // lifecycle rule ends it, and harms nobody, so beginning another is safe. It cannot
        // be aborted: its id was in the answer.
        let recorder = Recorder::new(&self.policy, Operation::CreateMultipart, path);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        let mut lost = 0;
        let id = loop {
            let attempt = self.inner.create_multipart_opts(path, opts.clone());
            match attempts.attempt(attempt).await {
                Ok(id) => break id,
                Err(error) => {
                    lost += u32::from(!proves_not_applied(&error));
                    attempts.failed(error).await?;
                }
            }
        };
        if lost > 0 {
            tracing::warn!(
                target: "undaunted::store",
                %path,
                uploads = lost,
                "{lost} upload(s) of {path} may have been begun and left behind: the answer was \
                 lost. A lifecycle rule of the bucket that aborts incomplete uploads ends them"
            );
        }
        if let Some(token) = token {
            self.tokens().insert(id.clone(), token);
        }
        Ok(id)
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
        let token = self.tokens().get(id).cloned();
        let resolver = Resolver {
            inner: &self.store,
            policy: &self.policy,
            location: path,
        };
        let result = conditional::retry(
            &self.policy,
            Operation::CompleteMultipart,
            path,
            Questions::AllPermanent,
            || self.inner.complete_multipart(path, id, parts.clone()),
            || resolver.complete(token.as_ref()),
            put_result,
        )
        .await?;
        self.tokens().remove(id);
        Ok(result)
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        let recorder = Recorder::new(&self.policy, Operation::AbortMultipart, path);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        loop {
            match attempts.attempt(self.inner.abort_multipart(path, id)).await {
                Ok(()) => break,
                Err(error) if attempts.maybe_applied() && says_gone(&error) => {
                    attempts.succeed(()).await?;
                    break;
                }
                Err(error) => attempts.failed(error).await?,
            }
        }
        self.tokens().remove(id);
        Ok(())
    }
}

/// Whether a repeated abort found nothing to abort. Stores that have no better word for it
/// use their general error.
fn says_gone(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Generic { .. } => !error.verdict().is_retryable(),
        _ => false,
    }
}
