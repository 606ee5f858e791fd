//! A list of objects, read in batches.

use std::fmt;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Attributes, Error, ObjectMeta, ObjectStore, Result};
use pyo3::prelude::*;
use pyo3::types::PyList;
use tokio::sync::Mutex;
use undaunted_object_store::{RetryStore, observe};

use crate::key::Root;
use crate::left_out::LeftOut;
use crate::pending::operate;
use crate::pieces::Pieces;
use crate::stored_file::StoredFile;

/// The objects whose keys begin with a prefix, a batch at a time.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Listing {
    prefix: String,
    root: Root,
    objects: Arc<Mutex<(Pieces<Batch>, Objects)>>,
}

struct Objects {
    batches: BoxStream<'static, Vec<Result<ObjectMeta>>>,
    left_out: LeftOut,
}

#[pymethods]
impl Listing {
    /// The next batch, or `None` at the end. With a number, the batch of that number, counted from
    /// 0: the next one, or the last one again.
    #[pyo3(signature = (number = None))]
    fn next(&self, py: Python<'_>, number: Option<u64>) -> PyResult<Py<PyAny>> {
        let objects = Arc::clone(&self.objects);
        let root = self.root.clone();
        operate(py, self.prefix.clone(), async move {
            let (pieces, objects) = &mut *objects.lock().await;
            pieces.get(number, batch(objects, &root)).await
        })
    }
}

/// The next batch. Nothing of it is lost if this is dropped.
async fn batch(objects: &mut Objects, root: &Root) -> Result<Option<Batch>> {
    let Some(batch) = objects.next().await else {
        return Ok(None);
    };
    let mut listed = Vec::with_capacity(batch.len());
    for meta in batch {
        let meta = meta?;
        if let Some(key) = root.key(&meta.location) {
            listed.push(StoredFile::new(key, meta, &Attributes::new()));
        }
    }
    Ok(Some(Batch(Arc::new(listed))))
}

/// Objects of a list, as a list of Python's.
#[derive(Clone)]
struct Batch(Arc<Vec<StoredFile>>);

impl<'py> IntoPyObject<'py> for Batch {
    type Target = PyList;
    type Output = Bound<'py, PyList>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.0.iter())
    }
}

impl Listing {
    pub(crate) fn new(
        store: RetryStore<Arc<dyn ObjectStore>>,
        root: Root,
        prefix: String,
        (folder, start): (Option<Path>, String),
        limit: Option<usize>,
        left_out: LeftOut,
    ) -> Self {
        let objects = if store.capabilities().pages().is_some() {
            pages(store, start, limit)
        } else {
            store
                .list(folder.as_ref())
                .try_filter(move |meta| {
                    std::future::ready(meta.location.as_ref().starts_with(&start))
                })
                .boxed()
        };
        let objects = objects
            .take(limit.unwrap_or(usize::MAX))
            .ready_chunks(BATCH)
            .boxed();
        Self {
            prefix,
            root,
            objects: Arc::new(Mutex::new((
                Pieces::default(),
                Objects {
                    batches: objects,
                    left_out,
                },
            ))),
        }
    }
}

impl Objects {
    async fn next(&mut self) -> Option<Vec<Result<ObjectMeta>>> {
        let (batch, seen) = observe(self.batches.next()).await;
        self.left_out.add(seen.skipped_keys);
        if batch.is_none() {
            self.left_out.tell();
        }
        batch
    }
}

/// A list by pages, in which a prefix need not end at a slash.
fn pages(
    store: RetryStore<Arc<dyn ObjectStore>>,
    prefix: String,
    limit: Option<usize>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let max_keys = limit.filter(|limit| *limit < BATCH);
    let pages = stream::try_unfold(Some(None), move |token: Option<Option<String>>| {
        let store = store.clone();
        let prefix = prefix.clone();
        async move {
            let Some(page_token) = token else {
                return Ok::<_, Error>(None);
            };
            let options = PaginatedListOptions {
                max_keys,
                page_token,
                ..PaginatedListOptions::default()
            };
            let prefix = Some(prefix.as_str()).filter(|prefix| !prefix.is_empty());
            let page = store.list_paginated(prefix, options).await?;
            let objects = stream::iter(page.result.objects.into_iter().map(Ok));
            Ok(Some((objects, page.page_token.map(Some))))
        }
    });
    pages.try_flatten().boxed()
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The size of a page of S3.
const BATCH: usize = 1000;
