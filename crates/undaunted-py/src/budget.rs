//! The allowance for retries that callers share.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A token bucket for retries, shared by everything that is given it.
#[pyclass(frozen, module = "undaunted")]
#[derive(Debug)]
pub(crate) struct RetryBudget {
    pub(crate) inner: Arc<undaunted::RetryBudget>,
    refill: u16,
}

#[pymethods]
impl RetryBudget {
    #[new]
    #[pyo3(signature = (capacity = 500, refill = 1))]
    fn new(capacity: i64, refill: i64) -> PyResult<Self> {
        let refill = tokens("refill", refill)?;
        let inner =
            undaunted::RetryBudget::with_capacity_and_refill(tokens("capacity", capacity)?, refill);
        Ok(Self {
            inner: Arc::new(inner),
            refill,
        })
    }

    #[getter]
    fn tokens(&self) -> u16 {
        self.inner.tokens()
    }

    #[getter]
    fn capacity(&self) -> u16 {
        self.inner.capacity()
    }

    #[getter]
    fn refill(&self) -> u16 {
        self.refill
    }

    fn __repr__(&self) -> String {
        format!(
            "RetryBudget(capacity={}, refill={})",
            self.inner.capacity(),
            self.refill
        )
    }

    /// Another process gets a full one with the same settings: a level cannot be shared with it.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (u16, u16)) {
        let this = slf.get();
        (
            slf.get_type().into_any(),
            (this.inner.capacity(), this.refill),
        )
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// A copy of what shares it shares it too.
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

fn tokens(name: &str, value: i64) -> PyResult<u16> {
    u16::try_from(value).map_err(|_| {
        PyValueError::new_err(format!(
            "{name} is {value}, but must be a whole number from 0 to {}",
            u16::MAX
        ))
    })
}
