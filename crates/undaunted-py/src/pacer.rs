//! The pace that calls of a throttling service share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use undaunted::{Admission, Turn};

/// A pace that calls of a throttling service share.
///
/// A service that throttles is healthy: it says how much it takes. With a pacer, a throttled call
/// waits for its turn in place of failing, and spends nothing of a budget. Calls are sent first
/// come, first served, at the rate that the service takes, which is found out by its responses.
///
/// Until the first throttled failure it does nothing, and it lets go when nothing has been
/// throttled for 5 seconds. A failure is throttled if it is a
/// :class:`~undaunted.StorageRateLimitError`.
///
/// Threads and event loops can share one. A forked or spawned process has its own.
///
/// Example:
///     >>> from undaunted import Pacer, RetryConfig, retry
///     >>> config = RetryConfig(max_retries=10, pacer=Pacer())
///     >>> @retry(config)
///     ... async def fetch(key: str) -> bytes: ...
///     >>> config.pacer
///     <Pacer, passive>
#[pyclass(frozen, module = "undaunted")]
#[derive(Debug)]
pub(crate) struct Pacer {
    pub(crate) shared: Arc<SharedPacer>,
}

/// A call's turns at a pacer.
#[derive(Debug)]
pub(crate) struct Paced {
    pub(crate) turn: Turn<Arc<undaunted::Pacer>>,
    /// How long the last attempt waited for its turn.
    pub(crate) queued: Duration,
    /// How long all of them waited.
    pub(crate) queued_in_all: Duration,
    /// Whether pacing began with the last failure.
    pub(crate) began: bool,
}

/// A pacer for each process.
///
/// The queue that a forked child inherits has callers in it that do not exist there, and whose
/// places nobody frees, and the lock around it may be held forever. So the child leaves its
/// parent's pacer as it is, and appends its own.
#[derive(Debug)]
pub(crate) struct SharedPacer {
    process: u32,
    pacer: Arc<undaunted::Pacer>,
    next: OnceLock<Box<SharedPacer>>,
}

#[pymethods]
impl Pacer {
    #[new]
    fn new() -> Self {
        Self {
            shared: Arc::new(SharedPacer::new(std::process::id())),
        }
    }

    /// Calls a second, or None while it is passive.
    #[getter]
    fn rate(&self) -> Option<f64> {
        self.shared.current().rate()
    }

    /// How many calls wait for their turn.
    #[getter]
    fn waiting(&self) -> usize {
        self.shared.current().waiting()
    }

    /// Whether calls are paced now.
    #[getter]
    fn is_active(&self) -> bool {
        self.shared.current().is_active()
    }

    fn __repr__(&self) -> String {
        let pacer = self.shared.current();
        let waiting = pacer.waiting();
        match pacer.rate() {
            Some(rate) => format!("<Pacer at {rate:.1}/s, {waiting} waiting>"),
            None => "<Pacer, passive>".to_owned(),
        }
    }

    /// Another process gets a pacer of its own: processes cannot share a queue.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, Bound<'py, PyTuple>) {
        (slf.get_type().into_any(), PyTuple::empty(slf.py()))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// A copy of a configuration shares the pacer, too.
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

impl Paced {
    pub(crate) fn new(pacer: &Pacer) -> Self {
        Self {
            turn: Turn::new(Arc::clone(pacer.shared.current())),
            queued: Duration::ZERO,
            queued_in_all: Duration::ZERO,
            began: false,
        }
    }

    /// Asks for the turn. The result is when to ask again, if it has not come.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Instant> {
        let since = self.turn.since();
        match self.turn.poll(now) {
            Admission::WaitUntil(then) => Some(then),
            Admission::Go => {
                self.count(since, now);
                None
            }
        }
    }

    /// The call gives its turn up.
    pub(crate) fn give_up(&mut self, now: Instant) {
        self.count(self.turn.since(), now);
        self.turn.leave();
    }

    fn count(&mut self, since: Option<Instant>, now: Instant) {
        self.queued = now.saturating_duration_since(since.unwrap_or(now));
        self.queued_in_all = self.queued_in_all.saturating_add(self.queued);
    }

    /// The service throttled the request. The result is whether pacing has begun with it.
    pub(crate) fn throttled(&mut self, now: Instant) -> bool {
        let began = self.turn.throttled(now);
        if began {
            self.turn.pacer().seed(undaunted::__private::seed());
        }
        began
    }
}

impl SharedPacer {
    fn new(process: u32) -> Self {
        Self {
            process,
            pacer: Arc::default(),
            next: OnceLock::new(),
        }
    }

    /// That of this process.
    pub(crate) fn current(&self) -> &Arc<undaunted::Pacer> {
        let process = std::process::id();
        let mut link = self;
        while link.process != process {
            link = link.next.get_or_init(|| Box::new(Self::new(process)));
        }
        &link.pacer
    }
}
