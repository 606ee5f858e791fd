//! Which reads are sent a second time, as Python says it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted::{Hedge, HedgeAfter};

/// The policy of these figures: a time or a share, and the share of reads.
pub(crate) fn hedge_of((after, most): (String, f64)) -> PyResult<Hedge> {
    let after = after.parse::<HedgeAfter>();
    let after = after.map_err(|error| PyValueError::new_err(error.named("after").to_string()))?;
    Hedge::new(after, most).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Raises what is wrong with these figures.
#[pyfunction]
pub(crate) fn check_hedge(after: String, most: f64) -> PyResult<()> {
    hedge_of((after, most)).map(|_| ())
}
