//! One call's way through its retries. The core decides; a loop in Python sleeps and calls.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};
use undaunted::{Decision, RetryState, TimedOut, Verdict};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::seconds::hint;

/// The decisions of one call.
#[pyclass(module = "undaunted")]
#[derive(Debug)]
pub(crate) struct State {
    config: Py<Config>,
    budget: Option<Py<RetryBudget>>,
    inner: RetryState,
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
        let is_timed = policy.total_timeout().is_some() || budget.is_some();
        let start = is_timed.then(Instant::now);
        let seed = seed.unwrap_or_else(undaunted::__private::seed);
        Self {
            config,
            budget,
            inner: RetryState::new(start, seed),
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
    ) -> Bound<'py, PyAny> {
        let now = self.instant(now);
        // What is no number is another library's, and no hint.
        let retry_after = hint(retry_after.and_then(|hint| hint.extract().ok()));
        let verdict = match verdict {
            Self::TRANSIENT => Verdict::Transient { retry_after },
            Self::THROTTLED => Verdict::Throttled { retry_after },
            _ => Verdict::Permanent,
        };
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        let config = &self.config.get().inner;
        let decision = self.inner.on_failure(config, now, verdict, budget);
        match undaunted::__private::switched(decision, &mut self.inner, budget) {
            Decision::Retry { delay } => {
                let delay = delay.as_secs_f64();
                self.waits.push(delay);
                PyFloat::new(py, delay).into_any()
            }
            Decision::Stop(reason) => PyString::intern(py, reason.as_str()).into_any(),
        }
    }

    /// An attempt begins: when it must be cut, in seconds from now, and by which limit.
    #[pyo3(signature = (now = None))]
    fn on_attempt(&mut self, now: Option<f64>) -> Option<(f64, String, bool)> {
        let now = self.instant(now);
        let cut = self.inner.on_attempt(&self.config.get().inner, now)?;
        let is_total = matches!(cut.because, TimedOut::Total { .. });
        Some((cut.after.as_secs_f64(), cut.because.to_string(), is_total))
    }

    /// The call succeeded.
    fn on_success(&mut self) {
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        self.inner.on_success(budget);
    }

    /// The call was given up during a wait.
    fn on_drop(&mut self) {
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        self.inner.on_drop(budget);
    }

    /// Retries granted so far.
    #[getter]
    const fn retries(&self) -> u32 {
        self.inner.retries()
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
    /// A clock is read only where the policy needs one.
    fn instant(&self, given: Option<f64>) -> Option<Instant> {
        let start = self.start?;
        match hint(given) {
            Some(since) => start.checked_add(since),
            None => Some(Instant::now()),
        }
    }
}
