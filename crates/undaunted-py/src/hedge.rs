//! Which reads are sent a second time, as Python says it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted::{Hedge, HedgeAfter, ParseConfigError, parse_duration};

/// A time or a share, the share of reads, and the time that counts until a share is known.
pub(crate) type HedgeFigures = (String, f64, Option<String>);

/// The policy of these figures.
pub(crate) fn hedge_of((after, most, first_delay): HedgeFigures) -> PyResult<Hedge> {
    let after = after.parse::<HedgeAfter>();
    let after = after.map_err(|error| refused("after", error))?;
    let hedge =
        Hedge::new(after, most).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let Some(first_delay) = first_delay else {
        return Ok(hedge);
    };
    let first_delay = parse_duration(&first_delay);
    let first_delay = first_delay.map_err(|error| refused("first_delay", error))?;
    Ok(hedge.with_first_delay(first_delay))
}

/// Raises what is wrong with these figures.
#[pyfunction]
pub(crate) fn check_hedge(after: String, most: f64, first_delay: Option<String>) -> PyResult<()> {
    hedge_of((after, most, first_delay)).map(|_| ())
}

fn refused(name: &str, error: ParseConfigError) -> PyErr {
    PyValueError::new_err(error.named(name).to_string())
}
