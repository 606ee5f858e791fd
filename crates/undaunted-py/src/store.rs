//! The store. Each operation begins here, and returns its value or a `Pending`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{
    Error, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, Result,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use undaunted_chaos::{ChaosSpec, FaultKind};
use undaunted_object_store::{Operation, redacted};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::folder::{self, delete_all};
use crate::hedge::{HedgeFigures, hedge_of};
use crate::key;
use crate::left_out::LeftOut;
use crate::listing::Listing;
use crate::open_store::{OpenStore, Settings, StoreKind, file_url};
use crate::pacer::Pacer;
use crate::payload;
use crate::pending::{operate, operate_to_the_end};
use crate::read_options::read_options;
use crate::reader::{Content, Reader};
use crate::signing::UrlRequest;
use crate::slot::Slot;
use crate::stored_file::StoredFile;
use crate::upload::Upload;

/// A store with retries.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Store {
    slot: Slot,
    /// What Python needs to open it again in another process.
    recipe: Py<PyAny>,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (
        recipe, url, options, config, budget = None, pacer = None, chaos = None, is_paced = true,
        on_retry = None, hedge = None,
    ))]
    #[allow(clippy::too_many_arguments)] // one for each setting
    fn new(
        py: Python<'_>,
        recipe: Py<PyAny>,
        url: String,
        options: Vec<(String, String)>,
        config: &Config,
        budget: Option<&RetryBudget>,
        pacer: Option<&Pacer>,
        chaos: Option<&str>,
        is_paced: bool,
        on_retry: Option<Py<PyAny>>,
        hedge: Option<HedgeFigures>,
    ) -> PyResult<Self> {
        let faults = chaos.map(str::parse::<ChaosSpec>).transpose();
        let faults = faults.map_err(|error| PyValueError::new_err(format!("chaos: {error}")))?;
        let settings = Settings {
            url,
            options,
            config: config.inner.clone(),
            rules: config.rules.clone(),
            budget: budget.map(|budget| Arc::clone(&budget.inner)),
            pacer: pacer.map(|pacer| Arc::clone(&pacer.shared)),
            faults: faults.map(|spec| spec.plan()),
            is_paced,
            on_retry: on_retry.map(Arc::new),
            hedge: hedge.map(hedge_of).transpose()?,
        };
        let slot = Slot::open(py, settings)?;
        Ok(Self { slot, recipe })
    }

    fn put(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        content_type: Option<String>,
        metadata: Option<BTreeMap<String, String>>,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let data = payload::data(data)?;
        let size = data.len() as u64;
        let described = payload::attributes(content_type, metadata)?;
        let attributes = self.slot.settings.storable(&described);
        let mode = if overwrite {
            PutMode::Overwrite
        } else {
            PutMode::Create
        };
        let named = key.clone();
        self.on_key(py, key, move |opened, path| async move {
            let options = PutOptions {
                mode,
                attributes: attributes?,
                ..PutOptions::default()
            };
            let result = opened.store.put_opts(&path, data.into(), options).await?;
            Ok(StoredFile::written(named, size, result.e_tag, &described))
        })
    }

    /// Begins a multipart upload.
    fn start_upload(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        content_type: Option<String>,
        metadata: Option<BTreeMap<String, String>>,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let described = payload::attributes(content_type, metadata)?;
        let attributes = self.slot.settings.storable(&described);
        let opened = self.slot.opened(py)?;
        let path = opened.root.path(py, "key", &key)?;
        let cleanups = opened.cleanups.clone();
        let named = key.clone();
        operate_to_the_end(py, key, &opened.cleanups.clone(), async move {
            let options = PutMultipartOptions {
                attributes: attributes?,
                ..PutMultipartOptions::default()
            };
            let upload = opened.store.put_multipart_opts(&path, options).await?;
            Ok(Upload::new(named, described, upload, cleanups))
        })
    }

    fn get_bytes(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        self.on_key(py, key, |opened, path| async move {
            let result = opened.store.get(&path).await?;
            Ok(Content(result.bytes().await?))
        })
    }

    /// Reads a part of an object: `stop` is the end, or `None` for the rest of it. With an ETag, of
    /// this object and no other.
    fn get_range(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        start: u64,
        stop: Option<u64>,
        etag: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let range = stop.map_or(GetRange::Offset(start), |stop| (start..stop).into());
        self.on_key(py, key, move |opened, path| async move {
            opened.read_part(&path, range, etag).await.map(Content)
        })
    }

    /// Reads parts of one version of an object, some at the same time.
    fn get_ranges(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        ranges: Vec<(u64, u64)>,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let ranges = ranges.into_iter().map(|(start, stop)| start..stop);
        let ranges = ranges.collect();
        self.on_key(py, key, move |opened, path| async move {
            let parts = opened.read_parts(&path, ranges).await?;
            Ok(parts.into_iter().map(Content).collect::<Vec<_>>())
        })
    }

    /// Begins to read: a `Reader`.
    #[pyo3(signature = (key, options = None))]
    fn get(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let named = key.clone();
        let options = options.map(read_options).transpose()?.unwrap_or_default();
        self.on_key(py, key, move |opened, path| async move {
            let has_body = !options.head;
            let result = opened.store.get_opts(&path, options).await?;
            Ok(Reader::new(named, result, has_body))
        })
    }

    fn delete(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        self.on_key(py, key, |opened, path| async move {
            opened.delete(&path).await.map(|()| None::<bool>)
        })
    }

    /// Deletes objects, many in a request where the service can. All are tried; a missing one is
    /// no failure.
    fn delete_many(&self, py: Python<'_>, keys: Vec<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let opened = self.slot.opened(py)?;
        let paths: Vec<_> = keys
            .iter()
            .map(|key| opened.root.path(py, "key", &key::text("key", key)?))
            .collect::<PyResult<_>>()?;
        operate(py, String::new(), async move {
            delete_all(&opened.store, paths).await?;
            Ok(None::<bool>)
        })
    }

    fn exists(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        self.on_key(
            py,
            key,
            |opened, path| async move { opened.exists(&path).await },
        )
    }

    fn info(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let named = key.clone();
        self.on_key(py, key, move |opened, path| async move {
            opened.describe(named, &path).await
        })
    }

    /// Copies an object: the description of the new one.
    fn copy(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        destination: &Bound<'_, PyAny>,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        self.transfer(py, source, destination, overwrite, false)
    }

    /// Moves an object: the description of the new one.
    #[pyo3(name = "move")]
    fn rename(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        destination: &Bound<'_, PyAny>,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        self.transfer(py, source, destination, overwrite, true)
    }

    /// Begins a list: a `Listing`. No request is made yet.
    fn list(
        &self,
        py: Python<'_>,
        prefix: &Bound<'_, PyAny>,
        limit: Option<usize>,
    ) -> PyResult<Listing> {
        let prefix = key::text("prefix", prefix)?;
        let opened = self.slot.opened(py)?;
        let beginning = opened.root.prefix(py, &prefix)?;
        let (store, root) = (opened.store.clone(), opened.root.clone());
        let left_out = LeftOut::new(&self.shown_url(), &prefix);
        Ok(Listing::new(
            store, root, prefix, beginning, limit, left_out,
        ))
    }

    /// What is directly in a folder: its objects, and the keys of the folders in it.
    fn list_folder(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let opened = self.slot.opened(py)?;
        let folder = opened.root.folder(py, &key)?;
        let left_out = LeftOut::new(&self.shown_url(), &key);
        operate(py, key, async move {
            folder::list(&opened.store, &opened.root, &folder, left_out).await
        })
    }

    /// Whether a folder has objects, or a mark that it exists.
    fn is_folder(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let opened = self.slot.opened(py)?;
        let folder = opened.root.folder(py, &key)?;
        operate(py, key, async move {
            folder::exists(&opened.store, &folder).await
        })
    }

    fn url(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        expires_in: f64,
        method: &str,
    ) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let request = UrlRequest::new(method, expires_in)?;
        let is_file = self.slot.settings.kind() == StoreKind::Files;
        let shown = self.shown_url().into_owned();
        self.on_key(py, key, move |opened, path| async move {
            if is_file {
                return file_url(&path).ok_or(Error::NotImplemented {
                    operation: "url".to_owned(),
                    implementer: "the file store".to_owned(),
                });
            }
            request.signed(&opened.store, &path, &shown).await
        })
    }

    /// Closes idle connections, and waits for uploads that are being aborted, for a limited time.
    /// Running operations continue.
    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(opened) = self.slot.close() else {
            return Ok(py.None());
        };
        let cleanups = opened.cleanups.clone();
        drop(opened);
        if cleanups.is_idle() {
            return Ok(py.None());
        }
        operate(py, String::new(), async move {
            cleanups.ended().await;
            Ok(None::<bool>)
        })
    }

    #[getter]
    fn recipe(&self, py: Python<'_>) -> Py<PyAny> {
        self.recipe.clone_ref(py)
    }

    #[getter]
    fn closed(&self) -> bool {
        self.slot.is_closed()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.slot.settings.kind() {
            StoreKind::Files => "files",
            StoreKind::Memory => "memory",
            StoreKind::Service => "service",
        }
    }

    /// The URL without its secrets.
    #[getter]
    fn shown_url(&self) -> Cow<'_, str> {
        redacted(&self.slot.settings.url)
    }

    /// Tokens of the retry budget.
    #[getter]
    fn budget_tokens(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        let opened = self.slot.opened(py)?;
        Ok(opened.store.budget().map(|budget| budget.tokens()))
    }

    /// The rate in requests a second, while the service throttles.
    #[getter]
    fn pace(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let opened = self.slot.opened(py)?;
        // All operations have the same one.
        let pacer = opened.store.pacer(Operation::Get);
        Ok(pacer.and_then(undaunted::Pacer::rate))
    }

    /// How many reads were sent a second time, and how many of those were first.
    #[getter]
    fn hedges(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let opened = self.slot.opened(py)?;
        let hedger = opened.store.hedger();
        Ok(hedger.map_or((0, 0), |hedger| (hedger.issued(), hedger.won())))
    }

    /// How many faults were injected, by kind.
    fn injected(&self) -> BTreeMap<&'static str, u64> {
        let plan = self.slot.settings.faults.iter();
        plan.flat_map(|plan| {
            FaultKind::ALL
                .iter()
                .map(|kind| (kind.as_str(), plan.injected(*kind)))
        })
        .filter(|(_, count)| *count > 0)
        .collect()
    }
}

impl Store {
    /// Runs an operation on one key.
    fn on_key<T, Done>(
        &self,
        py: Python<'_>,
        key: String,
        act: impl FnOnce(Arc<OpenStore>, Path) -> Done,
    ) -> PyResult<Py<PyAny>>
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        Done: Future<Output = Result<T>> + Send + 'static,
    {
        let opened = self.slot.opened(py)?;
        let path = opened.root.path(py, "key", &key)?;
        operate(py, key, act(opened, path))
    }

    fn transfer(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        destination: &Bound<'_, PyAny>,
        overwrite: bool,
        is_move: bool,
    ) -> PyResult<Py<PyAny>> {
        let source = key::text("source", source)?;
        let destination = key::text("destination", destination)?;
        let opened = self.slot.opened(py)?;
        let from = opened.root.path(py, "source", &source)?;
        let to = opened.root.path(py, "destination", &destination)?;
        // The source can be missing. Without `overwrite`, the destination can exist.
        let named = if overwrite {
            source
        } else {
            destination.clone()
        };
        operate(py, named, async move {
            opened.transfer(&from, &to, overwrite, is_move).await?;
            opened.describe(destination, &to).await
        })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", redacted(&self.slot.settings.url))
    }
}
