//! The allowance for retries that calls share.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::seconds::whole;

/// A shared allowance for retries.
///
/// While calls succeed it stays full. When most calls fail it runs empty, and retries stop for
/// everything that shares it, so that they do not make an outage worse. A call that finds it empty
/// raises its own error immediately.
///
/// It is a bucket of tokens: a retry costs 14, after a throttled failure 5; a success after retries
/// refunds the cost of the last one, and a success at the first attempt deposits 1.
///
/// Args:
///     capacity: The tokens it holds when full, up to 65,535.
///     refill: Tokens that are added each second, so that an empty bucket recovers.
///
/// Raises:
///     ValueError: If a number is out of range; it is named.
///
/// Example:
///     >>> budget = RetryBudget()
///     >>> budget.tokens
///     500
#[pyclass(frozen, module = "undaunted")]
#[derive(Debug)]
pub(crate) struct RetryBudget {
    pub(crate) inner: Arc<undaunted::RetryBudget>,
    pub(crate) refill: u16,
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

    /// Whole tokens in the bucket, as of the last change.
    #[getter]
    fn tokens(&self) -> u16 {
        self.inner.tokens()
    }

    /// The tokens it holds when full.
    #[getter]
    fn capacity(&self) -> u16 {
        self.inner.capacity()
    }

    /// Tokens that are added each second.
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

    /// Another process gets a full budget with the same settings: processes cannot share a level.
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

    /// A copy of a configuration shares the budget, too.
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
