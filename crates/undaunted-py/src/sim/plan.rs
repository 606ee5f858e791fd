//! What a policy does by itself.

use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde_json::json;
use undaunted_sim::{Plan, Report, Usage};

use super::page::Page;
use super::policy::Policy;
use crate::seconds::{duration, whole, whole_up_to};

/// A policy, how it is used, and its plan.
#[pyclass(frozen, module = "undaunted._undaunted")]
#[derive(Debug)]
pub(crate) struct Planned {
    policy: undaunted_sim::Policy,
    plan: Plan,
}

#[pymethods]
impl Planned {
    #[new]
    #[allow(clippy::too_many_arguments)] // one for each field
    fn new(
        py: Python<'_>,
        policy: &Policy,
        clients: Bound<'_, PyAny>,
        payload: Bound<'_, PyAny>,
        caller_timeout: Option<Bound<'_, PyAny>>,
        person_waits: bool,
        other_retries: Vec<Bound<'_, PyAny>>,
        attempt_takes: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let others = other_retries.iter();
        let others = others.map(|retries| whole("other_retries", retries, u32::MAX));
        let caller = caller_timeout.map(|timeout| duration("caller_timeout", &timeout));
        let usage = Usage {
            person_waits,
            caller_timeout: caller.transpose()?,
            other_layers: others.collect::<PyResult<_>>()?,
            crowd: whole("clients", &clients, u32::MAX)?,
            payload: whole_up_to("payload", &payload, u64::MAX)?,
            failing_takes: duration("attempt_takes", &attempt_takes)?,
        };
        if usage.crowd == 0 {
            return Err(PyValueError::new_err(
                "clients is 0, but must be at least 1",
            ));
        }
        let policy = policy.inner.clone();
        let plan = py.detach(|| Plan::new(&policy, &usage));
        Ok(Self { policy, plan })
    }

    /// The plan with its sentences and the texts of its warnings, as JSON.
    fn document(&self) -> PyResult<String> {
        let warnings = self.plan.warnings.iter();
        let document = json!({
            "plan": self.plan,
            "sentences": self.plan.sentences(),
            "warnings": warnings.map(ToString::to_string).collect::<Vec<_>>(),
        });
        let text = serde_json::to_string(&document);
        text.map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// The base delay with which the delays of the other policy together are on average as long as those
    /// of this one, in seconds.
    fn base_delay_of_equal(&self, other: &Policy) -> f64 {
        let scaled = other.inner.clone().with_mean_wait_of(&self.policy.config);
        let base = scaled.config.base_delay();
        if base == other.inner.config.base_delay() {
            return base.as_secs_f64();
        }
        let rounded = scaled.config.to_builder().base_delay(three_digits(base));
        let base = rounded.build().map_or(base, |config| config.base_delay());
        base.as_secs_f64()
    }

    /// What of two plans differs: what it is, and what it is in each.
    fn compare(&self, other: &Self) -> Vec<(String, String, String)> {
        let rows = self.plan.compare(&other.plan).rows.into_iter();
        rows.map(|row| {
            let [left, right] = row.values;
            (row.what, left, right)
        })
        .collect()
    }

    /// The report of the plan, or of two beside each other.
    #[pyo3(signature = (other = None))]
    fn page(&self, other: Option<&Self>) -> Page {
        let plans: Vec<Plan> = std::iter::once(self)
            .chain(other)
            .map(|planned| planned.plan.clone())
            .collect();
        let report = Report::of_plans(&plans);
        Page { report }
    }
}

/// About the same, as a person would write it.
fn three_digits(delay: Duration) -> Duration {
    let nanos = delay.as_nanos();
    let unit = 10_u128.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(2));
    let rounded = (nanos + unit / 2) / unit * unit;
    u64::try_from(rounded).map_or(delay, Duration::from_nanos)
}
