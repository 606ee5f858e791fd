//! Scenarios: read from a file's text, and run.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use undaunted_sim::{Builtin, Outcome, Report, ScenarioError, ScenarioFile, Threshold};

use super::outcome::{Given, Taken, from_python, to_python};
use super::page::Page;
use super::policy::Policy;
use super::run;
use crate::seconds::{duration, whole_up_to};

/// The scenarios that are built in: name, summary and text of each.
#[pyfunction]
pub(crate) fn builtin_scenarios() -> Vec<(&'static str, &'static str, &'static str)> {
    let all = Builtin::ALL.iter();
    all.map(|builtin| (builtin.name, builtin.summary, builtin.text))
        .collect()
}

/// A scenario with its policies.
#[pyclass(frozen, module = "undaunted._undaunted")]
#[derive(Debug)]
pub(crate) struct Scenario {
    file: ScenarioFile,
}

#[pymethods]
impl Scenario {
    /// Lines are named in errors if the text is one that a person wrote.
    #[new]
    #[pyo3(signature = (text, seed = None, lasts = None, has_lines = true))]
    fn new(
        text: &str,
        seed: Option<Bound<'_, PyAny>>,
        lasts: Option<Bound<'_, PyAny>>,
        has_lines: bool,
    ) -> PyResult<Self> {
        let file = text.parse::<ScenarioFile>();
        let mut file = file.map_err(|error| {
            PyValueError::new_err(if has_lines {
                error.to_string()
            } else {
                without_line(&error)
            })
        })?;
        if let Some(seed) = seed {
            file.scenario.seed = whole_up_to("seed", &seed, u64::MAX)?;
        }
        if let Some(lasts) = lasts {
            let lasts = duration("duration", &lasts)?;
            check_duration(lasts, &file.scenario)?;
            file.scenario.duration = lasts;
        }
        Ok(Self { file })
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.file.scenario.seed
    }

    #[getter]
    fn duration(&self) -> f64 {
        self.file.scenario.duration.as_secs_f64()
    }

    /// Its policies, in the order of the file.
    #[getter]
    fn policies(&self) -> Vec<Policy> {
        let all = self.file.policies.iter().cloned();
        all.map(|inner| Policy { inner }).collect()
    }

    /// Runs the policies. Ctrl-C stops that.
    fn run<'py>(
        &self,
        py: Python<'py>,
        policies: Vec<PyRef<'py, Policy>>,
    ) -> PyResult<Vec<Given<'py>>> {
        let policies = policies.iter().map(|policy| policy.inner.clone());
        let policies: Vec<undaunted_sim::Policy> = policies.collect();
        let outcomes = py.detach(|| run::policies(&self.file.scenario, &policies))?;
        let outcomes = outcomes.into_iter();
        outcomes.map(|outcome| to_python(py, outcome)).collect()
    }

    /// The report of outcomes.
    fn page(&self, py: Python<'_>, title: &str, outcomes: Vec<Taken>) -> PyResult<Page> {
        let outcomes = read(outcomes)?;
        let report = py.detach(|| Report::of_outcomes(&self.file.scenario, &outcomes));
        Ok(Page {
            report: report.titled(title),
        })
    }

    /// Which conditions are true of which outcome: policy, quantity and what it is.
    fn check(&self, outcomes: Vec<Taken>, conditions: Vec<String>) -> PyResult<Vec<String>> {
        let parsed = conditions.iter().map(|condition| condition.parse());
        let conditions: Vec<Threshold> =
            parsed
                .collect::<Result<_, _>>()
                .map_err(|error: undaunted_sim::ThresholdError| {
                    PyValueError::new_err(error.to_string())
                })?;
        let outcomes = read(outcomes)?;
        let met = conditions.iter().flat_map(|condition| {
            let those = outcomes.iter().filter(|outcome| condition.is_met(outcome));
            those.map(|outcome| condition.explain(outcome))
        });
        Ok(met.collect())
    }
}

/// What is wrong, in which field.
pub(super) fn without_line(error: &ScenarioError) -> String {
    let text = error.to_string();
    let line = error.line().map(|line| format!("line {line}: "));
    let rest = line.and_then(|line| text.strip_prefix(&line).map(str::to_owned));
    rest.unwrap_or(text)
}

fn read(outcomes: Vec<Taken>) -> PyResult<Vec<Outcome>> {
    outcomes.into_iter().map(from_python).collect()
}

/// As for the duration of a file.
fn check_duration(lasts: Duration, scenario: &undaunted_sim::Scenario) -> PyResult<()> {
    if lasts.is_zero() || lasts > LONGEST {
        return Err(PyValueError::new_err(format!(
            "duration is {}, but must be above 0 and at most a year, in seconds",
            lasts.as_secs_f64()
        )));
    }
    let mut faults = scenario.faults.iter();
    match faults.find(|fault| fault.from >= lasts) {
        Some(fault) => Err(PyValueError::new_err(format!(
            "duration is {}, but must be longer: a fault would begin after its end ({fault})",
            lasts.as_secs_f64()
        ))),
        None => Ok(()),
    }
}

/// A year, as in a file.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
