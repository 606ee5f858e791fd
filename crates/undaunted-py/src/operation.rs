//! An operation of a store, as a value for Python or the exception that names its key.

use bytes::Bytes;
use object_store::Result;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use undaunted_object_store::observe;

use crate::errors::Failure;
use crate::pending::{run, value};

/// Runs an operation on a key.
pub(crate) fn operate<T>(
    py: Python<'_>,
    key: String,
    operation: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    run(py, async move {
        let (result, observed) = observe(operation).await;
        match result {
            Ok(output) => Ok(value(output)),
            Err(error) => Err(Box::new(Failure {
                error,
                key,
                observed,
            })),
        }
    })
}

/// The bytes of an object, as Python's `bytes`.
pub(crate) struct Content(pub(crate) Bytes);

impl<'py> IntoPyObject<'py> for Content {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0))
    }
}

/// Python's `None`.
pub(crate) const NOTHING: Option<bool> = None;
