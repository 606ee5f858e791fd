//! One call's way through its retries. The core decides; a loop in Python sleeps and calls.

use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};
use undaunted::{Decision, RetryState, SavedState, TimedOut, Verdict, testing};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::seconds::hint;

/// The decisions of one call.
#[pyclass(module = "undaunted")]
#[derive(Debug)]
pub(crate) struct State {
    config: Py<Config>,
    budget: Option<Py<RetryBudget>>,
    /// Absent only while a method runs.
    saved: Option<SavedState>,
    /// When the call began, where that matters.
    start: Option<Instant>,
    waits: Vec<f64>,
}

#[pymethods]
impl State {
    /// A call that is about to make its first attempt; its `total_timeout` runs from now.
    #[new]
    #[pyo3(signature = (config, budget = None, seed = None))]
    fn new(config: Py<Config>, budget: Option<Py<RetryBudget>>, seed: Option<u64>) -> Self {
        let policy = &config.get().inner;
        let is_timed = policy.total_timeout().is_some();
        let start = (is_timed || budget.is_some()).then(Instant::now);
        let seed = seed.unwrap_or_else(undaunted::__private::seed);
        let saved = RetryState::new(policy, start.filter(|_| is_timed), seed).save();
        Self {
            config,
            budget,
            saved: Some(saved),
            start,
            waits: Vec::new(),
        }
    }

    /// A failed attempt: how long to wait, or in one word why there is no other.
    ///
    /// `verdict` is one of `TRANSIENT`, `THROTTLED` and `PERMANENT`; `now` is seconds since the
    /// call began, for those who keep the time themselves.
    #[pyo3(signature = (verdict, retry_after = None, now = None))]
    fn on_failure<'py>(
        &mut self,
        py: Python<'py>,
        verdict: u8,
        retry_after: Option<Bound<'_, PyAny>>,
        now: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = self.instant(now);
        // What is no number is another library's, and no hint.
        let retry_after = hint(retry_after.and_then(|hint| hint.extract().ok()));
        let verdict = match verdict {
            Self::TRANSIENT => Verdict::Transient { retry_after },
            Self::THROTTLED => Verdict::Throttled { retry_after },
            _ => Verdict::Permanent,
        };
        let decision = self.with(|state, budget| {
            let decision = state.on_failure(now, verdict, budget);
            testing::switched(decision, state, budget)
        })?;
        Ok(match decision {
            Decision::Retry { delay } => {
                let delay = delay.as_secs_f64();
                self.waits.push(delay);
                PyFloat::new(py, delay).into_any()
            }
            Decision::Stop(reason) => PyString::intern(py, reason.as_str()).into_any(),
        })
    }

    /// An attempt begins: when it must be cut, in seconds from now, and by which limit.
    #[pyo3(signature = (now = None))]
    fn on_attempt(&mut self, now: Option<f64>) -> PyResult<Option<(f64, String, bool)>> {
        let now = self.instant(now);
        let cut = self.with(|state, _| state.on_attempt(now))?;
        Ok(cut.map(|cut| {
            let is_total = matches!(cut.because, TimedOut::Total { .. });
            (cut.after.as_secs_f64(), cut.because.to_string(), is_total)
        }))
    }

    /// The call succeeded.
    #[allow(clippy::redundant_closure_for_method_calls)] // the method alone is not general enough
    fn on_success(&mut self) -> PyResult<()> {
        self.with(|state, budget| state.on_success(budget))
    }

    /// The call was given up during a wait.
    #[allow(clippy::redundant_closure_for_method_calls)] // as above
    fn on_drop(&mut self) -> PyResult<()> {
        self.with(|state, budget| state.on_drop(budget))
    }

    /// Retries granted so far.
    #[getter]
    fn retries(&mut self) -> PyResult<u32> {
        self.with(|state, _| state.retries())
    }

    /// The waits before them.
    #[getter]
    fn waits(&self) -> Vec<f64> {
        self.waits.clone()
    }

    #[classattr]
    const TRANSIENT: u8 = 0;
    #[classattr]
    const THROTTLED: u8 = 1;
    #[classattr]
    const PERMANENT: u8 = 2;
}

impl State {
    /// Runs the core's state, which borrows its policy.
    fn with<T>(
        &mut self,
        run: impl FnOnce(&mut RetryState<'_>, Option<&undaunted::RetryBudget>) -> T,
    ) -> PyResult<T> {
        let saved = self.saved.take();
        let saved = saved.ok_or_else(|| PyRuntimeError::new_err("this call is over"))?;
        let mut state = saved.resume(&self.config.get().inner);
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        let answer = run(&mut state, budget);
        self.saved = Some(state.save());
        Ok(answer)
    }

    /// A clock is read only where the policy needs one.
    fn instant(&self, given: Option<f64>) -> Option<Instant> {
        let start = self.start?;
        match hint(given) {
            Some(since) => start.checked_add(since),
            None => Some(Instant::now()),
        }
    }
}
