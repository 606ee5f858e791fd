//! From a Rust future to a Python value: at once where it is ready, else awaited by an asyncio
//! future or waited for by a thread.
//!
//! A future is polled once on the caller's thread. What is ready then, such as all that a store
//! in memory does, never sees another thread. The rest goes to the runtime, and its result comes
//! back through the [`Mailbox`] of its event loop: one wake-up for all results that arrive
//! before the loop gets to run.
//!
//! No thread that holds the GIL ever waits for one that may want it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::FutureExt;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::{AbortHandle, JoinHandle};

use crate::errors::Failure;
use crate::process::Process;

/// What an operation brings: something that becomes a Python object once there is a GIL.
pub(crate) type Value = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// How an operation ends.
pub(crate) type Outcome = Result<Value, Box<Failure>>;

/// An operation on its way.
type Operation = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Makes a [`Value`] of what an operation brought.
pub(crate) fn value<T>(output: T) -> Value
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    Box::new(move |py| output.into_py_any(py))
}

/// Runs an operation as far as it goes without waiting: its value, or a [`Pending`].
pub(crate) fn run(
    py: Python<'_>,
    operation: impl Future<Output = Outcome> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let process = Process::start(py)?;
    let mut operation: Operation = Box::pin(Counted::new(operation));
    let polled = py.detach(|| {
        let _inside = process.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        std::panic::catch_unwind(AssertUnwindSafe(|| operation.as_mut().poll(&mut context)))
    });
    match polled {
        Ok(Poll::Ready(outcome)) => deliver(py, process, outcome),
        Ok(Poll::Pending) => {
            let pending = Pending {
                stage: Mutex::new(Stage::Unstarted(operation)),
            };
            Ok(Py::new(py, pending)?.into_any())
        }
        Err(_) => Err(broken()),
    }
}

/// An operation that was not ready at once.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Pending {
    stage: Mutex<Stage>,
}

enum Stage {
    Unstarted(Operation),
    Started(AbortHandle),
    Over,
}

#[pymethods]
impl Pending {
    /// Lets it run, and its outcome become that of an asyncio future.
    fn start(&self, py: Python<'_>, future: Py<PyAny>, mailbox: &Mailbox) -> PyResult<()> {
        let Some(operation) = self.take() else {
            return Err(PyRuntimeError::new_err("this operation was started before"));
        };
        let mail = Arc::clone(&mailbox.mail);
        let task = Process::start(py)?.runtime.spawn(async move {
            let outcome = AssertUnwindSafe(operation).catch_unwind().await;
            mail.send(Letter {
                future,
                outcome: outcome.ok(),
            });
        });
        *self.lock() = Stage::Started(task.abort_handle());
        Ok(())
    }

    /// Lets it run while its waiter does something else; [`wait`](Self::wait) is for later.
    fn launch(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(operation) = self.take() {
            let task = Process::start(py)?.runtime.spawn(operation);
            *self.lock() = Stage::Unstarted(Box::pin(Launched(task)));
        }
        Ok(())
    }

    /// Drops it, wherever it is.
    fn abort(&self) {
        let stage = std::mem::replace(&mut *self.lock(), Stage::Over);
        if let Stage::Started(task) = stage {
            task.abort();
        }
    }

    /// Waits for it on this thread. A signal ends the wait and drops the operation.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(mut operation) = self.take() else {
            return Err(PyRuntimeError::new_err("this operation was started before"));
        };
        let process = Process::start(py)?;
        loop {
            let waited = py.detach(|| {
                std::panic::catch_unwind(AssertUnwindSafe(|| {
                    process
                        .runtime
                        .block_on(async { tokio::time::timeout(SLICE, &mut operation).await })
                }))
            });
            match waited {
                Ok(Ok(outcome)) => return deliver(py, process, outcome),
                Ok(Err(_)) => py.check_signals()?,
                Err(_) => return Err(broken()),
            }
        }
    }
}

impl Pending {
    fn take(&self) -> Option<Operation> {
        match std::mem::replace(&mut *self.lock(), Stage::Over) {
            Stage::Unstarted(operation) => Some(operation),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the results of an event loop's operations arrive.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Mailbox {
    mail: Arc<Mail>,
}

#[pymethods]
impl Mailbox {
    /// `wake` is called, from any thread, when there is something to [`empty`](Self::empty).
    #[new]
    fn new(wake: Py<PyAny>) -> Self {
        Self {
            mail: Arc::new(Mail {
                letters: Mutex::default(),
                wake,
            }),
        }
    }

    /// Gives all results to their futures. For the thread of the loop.
    fn empty(&self, py: Python<'_>) -> PyResult<()> {
        let process = Process::start(py)?;
        for letter in self.mail.take() {
            letter.open(py, process)?;
        }
        Ok(())
    }
}

struct Mail {
    letters: Mutex<Vec<Letter>>,
    wake: Py<PyAny>,
}

impl Mail {
    fn send(&self, letter: Letter) {
        let is_first = {
            let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
            letters.push(letter);
            letters.len() == 1
        };
        if is_first {
            // Without an interpreter, or with the loop closed, nobody waits any more.
            let woken = Python::try_attach(|py| self.wake.call0(py).is_ok());
            if woken != Some(true) {
                drop(self.take());
            }
        }
    }

    fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Letter {
    future: Py<PyAny>,
    /// None where the operation panicked.
    outcome: Option<Outcome>,
}

impl Letter {
    fn open(self, py: Python<'_>, process: &Process) -> PyResult<()> {
        let future = self.future.bind(py);
        // It was cancelled meanwhile.
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        let delivered = match self.outcome {
            Some(outcome) => deliver(py, process, outcome),
            None => Err(broken()),
        };
        match delivered {
            Ok(value) => future.call_method1("set_result", (value,))?,
            Err(error) => future.call_method1("set_exception", (error,))?,
        };
        Ok(())
    }
}

/// Operations that are neither over nor dropped.
#[pyfunction]
pub(crate) fn in_flight() -> usize {
    IN_FLIGHT.load(Ordering::SeqCst)
}

fn deliver(py: Python<'_>, process: &Process, outcome: Outcome) -> PyResult<Py<PyAny>> {
    // What is logged about an operation is logged before it returns.
    process.events.drain(py);
    match outcome {
        Ok(value) => value(py),
        Err(failure) => Err(failure.into_exception(py)),
    }
}

/// What a user gets to see of a panic.
fn broken() -> PyErr {
    PyRuntimeError::new_err("undaunted failed internally, which is a fault of undaunted")
}

/// An operation that runs on the runtime, and ends when nobody waits for it any more.
struct Launched(JoinHandle<Outcome>);

impl Future for Launched {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        match ready!(self.0.poll_unpin(context)) {
            Ok(outcome) => Poll::Ready(outcome),
            Err(error) => match error.try_into_panic() {
                // `wait` looks out for it.
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only the end of the runtime cancels it, and the runtime does not end.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A future that is counted for as long as it lives.
struct Counted<F>(Option<Pin<Box<F>>>);

impl<F> Counted<F> {
    fn new(future: F) -> Self {
        IN_FLIGHT.fetch_add(1, Ordering::SeqCst);
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match &mut self.0 {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        // First what it holds, so that a count of none means that all is given back.
        self.0 = None;
        IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// How long a thread that waits may leave Ctrl-C unnoticed: less than a person notices.
const SLICE: Duration = Duration::from_millis(50);
