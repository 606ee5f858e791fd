//! The retries of one call. The core decides; a loop in Python makes the attempts and waits.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};
use undaunted::testing::{self, Switched};
use undaunted::{AttemptOutcome, Decision, Event, RetryState, StopReason, TimedOut, Verdict};

use crate::budget::RetryBudget;
use crate::config::Config;
use crate::pacer::{Paced, Pacer};
use crate::scope::Scope;
use crate::seconds::hint;

/// The decisions of one call, and the texts about it.
#[pyclass(module = "undaunted")]
#[derive(Debug)]
pub(crate) struct State {
    config: Py<Config>,
    budget: Option<Py<RetryBudget>>,
    paced: Option<Box<Paced>>,
    inner: RetryState,
    delays: Vec<f64>,
    /// The verdict on the last failure, and what was decided.
    last: (Verdict, Decision),
    /// The rule of the caller's that gave the verdict.
    rule: Option<String>,
    /// What the code around lets the call do.
    scope: Scope,
}

/// A verdict as Python has it, perhaps with a hint of the service in seconds, and the rule that gave
/// it.
#[derive(Clone, Debug, FromPyObject)]
enum Judged {
    Plain(u8),
    WithHint(u8, f64),
    ByRule(u8, Option<f64>, String),
}

#[pymethods]
impl State {
    /// A call that is about to make its first attempt; its `total_timeout` runs from now.
    #[new]
    #[pyo3(signature = (config, budget = None, seed = None, pacer = None, scope = None))]
    fn new(
        config: Py<Config>,
        budget: Option<Py<RetryBudget>>,
        seed: Option<u64>,
        pacer: Option<&Pacer>,
        scope: Option<&Scope>,
    ) -> Self {
        let scope = scope.copied().unwrap_or_default();
        let has_total = config.get().inner.total_timeout().is_some();
        let has_deadline = has_total || scope.deadline.is_some();
        let is_timed = has_deadline || budget.is_some() || pacer.is_some();
        let start = is_timed.then(Instant::now);
        let seed = seed.unwrap_or_else(undaunted::__private::seed);
        Self {
            config,
            budget,
            paced: pacer.map(|pacer| Box::new(Paced::new(pacer))),
            inner: RetryState::new(start, seed),
            delays: Vec::new(),
            last: (Verdict::Permanent, Decision::Stop(StopReason::Permanent)),
            rule: None,
            scope,
        }
    }

