//! The events of stores, on their way to Python's `logging`.
//!
//! Events come from any thread, with and without the GIL. Each becomes a record in a queue, and one
//! thread passes the records to `logging`, so that neither a slow handler nor the GIL delays I/O.
//! An operation that ends passes on the records in the queue first, and waits for a record that
//! another thread is passing on: its log lines are written when it returns.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ThreadId};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use undaunted::{AttemptOutcome, StopReason, Verdict};
use undaunted_object_store::{StoreEvent, redacted};

use crate::process::Process;

/// A function of Python's that is called for each retry of a storage.
pub(crate) type Hook = Arc<Py<PyAny>>;

/// Takes the events of a store.
pub(crate) fn listener(hook: Option<Hook>) -> impl Fn(&StoreEvent<'_>) + Send + Sync + 'static {
    move |event| {
        // A process that has started nothing has no events.
        if let (Some(record), Some(process)) =
            (LogRecord::of(event, hook.as_ref()), Process::current())
        {
            process.events.push(record);
        }
    }
}

/// Passes on the records in the queue, at the end of the program.
#[pyfunction]
pub(crate) fn drain_events(py: Python<'_>) {
    if let Some(process) = Process::current() {
        process.events.drain(py);
    }
}

/// The records of a process, and the thread that passes them on.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
    passed_on: Condvar,
}

#[derive(Default)]
struct QueueState {
    records: VecDeque<Box<dyn Record>>,
    has_writer: bool,
    /// The threads that are passing a record on.
    busy: Vec<ThreadId>,
}

impl Queue {
    /// Passes on all records, and waits for other threads that do.
    pub(crate) fn drain(&self, py: Python<'_>) {
        self.pass_on(py);
        let state = self.lock();
        if state.busy.is_empty() {
            return;
        }
        drop(state);
        let me = thread::current().id();
        // Without the GIL, which they need, and not forever: a handler may wait for this thread.
        py.detach(|| {
            let waited = self
                .passed_on
                .wait_timeout_while(self.lock(), PATIENCE, |state| {
                    state.busy.iter().any(|busy| *busy != me)
                });
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        });
    }

    fn pass_on(&self, py: Python<'_>) {
        while let Some(record) = self.next() {
            // A handler that raises must not turn a success into a failure.
            if let Err(error) = record.log(py) {
                error.write_unraisable(py, None);
            }
            self.done();
        }
    }

    pub(crate) fn push(&'static self, record: impl Record + 'static) {
        let mut state = self.lock();
        if state.records.len() >= MOST_RECORDS {
            state.records.pop_front();
        }
        state.records.push_back(Box::new(record));
        if !state.has_writer {
            let writer = Builder::new().name("undaunted-log".to_owned());
            state.has_writer = writer.spawn(|| self.write()).is_ok();
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The loop of the thread.
    fn write(&self) {
        loop {
            let waited = self
                .filled
                .wait_while(self.lock(), |state| state.records.is_empty());
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            // The interpreter is gone, and `logging` with it.
            let process = Process::current();
            let passed_on = process.and_then(|process| process.attach(|py| self.pass_on(py)));
            if passed_on.is_none() {
                return;
            }
        }
    }

    /// The next record, with which this thread is now busy.
    fn next(&self) -> Option<Box<dyn Record>> {
        let mut state = self.lock();
        let record = state.records.pop_front()?;
        state.busy.push(thread::current().id());
        Some(record)
    }

    fn done(&self) {
        let me = thread::current().id();
        let mut state = self.lock();
        // The last entry: a handler may itself run operations to their end.
        if let Some(at) = state.busy.iter().rposition(|busy| *busy == me) {
            state.busy.remove(at);
        }
        drop(state);
        self.passed_on.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes a record of Python's `logging`.
pub(crate) trait Record: Send {
    fn log(self: Box<Self>, py: Python<'_>) -> PyResult<()>;
}

struct LogRecord {
    level: u8,
    operation: &'static str,
    key: String,
    text: String,
    attempt: u32,
    max_retries: u32,
    /// Until the next attempt, if one follows, with the text of the failure.
    retry: Option<(f64, String)>,
    /// Why there is no further attempt.
    reason: Option<&'static str>,
    /// The rule that gave the verdict.
    rule: Option<String>,
    is_throttled: bool,
    queued: f64,
    pace: Option<f64>,
    hook: Option<Hook>,
}

impl LogRecord {
    /// The record of an event, if it gets one.
    fn of(event: &StoreEvent<'_>, hook: Option<&Hook>) -> Option<Self> {
        let is_first = event.event.attempt == 1;
        let level = match event.event.outcome {
            AttemptOutcome::Retrying { .. } => WARNING,
            // A first attempt that succeeds or fails permanently is not logged.
            AttemptOutcome::Stopped {
                reason: StopReason::Permanent,
                ..
            }
            | AttemptOutcome::Succeeded
                if is_first =>
            {
                return None;
            }
            // It may be what the caller wanted to know: does this file exist? Retries before it do
            // not change that.
            AttemptOutcome::Stopped {
                reason: StopReason::Permanent,
                ..
            } => DEBUG,
            AttemptOutcome::Stopped { .. } => ERROR,
            _ => DEBUG,
        };
        let (mut retry, mut reason, mut is_throttled) = (None, None, false);
        match event.event.outcome {
            AttemptOutcome::Retrying {
                delay,
                verdict,
                error,
            } => {
                let error = redacted(&format!("{error:#}")).into_owned();
                retry = Some((delay.as_secs_f64(), error));
                is_throttled = matches!(verdict, Verdict::Throttled { .. });
            }
            AttemptOutcome::Stopped { reason: why, .. } => reason = Some(why.as_str()),
            _ => {}
        }
        Some(Self {
            level,
            operation: event.operation.as_str(),
            key: event.location.to_string(),
            text: redacted(&event.event.to_string()).into_owned(),
            queued: event.event.queued.as_secs_f64(),
            pace: event.event.pace,
            attempt: event.event.attempt,
            max_retries: event.event.max_retries,
            retry,
            reason,
            rule: event.event.rule.map(str::to_owned),
            is_throttled,
            hook: hook.cloned(),
        })
    }
}

impl Record for LogRecord {
    fn log(self: Box<Self>, py: Python<'_>) -> PyResult<()> {
        let log = LOG.import(py, "undaunted._log", "tell_store_event")?;
        let fields = PyDict::new(py);
        fields.set_item("operation", self.operation)?;
        fields.set_item("key", self.key)?;
        fields.set_item("attempt", self.attempt)?;
        fields.set_item("max_retries", self.max_retries)?;
        fields.set_item("queued", self.queued)?;
        fields.set_item("pace", self.pace)?;
        fields.set_item("rule", self.rule)?;
        let hook = self.hook.map(|hook| hook.clone_ref(py));
        let (delay, error) = self.retry.unzip();
        log.call1((
            self.level,
            self.text,
            fields,
            delay,
            error,
            self.reason,
            self.is_throttled,
            hook,
        ))?;
        Ok(())
    }
}

static LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The numbers of Python's `logging`.
const DEBUG: u8 = 10;
const WARNING: u8 = 30;
const ERROR: u8 = 40;

/// How long an operation that has ended waits for a slow handler.
const PATIENCE: Duration = Duration::from_millis(100);

/// More would fill the memory if a handler hangs. The newest records are kept.
const MOST_RECORDS: usize = 10_000;
