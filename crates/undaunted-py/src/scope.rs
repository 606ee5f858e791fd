//! What the code around a call lets it do: the caller's deadline, and that there is to be one attempt.
//!
//! It is kept in a context variable of Python's, which tasks and `asyncio.to_thread` inherit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::Either;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use undaunted::{Cut, TimedOut, one_attempt, with_deadline};

/// A deadline, and whether calls make one attempt; with what the code around has said before.
#[pyclass(frozen, module = "undaunted")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) deadline: Option<Instant>,
    pub(crate) is_one_attempt: bool,
}

#[pymethods]
impl Scope {
    /// `seconds` are those from now to the deadline.
    #[new]
    fn new(outer: Option<&Self>, seconds: Option<f64>, is_one_attempt: bool) -> PyResult<Self> {
        let outer = outer.copied().unwrap_or_default();
        let deadline = match seconds {
            Some(seconds) => Some(instant(seconds)?),
            None => None,
        };
        IS_USED.store(true, Ordering::SeqCst);
        Ok(Self {
            deadline: outer.deadline.into_iter().chain(deadline).min(),
            is_one_attempt: outer.is_one_attempt || is_one_attempt,
        })
    }

    /// The seconds that are left; negative once the deadline has passed.
    #[getter]
    fn left(&self) -> Option<f64> {
        let (deadline, now) = (self.deadline?, Instant::now());
        Some(if deadline >= now {
            (deadline - now).as_secs_f64()
        } else {
            -(now - deadline).as_secs_f64()
        })
    }
}

impl Scope {
    /// The scope of the code that calls.
    pub(crate) fn current(py: Python<'_>) -> Self {
        if !IS_USED.load(Ordering::Relaxed) {
            return Self::default();
        }
        let current = || -> PyResult<Option<Self>> {
            let variable = VARIABLE.import(py, "undaunted._scope", "current")?;
            let scope: Option<PyRef<'_, Self>> = variable.call_method0("get")?.extract()?;
            Ok(scope.map(|scope| *scope))
        };
        current().ok().flatten().unwrap_or_default()
    }

    /// The earlier of a cut and the deadline.
    pub(crate) fn earliest(&self, cut: Option<Cut>, now: Option<Instant>) -> Option<Cut> {
        let Some(after) = self.left_at(now) else {
            return cut;
        };
        match cut {
            Some(cut) if cut.after <= after => Some(cut),
            _ => Some(Cut {
                after,
                because: TimedOut::Deadline { limit: after },
            }),
        }
    }

    /// Whether a wait that begins now would end at the deadline or after it.
    pub(crate) fn is_over(&self, now: Option<Instant>, delay: Duration) -> bool {
        self.left_at(now).is_some_and(|left| delay >= left)
    }

    fn left_at(&self, now: Option<Instant>) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(now?))
    }

    /// An operation of a store within it.
    pub(crate) fn around<F: Future>(
        self,
        operation: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let capped = match self.deadline {
            Some(deadline) => Either::Left(with_deadline(deadline, operation)),
            None => Either::Right(operation),
        };
        if self.is_one_attempt {
            Either::Left(one_attempt(capped))
        } else {
            Either::Right(capped)
        }
    }
}

/// A time so many seconds from now.
fn instant(seconds: f64) -> PyResult<Instant> {
    let now = Instant::now();
    if seconds.is_nan() {
        return Err(PyValueError::new_err(
            "the deadline is nan, but must be a number of seconds",
        ));
    }
    let wait = Duration::try_from_secs_f64(seconds.max(0.0));
    let then = wait.ok().and_then(|wait| now.checked_add(wait));
    // Too far to be a time of this clock: as good as never.
    then.or_else(|| now.checked_add(NEVER)).ok_or_else(|| {
        PyValueError::new_err(format!(
            "the deadline is {seconds} s away, which no clock has"
        ))
    })
}

static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Whether a scope was ever made: until then no operation asks for one.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// A hundred years.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