    /// An attempt failed: the delay before the next one, or the reason in one word why there is
    /// none.
    ///
    /// `verdict` is one of `TRANSIENT`, `THROTTLED` and `PERMANENT`, or a tuple of it and of the
    /// wait in seconds that the service asked for, which takes precedence over `retry_after`.
    /// `now` is in seconds since the call began, for callers that keep the time themselves.
    #[pyo3(signature = (verdict, retry_after = None, now = None))]
    fn on_failure<'py>(
        &mut self,
        py: Python<'py>,
        verdict: Judged,
        retry_after: Option<Bound<'_, PyAny>>,
        now: Option<f64>,
    ) -> Bound<'py, PyAny> {
        let now = self.instant(now);
        self.rule = None;
        let (verdict, retry_after) = match verdict {
            Judged::ByRule(verdict, seconds, rule) => {
                self.rule = Some(rule);
                (verdict, seconds)
            }
            Judged::WithHint(verdict, seconds) => (verdict, Some(seconds)),
            // An attribute of another type is no hint: it belongs to another library.
            Judged::Plain(verdict) => (verdict, retry_after.and_then(|hint| hint.extract().ok())),
        };
        let retry_after = hint(retry_after);
        let verdict = match verdict {
            Self::TRANSIENT => Verdict::Transient { retry_after },
            Self::THROTTLED => Verdict::Throttled { retry_after },
            _ => Verdict::Permanent,
        };
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        let config = &self.config.get().inner;
        let decision = match (&mut self.paced, now, verdict) {
            (Some(paced), Some(at), Verdict::Throttled { .. }) => {
                paced.began = paced.throttled(at);
                self.inner
                    .on_paced_failure(config, now, verdict, paced.turn.pacer())
            }
            (Some(paced), Some(at), Verdict::Permanent) => {
                paced.turn.succeeded(at);
                self.inner.on_failure(config, now, verdict, budget)
            }
            _ => self.inner.on_failure(config, now, verdict, budget),
        };
        let decision = undaunted::__private::switched(decision, &mut self.inner, budget);
        let decision = self.capped(py, decision, now);
        self.last = (verdict, decision);
        match decision {
            Decision::Retry { delay } => {
                let delay = delay.as_secs_f64();
                // A call that retries for ever must not fill memory with what no note shows.
                if self.delays.len() <= MOST_DELAYS {
                    self.delays.push(delay);
                }
                PyFloat::new(py, delay).into_any()
            }
            Decision::Stop(reason) => PyString::intern(py, reason.as_str()).into_any(),
        }
    }

    /// Before an attempt of a call that has a pacer: the seconds after which to ask again, or None
    /// once the attempt may begin. It may also begin when the time is up: it is then cut
    /// immediately.
    #[pyo3(signature = (now = None))]
    fn poll_turn(&mut self, now: Option<f64>) -> Option<f64> {
        let paced = self.paced.as_mut()?;
        if paced.turn.is_free() {
            paced.queued = Duration::ZERO;
            return None;
        }
        let now = self.instant(now)?;
        let total = self.inner.deadline(&self.config.get().inner);
        let deadline = total.into_iter().chain(self.scope.deadline).min();
        let paced = self.paced.as_mut()?;
        if switch().is_some() || deadline.is_some_and(|deadline| deadline <= now) {
            paced.give_up(now);
            return None;
        }
        let then = paced.poll(now)?;
        let then = deadline.map_or(then, |deadline| deadline.min(then));
        Some(then.saturating_duration_since(now).as_secs_f64())
    }

    /// An attempt begins: its time limit in seconds from now, the text of the error when it is
    /// reached, and whether it is one on the whole call.
    #[pyo3(signature = (now = None))]
    fn on_attempt(&mut self, now: Option<f64>) -> Option<(f64, String, bool)> {
        let now = self.instant(now);
        let cut = self.inner.on_attempt(&self.config.get().inner, now);
        let cut = self.scope.earliest(cut, now)?;
        let is_total = matches!(
            cut.because,
            TimedOut::Total { .. } | TimedOut::Deadline { .. }
        );
        Some((cut.after.as_secs_f64(), cut.because.to_string(), is_total))
    }

    /// The call succeeded. The result is whether pacing has ended with it.
    #[pyo3(signature = (now = None))]
    fn on_success(&mut self, now: Option<f64>) -> bool {
        let mut has_ended = false;
        if self.paced.is_some() {
            let now = self.instant(now);
            if let (Some(paced), Some(now)) = (&mut self.paced, now) {
                has_ended = paced.turn.succeeded(now);
            }
        }
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        self.inner.on_success(budget);
        has_ended
    }

    /// The call was dropped during a wait.
    fn on_drop(&mut self) {
        if let Some(paced) = &mut self.paced {
            paced.turn.leave();
        }
        let budget = self.budget.as_ref().map(|budget| &*budget.get().inner);
        self.inner.on_drop(budget);
    }

    /// The log line: after a failure that of the last decision, without an `error` that of a
    /// success.
    #[pyo3(signature = (operation, error = None))]
    fn log_line(&self, operation: &str, error: Option<&Bound<'_, PyAny>>) -> String {
        let retries = self.inner.retries();
        let (verdict, decision) = self.last;
        let text = error.map(text_of);
        let error = text.as_ref().map(|text| text as &dyn Display);
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
        let mut event = Event::new(operation, attempt, self.max_retries(), outcome);
        event.rule = self.rule.as_deref().filter(|_| error.is_some());
        if let Some(paced) = &self.paced {
            event.queued = paced.queued;
            event.pace = paced.turn.pacer().rate();
        }
        event.to_string()
    }

    /// The note on the exception that ends the call, if there is something to say.
    fn note(&self) -> Option<String> {
        match self.last.1 {
            Decision::Stop(reason) => {
                let queued = self.paced.as_ref().map(|paced| paced.queued_in_all);
                let attempts = self.inner.retries() + 1;
                let queued = queued.unwrap_or_default();
                note(attempts, &self.delays, queued, reason, self.rule.as_deref())
            }
            Decision::Retry { .. } => None,
        }
    }

    /// The rule that gave the verdict on the last failure, if one did.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
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

    /// Whether pacing began with the last failure.
    #[getter]
    fn began_pacing(&self) -> bool {
        self.paced.as_ref().is_some_and(|paced| paced.began)
    }

    /// How long the last attempt waited for its turn, in seconds. None without a pacer.
    #[getter]
    fn queued(&self) -> Option<f64> {
        Some(self.paced.as_ref()?.queued.as_secs_f64())
    }

    /// The pacer's rate in requests a second, if there is one and it is active.
    #[getter]
    fn pace(&self) -> Option<f64> {
        self.paced.as_ref()?.turn.pacer().rate()
    }

    #[classattr]
    pub(crate) const TRANSIENT: u8 = 0;
    #[classattr]
    pub(crate) const THROTTLED: u8 = 1;
    #[classattr]
    pub(crate) const PERMANENT: u8 = 2;
    /// No verdict yet: each exception of the class is judged.
    #[classattr]
    pub(crate) const JUDGED: u8 = 3;
}

