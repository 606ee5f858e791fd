//! The policies that are planned and simulated.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use undaunted::{RetryConfig, Window};
use undaunted_sim::Budget;

use crate::budget::RetryBudget;
use crate::config::Config;

/// What a client does about failures.
#[pyclass(frozen, module = "undaunted._undaunted")]
#[derive(Debug)]
pub(crate) struct Policy {
    pub(super) inner: undaunted_sim::Policy,
}

#[pymethods]
impl Policy {
    #[new]
    fn new(
        name: String,
        config: &Config,
        budget: Option<Bound<'_, PyAny>>,
        has_pacer: bool,
        is_store: bool,
    ) -> PyResult<Self> {
        let config = config.inner.clone();
        let inner = undaunted_sim::Policy {
            budget: budget.map_or(Ok(Budget::None), |budget| allowance(&budget))?,
            has_pacer,
            max_in_flight: is_store.then_some(Window::MOST),
            clock_starts_at_failure: is_store,
            ..undaunted_sim::Policy::new(name, config)
        };
        Ok(Self { inner })
    }

    /// What has this name everywhere: a call with a preset, and with that of stores a store. None: there
    /// is no such preset.
    #[staticmethod]
    fn preset(name: &str) -> Option<Self> {
        let inner = match name {
            "background" => undaunted_sim::Policy::new(name, RetryConfig::background()),
            "default" => undaunted_sim::Policy::new(name, RetryConfig::default()),
            "interactive" => undaunted_sim::Policy::new(name, RetryConfig::interactive()),
            "storage" => undaunted_sim::Policy::store(name, RetryConfig::storage()),
            _ => return None,
        };
        Some(Self { inner })
    }

    /// The fields of a `[[policy]]`, of which the text has one in each line.
    #[staticmethod]
    fn from_toml(name: &str, text: &str) -> PyResult<Self> {
        let read = undaunted_sim::Policy::from_toml(name, text);
        let read =
            read.map_err(|error| PyValueError::new_err(super::scenario::without_line(&error)))?;
        match <[undaunted_sim::Policy; 1]>::try_from(read) {
            Ok([inner]) => Ok(Self { inner }),
            Err(several) => Err(PyValueError::new_err(format!(
                "policy {name:?} must be one policy, and not {}",
                several.len()
            ))),
        }
    }

    /// The same with another name.
    fn named(&self, name: String) -> Self {
        let inner = undaunted_sim::Policy {
            name,
            ..self.inner.clone()
        };
        Self { inner }
    }

    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }
}

/// A budget, or the name of one.
fn allowance(budget: &Bound<'_, PyAny>) -> PyResult<Budget> {
    if let Ok(budget) = budget.cast::<RetryBudget>() {
        let budget = budget.get();
        return Ok(Budget::Shipped {
            capacity: budget.inner.capacity(),
            per_second: budget.refill,
        });
    }
    let names = || Budget::names().collect::<Vec<_>>().join(", ");
    let Ok(name) = budget.extract::<String>() else {
        return Err(PyTypeError::new_err(format!(
            "budget must be a RetryBudget, None, or one of {}, not {}",
            names(),
            budget.get_type().name()?
        )));
    };
    Budget::named(&name).ok_or_else(|| {
        PyValueError::new_err(format!(
            "budget is {name:?}, but must be one of {}",
            names()
        ))
    })
}
