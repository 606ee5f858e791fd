//! The store: each operation begins here, and is a value or a `Pending` when it returns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, RenameOptions, RenameTargetMode, Result,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted_chaos::{ChaosSpec, FaultKind};
use undaunted_object_store::{OpenError, redacted};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::errors::not_opened;
use crate::listing::Listing;
use crate::opened::{Kind, Opened, Recipe, file_url};
use crate::operation::{Content, NOTHING, operate};
use crate::payload;
use crate::reader::Reader;
use crate::stored::Stored;
use crate::upload::Upload;

/// A store with retries.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Store {
    recipe: Recipe,
    /// None once it is closed. Locked under the GIL only, so that no fork finds it locked.
    opened: Mutex<Option<Arc<Opened>>>,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (url, options, config, budget = None, chaos = None))]
    fn new(
        py: Python<'_>,
        url: String,
        options: Vec<(String, String)>,
        config: &Config,
        budget: Option<&RetryBudget>,
        chaos: Option<&str>,
    ) -> PyResult<Self> {
        let faults = chaos.map(str::parse::<ChaosSpec>).transpose();
        let faults = faults.map_err(|error| PyValueError::new_err(format!("chaos: {error}")))?;
        let recipe = Recipe {
            url,
            options,
            config: config.inner.clone(),
            budget: budget.map(|budget| Arc::clone(&budget.inner)),
            faults: faults.map(|spec| spec.plan()),
        };
        let opened = py
            .detach(|| recipe.open())
            .map_err(|error| not_opened(py, &error))?;
        Ok(Self {
            recipe,
            opened: Mutex::new(Some(Arc::new(opened))),
        })
    }

    fn put(
        &self,
        py: Python<'_>,
        key: String,
        data: &Bound<'_, PyAny>,
        content_type: Option<String>,
        metadata: Option<BTreeMap<String, String>>,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        let data = payload::data(data)?;
        let size = data.len() as u64;
        let described = payload::attributes(content_type, metadata)?;
        let attributes = self.kept(&described);
        let named = key.clone();
        operate(py, key, async move {
            let options = PutOptions {
                mode: if overwrite {
                    PutMode::Overwrite
                } else {
                    PutMode::Create
                },
                attributes: attributes?,
                ..PutOptions::default()
            };
            let result = opened.store.put_opts(&place, data.into(), options).await?;
            Ok(Stored::written(named, size, result.e_tag, &described))
        })
    }

    /// Begins a multipart upload.
    fn start_upload(
        &self,
        py: Python<'_>,
        key: String,
        content_type: Option<String>,
        metadata: Option<BTreeMap<String, String>>,
    ) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        let described = payload::attributes(content_type, metadata)?;
        let attributes = self.kept(&described);
        let named = key.clone();
        operate(py, key, async move {
            let options = PutMultipartOptions {
                attributes: attributes?,
                ..PutMultipartOptions::default()
            };
            let upload = opened.store.put_multipart_opts(&place, options).await?;
            Ok(Upload::new(named, described, upload))
        })
    }

    fn get_bytes(&self, py: Python<'_>, key: String) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        operate(py, key, async move {
            let result = opened.store.get(&place).await?;
            Ok(Content(result.bytes().await?))
        })
    }

    /// Begins to read: a `Reader`.
    fn get(&self, py: Python<'_>, key: String) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        let named = key.clone();
        operate(py, key, async move {
            Ok(Reader::new(named, opened.store.get(&place).await?))
        })
    }

    fn delete(&self, py: Python<'_>, key: String) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        operate(py, key, async move {
            opened.store.delete(&place).await?;
            Ok(NOTHING)
        })
    }

    fn exists(&self, py: Python<'_>, key: String) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        operate(py, key, async move {
            match opened.store.head(&place).await {
                Ok(_) => Ok(true),
                Err(Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    fn info(&self, py: Python<'_>, key: String) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
        let named = key.clone();
        operate(py, key, async move { opened.describe(named, &place).await })
    }

    fn copy(
        &self,
        py: Python<'_>,
        source: String,
        destination: String,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        let mode = if overwrite {
            CopyMode::Overwrite
        } else {
            CopyMode::Create
        };
        let options = CopyOptions {
            mode,
            ..CopyOptions::default()
        };
        self.between(py, source, destination, overwrite, move |opened, from, to| {
            async move { opened.store.copy_opts(&from, &to, options).await }
        })
    }

    #[pyo3(name = "move")]
    fn rename(
        &self,
        py: Python<'_>,
        source: String,
        destination: String,
        overwrite: bool,
    ) -> PyResult<Py<PyAny>> {
        let target_mode = if overwrite {
            RenameTargetMode::Overwrite
        } else {
            RenameTargetMode::Create
        };
        let options = RenameOptions {
            target_mode,
            ..RenameOptions::default()
        };
        self.between(py, source, destination, overwrite, move |opened, from, to| {
            async move { opened.store.rename_opts(&from, &to, options).await }
        })
    }

    /// Begins a list: a `Listing`. No request is made yet.
    fn list(&self, py: Python<'_>, prefix: &str, limit: Option<usize>) -> PyResult<Listing> {
        let opened = self.opened(py)?;
        Listing::new(opened.store.clone(), opened.root.clone(), prefix, limit)
    }

    fn url(
        &self,
        py: Python<'_>,
        key: String,
        expires_in: f64,
        method: &str,
    ) -> PyResult<Py<PyAny>> {
        let opened = self.opened(py)?;
        let place = opened.root.place(&key)?;
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
        let is_file = self.recipe.kind() == Kind::Files;
        let shown = self.shown_url().into_owned();
        operate(py, key, async move {
            if is_file {
                return file_url(&place).ok_or(Error::NotImplemented {
                    operation: "url".to_owned(),
                    implementer: "the file store".to_owned(),
                });
            }
            match opened.store.signed_url(method, &place, lasts).await {
                Ok(url) => Ok(url.to_string()),
                Err(Error::NotSupported { .. }) => Err(Error::NotSupported {
                    source: format!("{shown} cannot sign URLs").into(),
                }),
                Err(error) => Err(error),
            }
        })
    }

    /// Lets go of connections. What is running goes on.
    fn close(&self) {
        let opened = self.lock().take();
        drop(opened);
    }

    #[getter]
    fn closed(&self) -> bool {
        self.lock().is_none()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.recipe.kind() {
            Kind::Files => "files",
            Kind::Memory => "memory",
            Kind::Service => "service",
        }
    }

    /// The URL without what is secret in it.
    #[getter]
    fn shown_url(&self) -> Cow<'_, str> {
        redacted(&self.recipe.url)
    }

    /// Tokens of the retry budget.
    #[getter]
    fn budget_tokens(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        let opened = self.opened(py)?;
        Ok(opened.store.budget().map(|budget| budget.tokens()))
    }

    /// How many faults were injected, by kind.
    fn injected(&self) -> BTreeMap<&'static str, u64> {
        let plan = self.recipe.faults.iter();
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
    /// The open store: after a fork opened anew, since connections stay with the parent. What
    /// is in memory stays with whoever has it.
    fn opened(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        // Exceptions are made without the lock: that runs Python, which may let go of the GIL,
        // and who then gets it must not wait for the lock.
        match self.open_again() {
            Some(Ok(opened)) => Ok(opened),
            Some(Err(error)) => Err(not_opened(py, &error)),
            None => Err(PyValueError::new_err(format!(
                "the storage {} is closed",
                self.shown_url()
            ))),
        }
    }

    /// A copy or a move, and then what is known of what is there.
    fn between<Done>(
        &self,
        py: Python<'_>,
        source: String,
        destination: String,
        overwrite: bool,
        act: impl FnOnce(Arc<Opened>, Path, Path) -> Done,
    ) -> PyResult<Py<PyAny>>
    where
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        let opened = self.opened(py)?;
        let from = opened.root.place(&source)?;
        let to = opened.root.place(&destination)?;
        // What can be missing is the source, what can be there is the destination.
        let named = if overwrite {
            source
        } else {
            destination.clone()
        };
        let acted = act(Arc::clone(&opened), from, to.clone());
        operate(py, named, async move {
            acted.await?;
            opened.describe(destination, &to).await
        })
    }

    fn open_again(&self) -> Option<Result<Arc<Opened>, OpenError>> {
        let mut slot = self.lock();
        let opened = slot.as_ref()?;
        if opened.process == std::process::id() || self.recipe.kind() == Kind::Memory {
            return Some(Ok(Arc::clone(opened)));
        }
        let again = self.recipe.open().map(Arc::new);
        if let Ok(again) = &again {
            *slot = Some(Arc::clone(again));
        }
        Some(again)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attributes that the store can hold. Files have a content type by their name only,
    /// and no metadata: that is refused, not lost.
    fn kept(&self, attributes: &Attributes) -> Result<Attributes> {
        if self.recipe.kind() != Kind::Files {
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
        write!(f, "Store({})", redacted(&self.recipe.url))
    }
}

/// What S3 allows at most.
const LONGEST_URL: Duration = Duration::from_secs(7 * 24 * 3600);
