//! What happens in stores, on its way to Python's `logging`.
//!
//! Events come from any thread, with and without the GIL. Each is written down in a queue, and
//! one thread hands them to `logging`, so that neither a slow handler nor the GIL ever holds up
//! I/O. An operation that ends first hands over what is in the queue, and lets a record that is
//! being handed over come to its end: its log lines are there when it returns.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ThreadId};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use undaunted::{AttemptOutcome, StopReason};
use undaunted_object_store::{StoreEvent, redacted};

use crate::process::Process;

/// Takes an event of a store.
pub(crate) fn take(event: &StoreEvent<'_>) {
    // Where nothing was started nothing can happen.
    if let (Some(record), Some(process)) = (Record::of(event), Process::current()) {
        process.events.push(record);
    }
}

/// Hands over what is in the queue: at the end of the program.
#[pyfunction]
pub(crate) fn drain_events(py: Python<'_>) {
    if let Some(process) = Process::current() {
        process.events.drain(py);
    }
}

/// A process's records on their way, and its thread that hands them over.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    handed_over: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<Record>,
    has_writer: bool,
    /// The threads that are handing a record over.
    busy: Vec<ThreadId>,
}

impl Queue {
    /// Hands over what is there, and waits for others who do.
    pub(crate) fn drain(&self, py: Python<'_>) {
        self.hand_over(py);
        let state = self.lock();
        if state.busy.is_empty() {
            return;
        }
        drop(state);
        let me = thread::current().id();
        // Without the GIL, which they need, and not for ever: a handler may wait for us.
        py.detach(|| {
            let waited = self
                .handed_over
                .wait_timeout_while(self.lock(), PATIENCE, |state| {
                    state.busy.iter().any(|busy| *busy != me)
                });
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        });
    }

    fn hand_over(&self, py: Python<'_>) {
        while let Some(record) = self.next() {
            // A logging that raises must not turn a success into a failure.
            if let Err(error) = record.log(py) {
                error.write_unraisable(py, None);
            }
            self.done();
        }
    }

    fn push(&'static self, record: Record) {
        let mut state = self.lock();
        if state.records.len() >= MOST_RECORDS {
            state.records.pop_front();
        }
        state.records.push_back(record);
        if !state.has_writer {
            let writer = Builder::new().name("undaunted-log".to_owned());
            state.has_writer = writer.spawn(|| self.write()).is_ok();
        }
        drop(state);
        self.filled.notify_one();
    }

    /// What the thread does.
    fn write(&self) {
        loop {
            let waited = self
                .filled
                .wait_while(self.lock(), |state| state.records.is_empty());
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            // Without an interpreter there is nobody to tell any more.
            if Python::try_attach(|py| self.hand_over(py)).is_none() {
                return;
            }
        }
    }

    /// The next record, which this thread is now busy with.
    fn next(&self) -> Option<Record> {
        let mut state = self.lock();
        let record = state.records.pop_front()?;
        state.busy.push(thread::current().id());
        Some(record)
    }

    fn done(&self) {
        let me = thread::current().id();
        let mut state = self.lock();
        // The last of them: a handler may itself bring operations to their end.
        if let Some(at) = state.busy.iter().rposition(|busy| *busy == me) {
            state.busy.remove(at);
        }
        drop(state);
        self.handed_over.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Record {
    level: u8,
    operation: &'static str,
    key: String,
    text: String,
}

impl Record {
    /// The record of an event that is worth one.
    fn of(event: &StoreEvent<'_>) -> Option<Self> {
        let is_first = event.event.attempt == 1;
        let level = match event.event.outcome {
            AttemptOutcome::Retrying { .. } => WARNING,
            // An answer, which the caller may well have been asking for.
            AttemptOutcome::Stopped {
                reason: StopReason::Permanent,
                ..
            }
            | AttemptOutcome::Succeeded
                if is_first =>
            {
                return None;
            }
            AttemptOutcome::Stopped { .. } => ERROR,
            _ => DEBUG,
        };
        Some(Self {
            level,
            operation: event.operation.as_str(),
            key: event.location.to_string(),
            text: redacted(&event.event.to_string()).into_owned(),
        })
    }

    fn log(self, py: Python<'_>) -> PyResult<()> {
        let log = LOG.import(py, "undaunted._log", "log_store_event")?;
        log.call1((self.level, self.text, self.operation, self.key))?;
        Ok(())
    }
}

static LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The numbers of Python's `logging`.
const DEBUG: u8 = 10;
const WARNING: u8 = 30;
const ERROR: u8 = 40;

/// As long as an operation that has ended waits for a handler that is slow.
const PATIENCE: Duration = Duration::from_millis(100);

/// Beyond this a handler that hangs would fill the memory; the newest are kept.
const MOST_RECORDS: usize = 10_000;
