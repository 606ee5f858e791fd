//! An object that is being written in parts.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use object_store::{Attributes, Error, MultipartUpload, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::{Mutex, RwLock};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

use crate::cleanup::{Cleanups, PATIENCE};
use crate::payload;
use crate::pending::{Counted, OperationResult, ToPython, observed, operate, rethrow, run};
use crate::process::Process;
use crate::scope::Scope;
use crate::stored_file::StoredFile;

/// A multipart upload. The object becomes visible when it is complete. One that is dropped before
/// that is aborted.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Upload {
    key: String,
    attributes: Attributes,
    /// Locked while a part begins, and by the completion.
    inner: Arc<Mutex<Box<dyn MultipartUpload>>>,
    /// The parts in flight, in their order. Locked under the GIL only, and never across a wait.
    parts: StdMutex<VecDeque<Part>>,
    /// What ends the requests of parts, those too for which somebody waits. Locked under the GIL only.
    requests: StdMutex<Vec<AbortHandle>>,
    /// Held by each part until its request is gone, whoever waits for it.
    sending: Arc<RwLock<()>>,
    /// Whether it is complete or given up.
    has_ended: Arc<AtomicBool>,
    cleanups: Cleanups,
    /// The process that began it: a forked child has a copy, and must not abort it.
    process: u32,
}

#[pymethods]
impl Upload {
    /// Begins to write the next part.
    fn put_part(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = payload::data(data)?;
        let size = data.len();
        let ending = |_| PyRuntimeError::new_err("the upload is being completed or aborted");
        let sending = Arc::clone(&self.sending).try_read_owned();
        let sending = sending.map_err(ending)?;
        if self.has_ended.load(Ordering::SeqCst) {
            return Err(PyRuntimeError::new_err("the upload is complete or aborted"));
        }
        // The object has its parts in the order of these calls.
        let mut inner = self.inner.try_lock().map_err(ending)?;
        let part = inner.put_part(data.into());
        drop(inner);
        let part = observed(self.key.clone(), async move {
            part.await?;
            Ok(size)
        });
        let part = Counted::new(Scope::current(py).around(part));
        let part = async move {
            let result = part.await;
            drop(sending);
            result
        };
        let task = Process::start(py)?.runtime.spawn(part);
        let mut requests = lock(&self.requests);
        requests.retain(|request| !request.is_finished());
        requests.push(task.abort_handle());
        drop(requests);
        lock(&self.parts).push_back(Part(task));
        Ok(())
    }

    /// The number of parts in flight.
    #[getter]
    fn in_flight(&self) -> usize {
        lock(&self.parts).len()
    }

    /// Waits for the first of the parts in flight: its size.
    fn finish_part(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let first = lock(&self.parts).pop_front();
        let part = first.ok_or_else(|| PyRuntimeError::new_err("no part is in flight"))?;
        run(py, part.finish())
    }

    /// Makes an object of the parts, all of which have to be finished.
    fn complete(&self, py: Python<'_>, size: u64) -> PyResult<Py<PyAny>> {
        let upload = Arc::clone(&self.inner);
        let (key, attributes) = (self.key.clone(), self.attributes.clone());
        let has_ended = Arc::clone(&self.has_ended);
        operate(py, self.key.clone(), async move {
            let result = upload.lock().await.complete().await?;
            has_ended.store(true, Ordering::SeqCst);
            Ok(StoredFile::written(key, size, result.e_tag, &attributes))
        })
    }

    /// Drops the parts in flight, and deletes those that were written. That goes on whether or not
    /// somebody waits for it; the wait is limited.
    fn abort(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(aborting) = self.begin_abort() else {
            return Ok(py.None());
        };
        run(py, async move {
            match timeout(PATIENCE, aborting).await {
                Ok(Ok(result)) => result,
                Ok(Err(error)) => rethrow(error).await,
                Err(_) => Ok(Box::new(|py: Python<'_>| Ok(py.None())) as ToPython),
            }
        })
    }
}

impl Upload {
    pub(crate) fn new(
        key: String,
        attributes: Attributes,
        upload: Box<dyn MultipartUpload>,
        cleanups: Cleanups,
    ) -> Self {
        Self {
            key,
            attributes,
            inner: Arc::new(Mutex::new(upload)),
            parts: StdMutex::default(),
            requests: StdMutex::default(),
            sending: Arc::default(),
            has_ended: Arc::default(),
            cleanups,
            process: std::process::id(),
        }
    }

    /// Aborts it in the background, unless it has ended.
    fn begin_abort(&self) -> Option<JoinHandle<OperationResult>> {
        let parts = std::mem::take(&mut *lock(&self.parts));
        let process = Process::current().filter(|process| process.id == self.process);
        let Some(process) = process else {
            // The tasks are those of the parent, whose runtime may be locked forever here.
            std::mem::forget(parts);
            return None;
        };
        if self.has_ended.swap(true, Ordering::SeqCst) {
            return None;
        }
        for request in lock(&self.requests).drain(..) {
            request.abort();
        }
        let upload = Arc::clone(&self.inner);
        let sending = Arc::clone(&self.sending);
        let cleanup = self.cleanups.begin(process);
        let abort = observed(self.key.clone(), async move {
            drop(parts);
            // A part that arrives after the abort would stay.
            let _ = timeout(PATIENCE, sending.write()).await;
            match upload.lock().await.abort().await {
                // There is nothing to delete, or the store keeps no parts of incomplete uploads.
                Ok(()) | Err(Error::NotFound { .. } | Error::NotSupported { .. }) => {
                    Ok(None::<bool>)
                }
                Err(error) => Err(error) as Result<_>,
            }
        });
        let abort = Counted::new(abort);
        Some(process.runtime.spawn(async move {
            let result = abort.await;
            drop(cleanup);
            result
        }))
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part in flight. Dropping it drops its request.
struct Part(JoinHandle<OperationResult>);

impl Part {
    async fn finish(mut self) -> OperationResult {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(error) => rethrow(error).await,
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        drop(self.begin_abort());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
