//! Outcomes, between the simulation and Python: what is said once as JSON, and the time axis as columns
//! of numbers, which Python and NumPy take as they are.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use undaunted_sim::{Outcome, Tick};

/// What is said once, and the columns.
pub(super) type Given<'py> = (String, Vec<Bound<'py, PyBytes>>);

/// The same from Python.
pub(super) type Taken = (String, Vec<PyBackedBytes>);

/// The names of the columns.
#[pyfunction]
pub(crate) fn tick_columns() -> Vec<&'static str> {
    COLUMNS.iter().map(|column| column.name).collect()
}

pub(super) fn to_python(py: Python<'_>, mut outcome: Outcome) -> PyResult<Given<'_>> {
    let ticks = std::mem::take(&mut outcome.ticks);
    let head = serde_json::to_string(&outcome);
    let head = head.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let column = |column: &Column| {
        PyBytes::new_with(py, ticks.len() * SIZE, |bytes| {
            for (place, tick) in bytes.chunks_exact_mut(SIZE).zip(&ticks) {
                place.copy_from_slice(&(column.get)(tick).to_ne_bytes());
            }
            Ok(())
        })
    };
    let columns = COLUMNS.iter().map(column).collect::<PyResult<_>>()?;
    Ok((head, columns))
}

pub(super) fn from_python((head, columns): Taken) -> PyResult<Outcome> {
    let outcome = serde_json::from_str(&head);
    let mut outcome: Outcome =
        outcome.map_err(|error| PyValueError::new_err(format!("this is no outcome: {error}")))?;
    let length = columns.first().map_or(0, |column| column.len());
    if columns.len() != COLUMNS.len() || columns.iter().any(|column| column.len() != length) {
        return Err(PyValueError::new_err(
            "the columns of ticks must have the same length",
        ));
    }
    outcome.ticks = vec![Tick::default(); length / SIZE];
    for (column, bytes) in COLUMNS.iter().zip(&columns) {
        for (tick, place) in outcome.ticks.iter_mut().zip(bytes.chunks_exact(SIZE)) {
            let value = <[u8; SIZE]>::try_from(place).map_or(0.0, f64::from_ne_bytes);
            (column.set)(tick, value);
        }
    }
    Ok(outcome)
}

/// A quantity of each tick. One that a tick does not have is no number.
struct Column {
    name: &'static str,
    get: fn(&Tick) -> f64,
    set: fn(&mut Tick, f64),
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^53, and floats saturate where they become counts"
)]
mod counts {
    pub(super) const fn to(count: u64) -> f64 {
        count as f64
    }

    pub(super) const fn from(value: f64) -> u64 {
        value as u64
    }
}

const COLUMNS: [Column; 9] = [
    Column {
        name: "at",
        get: |tick| tick.at,
        set: |tick, value| tick.at = value,
    },
    Column {
        name: "calls",
        get: |tick| counts::to(tick.calls),
        set: |tick, value| tick.calls = counts::from(value),
    },
    Column {
        name: "requests",
        get: |tick| counts::to(tick.requests),
        set: |tick, value| tick.requests = counts::from(value),
    },
    Column {
        name: "succeeded",
        get: |tick| counts::to(tick.succeeded),
        set: |tick, value| tick.succeeded = counts::from(value),
    },
    Column {
        name: "lost",
        get: |tick| counts::to(tick.lost),
        set: |tick, value| tick.lost = counts::from(value),
    },
    Column {
        name: "throttled",
        get: |tick| counts::to(tick.throttled),
        set: |tick, value| tick.throttled = counts::from(value),
    },
    Column {
        name: "queue",
        get: |tick| tick.queue,
        set: |tick, value| tick.queue = value,
    },
    Column {
        name: "tokens",
        get: |tick| tick.tokens.unwrap_or(f64::NAN),
        set: |tick, value| tick.tokens = Some(value).filter(|value| !value.is_nan()),
    },
    Column {
        name: "pace",
        get: |tick| tick.pace.unwrap_or(f64::NAN),
        set: |tick, value| tick.pace = Some(value).filter(|value| !value.is_nan()),
    },
];

/// Bytes of a number.
const SIZE: usize = size_of::<f64>();
