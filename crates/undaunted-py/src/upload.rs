//! An object that is being written in parts.

use std::fmt;
use std::sync::Arc;

use object_store::{Attributes, Error, MultipartUpload, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::operation::{NOTHING, operate};
use crate::payload;
use crate::stored::Stored;

/// A multipart upload. Nothing of it is to be seen before it is complete.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Upload {
    key: String,
    attributes: Attributes,
    /// Locked for no longer than it takes to begin a part; then by the completion.
    parts: Arc<Mutex<Box<dyn MultipartUpload>>>,
}

#[pymethods]
impl Upload {
    /// Writes the next part. Several may be on their way at once.
    fn put_part(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let data = payload::data(data)?;
        // The parts have the order in which they are begun.
        let part = self
            .parts
            .try_lock()
            .map_err(|_| PyRuntimeError::new_err("the upload is being completed"))?
            .put_part(data.into());
        operate(py, self.key.clone(), async move {
            part.await?;
            Ok(NOTHING)
        })
    }

    /// Makes an object of the parts.
    fn complete(&self, py: Python<'_>, size: u64) -> PyResult<Py<PyAny>> {
        let upload = Arc::clone(&self.parts);
        let (key, attributes) = (self.key.clone(), self.attributes.clone());
        operate(py, self.key.clone(), async move {
            let result = upload.lock().await.complete().await?;
            Ok(Stored::written(key, size, result.e_tag, &attributes))
        })
    }

    /// Gives the upload up, and the parts that it has.
    fn abort(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let upload = Arc::clone(&self.parts);
        operate(py, self.key.clone(), async move {
            match upload.lock().await.abort().await {
                // It is gone, or the store keeps nothing of what is not complete.
                Ok(()) | Err(Error::NotFound { .. } | Error::NotSupported { .. }) => Ok(NOTHING),
                Err(error) => Err(error) as Result<_>,
            }
        })
    }
}

impl Upload {
    pub(crate) fn new(
        key: String,
        attributes: Attributes,
        upload: Box<dyn MultipartUpload>,
    ) -> Self {
        Self {
            key,
            attributes,
            parts: Arc::new(Mutex::new(upload)),
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
