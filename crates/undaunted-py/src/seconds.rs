//! Numbers from Python, and durations as floats of seconds.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

/// A duration from a number of seconds. An error has the name of the field.
pub(crate) fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds = number(name, value)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let expected = "a number of seconds, finite and not negative";
        PyValueError::new_err(format!("{name} is {seconds}, but must be {expected}"))
    })
}

/// A number that is not a bool.
pub(crate) fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let is_number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    if !is_number || value.is_instance_of::<PyBool>() {
        let given = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "{name} must be a number, not {given}"
        )));
    }
    // An int too large for a float counts as infinite, which no field accepts.
    Ok(value.extract().unwrap_or(f64::INFINITY))
}

/// A whole number up to `most`.
pub(crate) fn whole(name: &str, value: &Bound<'_, PyAny>, most: u32) -> PyResult<u32> {
    let number = whole_up_to(name, value, u64::from(most))?;
    Ok(u32::try_from(number).unwrap_or(most))
}

/// A whole number up to a larger `most`.
pub(crate) fn whole_up_to(name: &str, value: &Bound<'_, PyAny>, most: u64) -> PyResult<u64> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        let given = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "{name} must be an int, not {given}"
        )));
    }
    let number = value.extract().ok().filter(|number| *number <= most);
    number.ok_or_else(|| {
        PyValueError::new_err(format!(
            "{name} is {value}, but must be a whole number from 0 to {most}"
        ))
    })
}

/// A duration from a number of seconds, unless it is negative or NaN.
pub(crate) fn hint(seconds: Option<f64>) -> Option<Duration> {
    let seconds = seconds.filter(|seconds| *seconds >= 0.0)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