impl State {
    /// The decision, within what the code around the call allows.
    fn capped(&mut self, py: Python<'_>, decision: Decision, now: Option<Instant>) -> Decision {
        let is_over = |delay| self.scope.is_over(now, delay);
        let reason = match decision {
            Decision::Retry { .. } if self.scope.is_one_attempt => StopReason::OneAttempt,
            Decision::Retry { delay } if is_over(delay) => StopReason::CallerDeadline,
            Decision::Stop(reason)
                if reason != StopReason::Permanent && is_over(Duration::ZERO) =>
            {
                return Decision::Stop(StopReason::CallerDeadline);
            }
            _ => return decision,
        };
        // The retry that was granted is given back.
        let budget = self.budget.as_ref().map(|budget| budget.bind(py).get());
        self.inner.on_drop(budget.map(|budget| &*budget.inner));
        Decision::Stop(reason)
    }

    /// The time, where the configuration, the budget or the pacer needs it.
    fn instant(&self, given: Option<f64>) -> Option<Instant> {
        let start = self.inner.start()?;
        match hint(given) {
            Some(since) => start.checked_add(since),
            None => Some(Instant::now()),
        }
    }
}

/// The note on an exception that ends a call: attempts, delays, the time in the pacer's queue and
/// the reason, with the rule that gave the verdict. None if the first attempt failed permanently by
/// no rule: the exception says it all.
pub(crate) fn note(
    attempts: u32,
    delays: &[f64],
    queued: Duration,
    reason: StopReason,
    rule: Option<&str>,
) -> Option<String> {
    if delays.is_empty() && reason == StopReason::Permanent && rule.is_none() {
        return None;
    }
    let plural = if attempts > 1 { "s" } else { "" };
    let turns = format!("{:.2} s in the pacer's queue", queued.as_secs_f64());
    let waits = match (delays.is_empty(), queued < SHOWN_FROM) {
        (true, true) => String::new(),
        (true, false) => format!(", after a wait of {turns}"),
        (false, true) => format!(", after waits of {} s", shown(delays)),
        (false, false) => format!(", after waits of {} s and {turns}", shown(delays)),
    };
    let rule = rule.map(|rule| format!(" (by the rule {rule})"));
    let rule = rule.unwrap_or_default();
    Some(format!("{attempts} attempt{plural}{waits}; {reason}{rule}"))
}

/// The text of an exception; of one without text, the name of its class.
fn text_of(error: &Bound<'_, PyAny>) -> String {
    let text = error.to_string();
    if !text.trim().is_empty() {
        return text;
    }
    let class = error.get_type().name();
    class.map_or(text, |name| name.to_string())
}

fn shown(delays: &[f64]) -> String {
    let shown = delays.iter().take(MOST_DELAYS);
    let shown: Vec<_> = shown.map(|delay| format!("{delay:.2}")).collect();
    let more = if delays.len() > MOST_DELAYS {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
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

/// A shorter time would be shown as 0.00 s.
const SHOWN_FROM: Duration = Duration::from_millis(5);

/// A note with more delays than this would hide its reason.
const MOST_DELAYS: usize = 20;
