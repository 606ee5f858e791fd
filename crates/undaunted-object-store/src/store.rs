//! The store: every operation of `ObjectStore`, carried through transient failure.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::Method;
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    RenameTargetMode, Result,
};
use undaunted::{Hedger, Pacer, RetryBudget, RetryConfig};
use url::Url;

use crate::builder::RetryStoreBuilder;
use crate::capabilities::Capabilities;
use crate::hedged::HedgedOnce;
use crate::list::{Lister, tell_left_out};
use crate::multipart::{Multipart, RetryUpload, UploadId};
use crate::operation::Operation;
use crate::policy::Policy;
use crate::{attributes, body, delete, token, write};

/// A store whose operations are retried.
///
/// [`open`](crate::open) makes one from a URL, with all that the store can do. Around a store
/// of your own, [`RetryStore::new`] knows the [`ObjectStore`] trait only; what else the store
/// can do is set with [`builder`](Self::builder), see [`Capabilities`].
///
/// ```
/// use object_store::memory::InMemory;
/// use object_store::{ObjectStoreExt, path::Path};
/// use undaunted::RetryConfig;
/// use undaunted_object_store::RetryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> object_store::Result<()> {
/// let store = RetryStore::new(InMemory::new(), RetryConfig::storage());
/// let key = Path::from("avatars/1.jpg");
/// store.put(&key, "image".into()).await?;
/// assert_eq!(store.get(&key).await?.bytes().await?, "image");
/// # Ok(())
/// # }
/// ```
///
/// # Switch off the inner store's own retries
///
/// Retries at two layers multiply: 10 retries here over object_store's own 10 are up to 121
/// requests for one operation. [`open`](crate::open) switches the inner ones off. Build your
/// own store with `with_retry(object_store::RetryConfig { max_retries: 0, .. })`, and see
/// [`open`](crate::open) for what that does to credentials.
pub struct RetryStore<S> {
    pub(crate) inner: Arc<S>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) capabilities: Capabilities,
    pub(crate) multipart: Option<Multipart>,
}

impl<S: ObjectStore> RetryStore<S> {
    /// Retries the operations of `inner` under this policy, with a budget and a pacer of
    /// its own.
    pub fn new(inner: S, config: RetryConfig) -> Self {
        Self::builder(inner).config(config).build()
    }

    /// Sets policies, budget, pacers and capabilities.
    pub fn builder(inner: S) -> RetryStoreBuilder<S> {
        RetryStoreBuilder::new(inner)
    }

    /// The store inside, whose operations are not retried.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The budget that all operations of this store share, if it was not switched off.
    #[must_use]
    pub fn budget(&self) -> Option<&Arc<RetryBudget>> {
        self.policy.budget.as_ref()
    }

    /// The pacer at which attempts of this operation wait for their turns once the service
    /// throttles, if it was not switched off. By default it is the same for all operations.
    #[must_use]
    pub fn pacer(&self, operation: Operation) -> Option<&Pacer> {
        self.policy.pacer(operation)
    }

    /// What decides which reads are sent a second time, and counts them; see
    /// [`RetryStoreBuilder::hedge`].
    #[must_use]
    pub fn hedger(&self) -> Option<&Arc<Hedger>> {
        self.policy.hedger.as_ref()
    }

    /// What the store can do beyond the trait.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// [`put_opts`](ObjectStore::put_opts) without a box around its future.
    pub(crate) async fn put_unboxed(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        write::put(&*self.inner, &self.policy, location, payload, opts).await
    }

    /// [`get_opts`](ObjectStore::get_opts) without a box around its future.
    pub(crate) async fn get_unboxed(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> Result<GetResult> {
        let (inner, policy) = (&self.inner, &self.policy);
        let once = HedgedOnce::default();
        let attempt = || policy.get(&**inner, location, options.clone(), &once);
        let got =
            policy.retry_reported(Operation::Get, location, attempt, |got| &mut got.extensions);
        let mut result = got.await?;
        result.attributes = token::strip(result.attributes);
        Ok(body::resumed(
            inner, policy, location, options, result, once,
        ))
    }

    /// Copies or renames an object onto itself: it stays as it is. A copy and a delete of one
    /// object would leave nothing.
    async fn stay(&self, location: &Path, mode: CopyMode) -> Result<()> {
        self.get_opts(location, GetOptions::new().with_head(true))
            .await?;
        match mode {
            CopyMode::Overwrite => Ok(()),
            CopyMode::Create => Err(Error::AlreadyExists {
                path: location.to_string(),
                source: "source and destination are the same object".into(),
            }),
        }
    }

    fn lister(&self) -> Lister<S> {
        Lister {
            inner: Arc::clone(&self.inner),
            policy: Arc::clone(&self.policy),
            pages: self.capabilities.pages.clone(),
            in_order: self.capabilities.lists_in_order,
        }
    }

    fn multipart(&self) -> Result<&Multipart> {
        let multipart = self.multipart.as_ref();
        multipart.ok_or_else(|| self.not_configured("MultipartStore", "with_parts"))
    }

    fn not_configured(&self, what: &str, setter: &str) -> Error {
        Error::NotSupported {
            source: format!("{self}: no {what} configured; see `Capabilities::{setter}`").into(),
        }
    }
}

impl<S> Clone for RetryStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            policy: Arc::clone(&self.policy),
            capabilities: self.capabilities.clone(),
            multipart: self.multipart.clone(),
        }
    }
}

