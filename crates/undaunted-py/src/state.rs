//! The retries of one call. The core decides; a loop in Python makes the attempts and waits.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};
use undaunted::testing::{self, Switched};
use undaunted::{AttemptOutcome, Decision, Event, RetryState, StopReason, TimedOut, Verdict};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::seconds::hint;

/// The decisions of one call, and the texts about it.
#[pyclass(module = "undaunted")]
#[derive(Debug)]
pub(crate) struct State {
    config: Py<Config>,
    budget: Option<Py<RetryBudget>>,
    inner: RetryState,
    delays: Vec<f64>,
    /// The verdict on the last failure, and what was decided.
    last: (Verdict, Decision),
}

#[pymethods]
impl State {
    /// A call that is about to make its first attempt; its `total_timeout` runs from now.
    #[new]
    #[pyo3(signature = (config, budget = None, seed = None))]
    fn new(config: Py<Config>, budget: Option<Py<RetryBudget>>, seed: Option<u64>) -> Self {
        let is_timed = config.get().inner.total_timeout().is_some() || budget.is_some();
        let start = is_timed.then(Instant::now);
        let seed = seed.unwrap_or_else(undaunted::__private::seed);
        Self {
            config,
            budget,
            inner: RetryState::new(start, seed),
            delays: Vec::new(),
            last: (Verdict::Permanent, Decision::Stop(StopReason::Permanent)),
        }
    }

    /// An attempt failed: the delay before the next one, or the reason in one word why there is
    /// none.
    ///
    /// `verdict` is one of `TRANSIENT`, `THROTTLED` and `PERMANENT`; `now` is in seconds since the
    /// call began, for callers that keep the time themselves.
    #[pyo3(signature = (verdict, retry_after = None, now = None))]
    fn on_failure<'py>(
        &mut self,
        py: Python<'py>,
        verdict: u8,
        retry_after: Option<Bound<'_, PyAny>>,
        now: Option<f64>,
    ) -> Bound<'py, PyAny> {
        let now = self.instant(now);
        // An attribute of another type is no hint: it belongs to another library.
        let retry_after = hint(retry_after.and_then(|hint| hint.extract().ok()));
        let verdict = match verdict {
            Self::TRANSIENT => Verdict::Transient { retry_after },
            Self::THROTTLED => Verdict::Throttled { retry_after },
            _ => Verdict::Permanent,
        };
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        let config = &self.config.get().inner;
        let decision = self.inner.on_failure(config, now, verdict, budget);
        let decision = undaunted::__private::switched(decision, &mut self.inner, budget);
        self.last = (verdict, decision);
        match decision {
            Decision::Retry { delay } => {
                let delay = delay.as_secs_f64();
                self.delays.push(delay);
                PyFloat::new(py, delay).into_any()
            }
            Decision::Stop(reason) => PyString::intern(py, reason.as_str()).into_any(),
        }
    }

    /// An attempt begins: its time limit in seconds from now, the text of the error when it is
    /// reached, and whether it is `total_timeout`.
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

    /// The call was dropped during a wait.
    fn on_drop(&mut self) {
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        self.inner.on_drop(budget);
    }

    /// The log line: after a failure that of the last decision, without an `error` that of a
    /// success.
    #[pyo3(signature = (operation, error = None))]
    fn log_line(&self, operation: &str, error: Option<&Bound<'_, PyAny>>) -> String {
        let retries = self.inner.retries();
        let (verdict, decision) = self.last;
        let error = error.map(|error| error as &dyn Display);
        let (attempt, outcome) = match (error, decision) {
            (None, _) => (retries + 1, AttemptOutcome::Succeeded),
            (Some(error), Decision::Retry { delay }) => {
                let outcome = AttemptOutcome::Retrying {
                    delay,
                    verdict,
                    error,
                };
                (retries, outcome)
            }
            (Some(error), Decision::Stop(reason)) => {
                let outcome = AttemptOutcome::Stopped {
                    reason,
                    verdict,
                    error,
                };
                (retries + 1, outcome)
            }
        };
        Event::new(operation, attempt, self.max_retries(), outcome).to_string()
    }

    /// The note on the exception that ends the call, if there is something to say.
    fn note(&self) -> Option<String> {
        match self.last.1 {
            Decision::Stop(reason) => note(self.inner.retries() + 1, &self.delays, reason),
            Decision::Retry { .. } => None,
        }
    }

    /// Retries granted so far.
    #[getter]
    const fn retries(&self) -> u32 {
        self.inner.retries()
    }

    /// The most retries that the configuration and the test switch allow.
    #[getter]
    fn max_retries(&self) -> u32 {
        let most = switch().map_or(u32::MAX, |attempts| attempts.saturating_sub(1));
        self.config.get().inner.max_retries().min(most)
    }

    #[classattr]
    const TRANSIENT: u8 = 0;
    #[classattr]
    const THROTTLED: u8 = 1;
    #[classattr]
    const PERMANENT: u8 = 2;
}

impl State {
    /// The time, where the configuration or the budget needs it.
    fn instant(&self, given: Option<f64>) -> Option<Instant> {
        let start = self.inner.start()?;
        match hint(given) {
            Some(since) => start.checked_add(since),
            None => Some(Instant::now()),
        }
    }
}

/// The note on an exception that ends a call: attempts, delays and the reason. None if the first
/// attempt failed permanently: the exception says it all.
pub(crate) fn note(attempts: u32, delays: &[f64], reason: StopReason) -> Option<String> {
    if delays.is_empty() && reason == StopReason::Permanent {
        return None;
    }
    let plural = if attempts > 1 { "s" } else { "" };
    if delays.is_empty() {
        return Some(format!("{attempts} attempt{plural}; {reason}"));
    }
    let shown = delays.iter().take(MOST_DELAYS);
    let shown: Vec<_> = shown.map(|delay| format!("{delay:.2}")).collect();
    let shown = shown.join(", ");
    let more = if delays.len() > MOST_DELAYS {
        ", …"
    } else {
        ""
    };
    Some(format!(
        "{attempts} attempt{plural}, after waits of {shown}{more} s; {reason}"
    ))
}

/// The test switch, for calls in Python and for stores in Rust: every call makes at most this many
/// attempts, without waits between them. `None` removes the limit.
#[pyfunction]
pub(crate) fn set_switch(attempts: Option<u32>) {
    let mut switch = lock();
    // A guard restores the state from before it, so the old one is dropped first.
    drop(switch.take());
    *switch = attempts.map(|attempts| (attempts, testing::at_most(attempts)));
}

/// The limit that was set.
#[pyfunction]
pub(crate) fn switch() -> Option<u32> {
    lock().as_ref().map(|(attempts, _)| *attempts)
}

fn lock() -> MutexGuard<'static, Option<(u32, Switched)>> {
    SWITCH.lock().unwrap_or_else(PoisonError::into_inner)
}

static SWITCH: Mutex<Option<(u32, Switched)>> = Mutex::new(None);

/// A note with more delays than this would hide its reason.
const MOST_DELAYS: usize = 20;
