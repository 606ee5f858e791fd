//! The allowance for retries that callers share.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::seconds::whole;

/// An allowance for retries, shared by everything that is given it.
///
/// While calls succeed there is plenty; when they stop succeeding, the retries stop too, for all
/// who share it, so that an outage is not made worse. A call that finds it empty gets its own
/// error at once.
///
/// A bucket of tokens: a retry costs 14, after a throttled failure 5; a success after retries
/// gives back what its last one cost, and a success at the first attempt pays in 1.
#[pyclass(frozen, module = "undaunted")]
#[derive(Debug)]
pub(crate) struct RetryBudget {
    pub(crate) inner: Arc<undaunted::RetryBudget>,
    refill: u16,
}

#[pymethods]
impl RetryBudget {
    #[new]
    #[pyo3(signature = (capacity = None, refill = None))]
    fn new(capacity: Option<Bound<'_, PyAny>>, refill: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        let capacity = tokens("capacity", capacity, CAPACITY)?;
        let refill = tokens("refill", refill, REFILL)?;
        Ok(Self {
            inner: Arc::new(undaunted::RetryBudget::with_capacity_and_refill(
                capacity, refill,
            )),
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

fn tokens(name: &str, value: Option<Bound<'_, PyAny>>, default: u16) -> PyResult<u16> {
    let Some(value) = value else {
        return Ok(default);
    };
    let whole = whole(name, &value, u32::from(u16::MAX))?;
    Ok(u16::try_from(whole).unwrap_or(u16::MAX))
}

/// The core's own defaults.
const CAPACITY: u16 = 500;
const REFILL: u16 = 1;