/// The store inside by its `Display`: the `Debug` of some stores prints their credentials.
impl<S: ObjectStore> fmt::Debug for RetryStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStore")
            .field("inner", &format_args!("{}", self.inner))
            .field("policy", &self.policy)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl<S: ObjectStore> fmt::Display for RetryStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RetryStore({})", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: ObjectStore> ObjectStore for RetryStore<S> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.put_unboxed(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        attributes::check(&opts.attributes)?;
        if let Some(multipart) = &self.multipart {
            match multipart.create(location, opts.clone()).await {
                Ok(id) => {
                    let upload = RetryUpload::new(multipart.clone(), location.clone(), id);
                    return Ok(Box::new(upload));
                }
                // Its parts cannot have these attributes or tags; an upload of its own may.
                Err(Error::NotSupported { .. }) if opts != PutMultipartOptions::default() => {}
                Err(error) => return Err(error),
            }
        }
        let attempt = || (*self.inner).put_multipart_opts(location, opts.clone());
        self.policy
            .retry(Operation::CreateMultipart, location, attempt)
            .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.get_unboxed(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.retry_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        delete::stream(Arc::clone(&self.inner), Arc::clone(&self.policy), locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.lister().list(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.lister().list(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.lister().list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        if self.capabilities.is_one_object(from, to) {
            return self.stay(from, options.mode).await;
        }
        match write::copy(&*self.inner, &self.policy, from, to, options).await {
            Err(error) => Err(self.explain_copy(from, error).await),
            copied => copied,
        }
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let mode = match options.target_mode {
            RenameTargetMode::Overwrite => CopyMode::Overwrite,
            RenameTargetMode::Create => CopyMode::Create,
        };
        if self.capabilities.is_one_object(from, to) {
            return self.stay(from, mode).await;
        }
        if self.capabilities.native_rename {
            return write::rename(&*self.inner, &self.policy, from, to, options).await;
        }
        // Two operations in every store without a rename of its own, so each is retried by
        // itself: a copy that succeeded is never made again after its source is gone.
        let copy = CopyOptions {
            mode,
            extensions: options.extensions,
        };
        self.copy_opts(from, to, copy).await?;
        delete::one(&*self.inner, &self.policy, from).await
    }
}

/// The id of an upload is the store's with a token behind it, by which a [`RetryStore`] knows the
/// object when the response to the completion is lost. Whatever has an id can go on with the
/// upload: another `RetryStore`, and one in another process. The id of an upload that was begun
/// elsewhere is taken as well.
#[async_trait]
impl<S: ObjectStore> MultipartStore for RetryStore<S> {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.create_multipart_opts(path, PutMultipartOptions::default())
            .await
    }

    async fn create_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<MultipartId> {
        Ok(self.multipart()?.create(path, opts).await?.into())
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> Result<PartId> {
        let upload = UploadId::from(id);
        self.multipart()?
            .put_part(path, &upload, part_idx, data)
            .await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let upload = UploadId::from(id);
        self.multipart()?.complete(path, &upload, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.multipart()?.abort(path, &UploadId::from(id)).await
    }
}

#[async_trait]
impl<S: ObjectStore> PaginatedListStore for RetryStore<S> {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let pages = self.capabilities.pages.as_ref();
        let pages = pages.ok_or_else(|| self.not_configured("PaginatedListStore", "with_pages"))?;
        let location = Path::default();
        let attempt = || pages.list_paginated(prefix, opts.clone());
        let mut page = self
            .policy
            .retry(Operation::List, &location, attempt)
            .await?;
        tell_left_out(&self.policy, &mut page.result.extensions);
        Ok(page)
    }
}

/// Signing is the store's own: what it asks of a service, its credential provider retries.
#[async_trait]
impl<S: ObjectStore> Signer for RetryStore<S> {
    async fn signed_url(&self, method: Method, path: &Path, expires_in: Duration) -> Result<Url> {
        let signer = self.capabilities.signer.as_ref();
        let signer = signer.ok_or_else(|| self.not_configured("Signer", "with_signer"))?;
        signer.signed_url(method, path, expires_in).await
    }
}
