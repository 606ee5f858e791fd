//! The store with faults.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::body::{self, Replace};
use crate::call::IncomingCall;
use crate::fault::Fault;
use crate::list::list;
use crate::operation::Operation;
use crate::plan::FaultPlan;
use crate::upload::FaultyUpload;

/// An [`ObjectStore`] whose calls fail as its [`FaultPlan`] says.
///
/// All that is not hit goes to the inner store as it is. Every method of the trait is covered.
/// `delete_stream` turns into single deletes of up to ten keys at a time, so that each key can
/// be hit by itself; their results keep the order of the keys.
///
/// It is a [`MultipartStore`](object_store::multipart::MultipartStore) and a
/// [`PaginatedListStore`](object_store::list::PaginatedListStore) where the inner store is; for
/// stores whose type is not known there are [`FaultyParts`](crate::FaultyParts) and
/// [`FaultyPages`](crate::FaultyPages).
///
/// A part of a multipart upload that fails before it is applied is never shown to the inner
/// upload, which then holds only the other parts. A part whose response is lost is in it, and
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
/// // The response to a create is lost. A retry is then told that the object exists already.
/// let key = Path::from("a");
/// let first = store.put_opts(&key, "x".into(), PutMode::Create.into()).await;
/// assert!(matches!(first, Err(object_store::Error::Generic { .. })));
/// let second = store.put_opts(&key, "x".into(), PutMode::Create.into()).await;
/// assert!(matches!(second, Err(object_store::Error::AlreadyExists { .. })));
/// # }
/// ```
pub struct FaultyStore<S: ?Sized> {
    pub(crate) inner: Arc<S>,
    pub(crate) plan: FaultPlan,
}

impl<S> FaultyStore<S> {
    /// Puts `inner` behind the faults of `plan`.
    #[must_use]
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self::shared(Arc::new(inner), plan)
    }
}

impl<S: ?Sized> FaultyStore<S> {
    /// The same for a store that is shared, or whose type is not known.
    #[must_use]
    pub const fn shared(inner: Arc<S>, plan: FaultPlan) -> Self {
        Self { inner, plan }
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
impl<S: ?Sized> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            plan: self.plan.clone(),
        }
    }
}

/// Without the inner store, which need not be `Debug`.
impl<S: ?Sized> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Display + ?Sized> fmt::Display for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", &self.inner)
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
        let call = IncomingCall::new(Operation::Put, location.as_ref());
        let put = self.inner.put_opts(location, payload, opts);
        self.plan.run(call, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let call = IncomingCall::new(Operation::CreateMultipart, location.as_ref());
        let create = self.inner.put_multipart_opts(location, opts);
        let upload = self.plan.run(call, create).await?;
        let plan = self.plan.clone();
        Ok(Box::new(FaultyUpload::new(upload, plan, location)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head {
            Operation::Head
        } else {
            Operation::Get
        };
        let call = IncomingCall::new(operation, location.as_ref());
        let Some(fault) = self.plan.begin(&call).before().await? else {
            return self.inner.get_opts(location, options).await;
        };
        let mut options = options;
        let ignores_range =
            matches!(fault.fault(), Fault::IgnoreRange) && options.range.take().is_some();
        let response = self.inner.get_opts(location, options).await?;
        if ignores_range {
            fault.take_effect();
        }
        body::hit_body(response, fault, self.replace(location))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let call = IncomingCall::new(Operation::GetRanges, location.as_ref());
        let fault = self.plan.begin(&call).before().await?;
        let response = self.inner.get_ranges(location, ranges).await?;
        match fault {
            Some(fault) => body::hit_ranges(response, fault, self.replace(location)).await,
            None => Ok(response),
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
                    let call = IncomingCall::new(Operation::Delete, location.as_ref());
                    let delete = store.inner.delete(&location);
                    store.plan.run(call, delete).await?;
                    Ok(location)
                }
            })
            .buffered(CONCURRENT_DELETES)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let inner = Arc::clone(&self.inner);
        let prefix = prefix.cloned();
        list(self.plan.clone(), key_of(prefix.as_ref()), move || {
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
        list(self.plan.clone(), key_of(prefix.as_ref()), move || {
            inner.list_with_offset(prefix.as_ref(), &offset)
        })
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let key = key_of(prefix);
        let call = IncomingCall::new(Operation::List, &key);
        let list = self.inner.list_with_delimiter(prefix);
        self.plan.run(call, list).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let call = IncomingCall::new(Operation::Copy, to.as_ref());
        let copy = self.inner.copy_opts(from, to, options);
        self.plan.run(call, copy).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let call = IncomingCall::new(Operation::Rename, to.as_ref());
        let rename = self.inner.rename_opts(from, to, options);
        self.plan.run(call, rename).await
    }
}

impl<S: ObjectStore> FaultyStore<S> {
    /// What [`Fault::ReplaceObject`](crate::Fault::ReplaceObject) does to an object.
    fn replace(&self, location: &Path) -> Replace {
        let (inner, location) = (Arc::clone(&self.inner), location.clone());
        Box::new(move || {
            Box::pin(async move {
                let old = inner.get(&location).await?.bytes().await?;
                inner.put(&location, body::inverted(&old).into()).await?;
                Ok(())
            })
        })
    }
}

fn key_of(prefix: Option<&Path>) -> String {
    prefix.map(Path::to_string).unwrap_or_default()
}

/// As many as the local file system of object_store deletes at a time.
const CONCURRENT_DELETES: usize = 10;
