//! The store. Each operation begins here, and returns its value or a `Pending`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, Result,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted_chaos::{ChaosSpec, FaultKind};
use undaunted_object_store::{OpenError, Operation, redacted};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::errors::{not_opened, storage_error};
use crate::folder::{self, delete_all};
use crate::hedge::hedge_of;
use crate::key;
use crate::listing::Listing;
use crate::open_store::{OpenStore, Settings, StoreKind, file_url};
use crate::pacer::Pacer;
use crate::payload;
use crate::pending::{operate, operate_to_the_end};
use crate::reader::{Content, Reader};
use crate::stored_file::StoredFile;
use crate::upload::Upload;

/// A store with retries.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Store {
    settings: Settings,
    /// What Python needs to open it again in another process.
    recipe: Py<PyAny>,
    /// None once it is closed. Locked under the GIL only, so that no fork finds it locked.
    opened: Mutex<Option<Arc<OpenStore>>>,
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
        hedge: Option<(String, f64)>,
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
        let opened = py
            .detach(|| settings.open())
            .map_err(|error| not_opened(py, &error))?;
        Ok(Self {
            settings,
            recipe,
            opened: Mutex::new(Some(Arc::new(opened))),
        })
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
        let attributes = self.storable(&described);
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
        let attributes = self.storable(&described);
        let opened = self.opened(py)?;
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
        self.on_key(py, key, move |opened, path| async move {
            let options = GetOptions {
                range: Some(stop.map_or(GetRange::Offset(start), |stop| (start..stop).into())),
                // A weak ETag never matches.
                if_match: etag.clone().filter(|etag| !etag.starts_with("W/")),
                ..GetOptions::default()
            };
            let result = opened.store.get_opts(&path, options).await?;
            // Some servers do not heed the condition.
            match (&etag, &result.meta.e_tag) {
                (Some(was), Some(now)) if was != now => Err(Error::Precondition {
                    path: path.to_string(),
                    source: "another object has taken its place".into(),
                }),
                _ => Ok(Content(result.bytes().await?)),
            }
        })
    }

    /// Begins to read: a `Reader`.
    fn get(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let named = key.clone();
        self.on_key(py, key, move |opened, path| async move {
            Ok(Reader::new(named, opened.store.get(&path).await?))
        })
    }

    fn delete(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        self.on_key(py, key, |opened, path| async move {
            match opened.store.delete(&path).await {
                // Services do not say whether there was one, so no storage does.
                Ok(()) | Err(Error::NotFound { .. }) => Ok(None::<bool>),
                Err(error) => Err(error),
            }
        })
    }

    /// Deletes objects, many in a request where the service can. All are tried; a missing one is
    /// no failure.
    fn delete_many(&self, py: Python<'_>, keys: Vec<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
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
        self.on_key(py, key, |opened, path| async move {
            match opened.store.head(&path).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
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
        let opened = self.opened(py)?;
        let beginning = opened.root.prefix(py, &prefix)?;
        let (store, root) = (opened.store.clone(), opened.root.clone());
        Ok(Listing::new(store, root, prefix, beginning, limit))
    }

    /// What is directly in a folder: its objects, and the keys of the folders in it.
    fn list_folder(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let opened = self.opened(py)?;
        let folder = opened.root.folder(py, &key)?;
        operate(py, key, async move {
            folder::list(&opened.store, &opened.root, &folder).await
        })
    }

    /// Whether a folder has objects, or a mark that it exists.
    fn is_folder(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let key = key::text("key", key)?;
        let opened = self.opened(py)?;
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
        let method = match method {
            "DELETE" => Method::DELETE,
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "PUT" => Method::PUT,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "method is {method:?}, but must be GET, PUT, HEAD or DELETE"
                )));
            }
        };
        let lasts = Duration::try_from_secs_f64(expires_in);
        let lasts = lasts
            .ok()
            .filter(|lasts| lasts.as_secs() > 0 && *lasts <= LONGEST_URL);
        let lasts = lasts.ok_or_else(|| {
            PyValueError::new_err(format!(
                "expires_in is {expires_in} s, but must be from 1 second to 7 days"
            ))
        })?;
        let is_file = self.settings.kind() == StoreKind::Files;
        let shown = self.shown_url().into_owned();
        self.on_key(py, key, move |opened, path| async move {
            if is_file {
                return file_url(&path).ok_or(Error::NotImplemented {
                    operation: "url".to_owned(),
                    implementer: "the file store".to_owned(),
                });
            }
            match opened.store.signed_url(method, &path, lasts).await {
                Ok(url) => Ok(url.to_string()),
                Err(Error::NotSupported { .. }) => Err(Error::NotSupported {
                    source: format!("{shown} cannot sign URLs").into(),
                }),
                Err(error) => Err(error),
            }
        })
    }

    /// Closes idle connections, and waits for uploads that are being aborted, for a limited time.
    /// Running operations continue.
    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let opened = self.lock().take();
        let Some(opened) = opened.filter(|opened| opened.process == std::process::id()) else {
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
        self.lock().is_none()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.settings.kind() {
            StoreKind::Files => "files",
            StoreKind::Memory => "memory",
            StoreKind::Service => "service",
        }
    }

    /// The URL without its secrets.
    #[getter]
    fn shown_url(&self) -> Cow<'_, str> {
        redacted(&self.settings.url)
    }

    /// Tokens of the retry budget.
    #[getter]
    fn budget_tokens(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        let opened = self.opened(py)?;
        Ok(opened.store.budget().map(|budget| budget.tokens()))
    }

    /// The rate in requests a second, while the service throttles.
    #[getter]
    fn pace(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let opened = self.opened(py)?;
        // All operations have the same one.
        let pacer = opened.store.pacer(Operation::Get);
        Ok(pacer.and_then(undaunted::Pacer::rate))
    }

    /// How many reads were sent a second time, and how many of those were first.
    #[getter]
    fn hedges(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let opened = self.opened(py)?;
        let hedger = opened.store.hedger();
        Ok(hedger.map_or((0, 0), |hedger| (hedger.issued(), hedger.won())))
    }

    /// How many faults were injected, by kind.
    fn injected(&self) -> BTreeMap<&'static str, u64> {
        let plan = self.settings.faults.iter();
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
        let opened = self.opened(py)?;
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
        let opened = self.opened(py)?;
        let from = opened.root.path(py, "source", &source)?;
        let to = opened.root.path(py, "destination", &destination)?;
        // The source can be missing. Without `overwrite`, the destination can exist.
        let named = if overwrite {
            source
        } else {
            destination.clone()
        };
        operate(py, named, async move {
            let store = &opened.store;
            match (is_move, overwrite) {
                (false, true) => store.copy(&from, &to).await?,
                (false, false) => store.copy_if_not_exists(&from, &to).await?,
                (true, true) => store.rename(&from, &to).await?,
                (true, false) => store.rename_if_not_exists(&from, &to).await?,
            }
            opened.describe(destination, &to).await
        })
    }

    /// The open store. In a forked child it is opened again, since connections stay with the
    /// parent; a store in memory is not, since its content would be lost.
    fn opened(&self, py: Python<'_>) -> PyResult<Arc<OpenStore>> {
        // Exceptions are made after the lock is released: making one runs Python, which may
        // release the GIL, and the next thread must not wait for the lock while it has the GIL.
        match self.open_again() {
            Some(Ok(opened)) => Ok(opened),
            Some(Err(error)) => Err(not_opened(py, &error)),
            None => {
                let message = format!("the storage {} is closed", self.shown_url());
                Err(storage_error(py, "StorageClosedError", message, None))
            }
        }
    }

    fn open_again(&self) -> Option<Result<Arc<OpenStore>, OpenError>> {
        let mut slot = self.lock();
        let opened = slot.as_ref()?;
        if opened.process == std::process::id() || self.settings.kind() == StoreKind::Memory {
            return Some(Ok(Arc::clone(opened)));
        }
        let again = self.settings.open().map(Arc::new);
        if let Ok(again) = &again {
            *slot = Some(Arc::clone(again));
        }
        Some(again)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<OpenStore>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attributes that the store can hold. The content type of a file follows from its name.
    /// Files cannot hold metadata, which is an error.
    fn storable(&self, attributes: &Attributes) -> Result<Attributes> {
        if self.settings.kind() != StoreKind::Files {
            return Ok(attributes.clone());
        }
        if payload::has_metadata(attributes) {
            return Err(Error::NotSupported {
                source: "files cannot hold metadata".into(),
            });
        }
        Ok(Attributes::new())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", redacted(&self.settings.url))
    }
}

/// The maximum of S3.
const LONGEST_URL: Duration = Duration::from_secs(7 * 24 * 3600);
