//! From a Rust future to a Python value: immediately if it is ready, otherwise awaited by an asyncio
//! future or waited for by a thread.
//!
//! A future is polled once on the caller's thread. A result that is ready then, as always in a store
//! in memory, needs no other thread. Other futures go to the runtime, and their results come back
//! through the [`Mailbox`] of their event loop: one wake-up for all results that arrive before the
//! loop runs.
//!
//! No thread that holds the GIL ever waits for one that may want it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use object_store::Result as StoreResult;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::{AbortHandle, JoinError};
use undaunted_object_store::observe;

use crate::cleanup::{Cleanup, Cleanups};
use crate::errors::OperationError;
use crate::process::Process;
use crate::scope::Scope;

/// A result that becomes a Python object once there is a GIL.
pub(crate) type ToPython = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// The result of an operation.
pub(crate) type OperationResult = Result<ToPython, Box<OperationError>>;

/// Runs an operation on a key.
pub(crate) fn operate<T>(
    py: Python<'_>,
    key: String,
    operation: impl Future<Output = StoreResult<T>> + Send + 'static,
) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    let operation = Scope::current(py).around(observed(key, operation));
    run(py, operation)
}

/// Runs an operation on a key that is not dropped when nobody waits for it any longer. Its output
/// is, which has to clean up after itself: `cleanups` count the operation until it is Python's.
pub(crate) fn operate_to_the_end<T>(
    py: Python<'_>,
    key: String,
    cleanups: &Cleanups,
    operation: impl Future<Output = StoreResult<T>> + Send + 'static,
) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    let process = Process::start(py)?;
    let cleanup = cleanups.begin(process);
    let operation = Scope::current(py).around(observed(key, operation));
    run(py, async move {
        let mut operation = Box::pin(operation);
        if let Poll::Ready(result) = futures::poll!(&mut operation) {
            return result;
        }
        // The count goes last: until then, the output may have begun to clean up.
        let task = tokio::spawn(async move { (operation.await, cleanup) });
        match task.await {
            Ok((result, cleanup)) => result.map(|output| {
                let untaken = Untaken { output, cleanup };
                Box::new(move |py: Python<'_>| untaken.take(py)) as ToPython
            }),
            Err(error) => rethrow(error).await,
        }
    })
}

/// An output that perhaps nobody takes, and the count of its clean-up until then. The output is
/// dropped first: it begins to clean up.
struct Untaken {
    output: ToPython,
    cleanup: Cleanup,
}

impl Untaken {
    fn take(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let made = (self.output)(py);
        drop(self.cleanup);
        made
    }
}

/// Panics as a task did: whoever runs this future handles panics.
pub(crate) async fn rethrow(error: JoinError) -> OperationResult {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // Only the end of the runtime cancels a task, and the runtime does not end.
        Err(_) => std::future::pending().await,
    }
}

/// An operation on a key, whose failure has its report.
pub(crate) async fn observed<T>(
    key: String,
    operation: impl Future<Output = StoreResult<T>>,
) -> OperationResult
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    let (result, observed) = observe(operation).await;
    match result {
        Ok(output) => Ok(Box::new(move |py| output.into_py_any(py))),
        Err(error) => Err(Box::new(OperationError {
            error,
            key,
            observed,
        })),
    }
}

/// Polls an operation once: its value if it is ready, or a [`Pending`].
pub(crate) fn run(
    py: Python<'_>,
    operation: impl Future<Output = OperationResult> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let process = Process::start(py)?;
    let mut operation: BoxedOperation = Box::pin(Counted::new(operation));
    let polled = py.detach(|| {
        let _inside = process.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        std::panic::catch_unwind(AssertUnwindSafe(|| operation.as_mut().poll(&mut context)))
    });
    match polled {
        Ok(Poll::Ready(result)) => deliver(py, process, result),
        Ok(Poll::Pending) => {
            let pending = Pending {
                stage: Mutex::new(Stage::Unstarted(operation)),
            };
            Ok(Py::new(py, pending)?.into_any())
        }
        Err(_) => Err(panicked()),
    }
}

/// An operation that was not ready immediately.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Pending {
    stage: Mutex<Stage>,
}

enum Stage {
    Unstarted(BoxedOperation),
    Started(AbortHandle),
    Ended,
}

type BoxedOperation = Pin<Box<dyn Future<Output = OperationResult> + Send>>;

#[pymethods]
impl Pending {
    /// Starts it. Its result becomes that of an asyncio future.
    fn start(&self, py: Python<'_>, future: Py<PyAny>, mailbox: &Mailbox) -> PyResult<()> {
        let operation = self.take()?;
        let queue = Arc::clone(&mailbox.queue);
        let task = Process::start(py)?.runtime.spawn(async move {
            let result = AssertUnwindSafe(operation).catch_unwind().await;
            queue.send(Delivery {
                future,
                result: result.ok(),
            });
        });
        *self.lock() = Stage::Started(task.abort_handle());
        Ok(())
    }

    /// Drops it, in whatever stage it is.
    fn abort(&self) {
        let stage = std::mem::replace(&mut *self.lock(), Stage::Ended);
        if let Stage::Started(task) = stage {
            task.abort();
        }
    }

    /// Waits for it on this thread. A signal ends the wait and drops the operation.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut operation = self.take()?;
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
                Ok(Ok(result)) => return deliver(py, process, result),
                Ok(Err(_)) => py.check_signals()?,
                Err(_) => return Err(panicked()),
            }
        }
    }
}

impl Pending {
    fn take(&self) -> PyResult<BoxedOperation> {
        match std::mem::replace(&mut *self.lock(), Stage::Ended) {
            Stage::Unstarted(operation) => Ok(operation),
            _ => Err(PyRuntimeError::new_err("this operation was started before")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives the results of an event loop's operations.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Mailbox {
    queue: Arc<DeliveryQueue>,
}

#[pymethods]
impl Mailbox {
    /// `wake` is called from any thread when the mailbox is no longer empty.
    #[new]
    fn new(wake: Py<PyAny>) -> Self {
        Self {
            queue: Arc::new(DeliveryQueue {
                deliveries: Mutex::default(),
                wake,
            }),
        }
    }

    /// Sets all results on their futures. To be called on the thread of the loop.
    fn empty(&self, py: Python<'_>) -> PyResult<()> {
        let process = Process::start(py)?;
        for delivery in self.queue.take() {
            delivery.hand_over(py, process)?;
        }
        Ok(())
    }
}

struct DeliveryQueue {
    deliveries: Mutex<Vec<Delivery>>,
    wake: Py<PyAny>,
}

impl DeliveryQueue {
    fn send(&self, delivery: Delivery) {
        let is_first = {
            let mut deliveries = self.lock();
            deliveries.push(delivery);
            deliveries.len() == 1
        };
        if is_first {
            // Without an interpreter, or with the loop closed, nobody waits for results.
            let process = Process::current();
            let woken =
                process.and_then(|process| process.attach(|py| self.wake.call0(py).is_ok()));
            if woken != Some(true) {
                drop(self.take());
            }
        }
    }

    fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A result on its way to its future.
struct Delivery {
    future: Py<PyAny>,
    /// None if the operation panicked.
    result: Option<OperationResult>,
}

impl Delivery {
    fn hand_over(self, py: Python<'_>, process: &Process) -> PyResult<()> {
        let future = self.future.bind(py);
        // It was cancelled meanwhile.
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        let delivered = match self.result {
            Some(result) => deliver(py, process, result),
            None => Err(panicked()),
        };
        match delivered {
            Ok(value) => future.call_method1("set_result", (value,))?,
            Err(error) => future.call_method1("set_exception", (error,))?,
        };
        Ok(())
    }
}

/// The number of operations that have neither ended nor been dropped.
#[pyfunction]
pub(crate) fn in_flight() -> usize {
    IN_FLIGHT.load(Ordering::SeqCst)
}

fn deliver(py: Python<'_>, process: &Process, result: OperationResult) -> PyResult<Py<PyAny>> {
    // The log lines of an operation are written before it returns.
    process.events.drain(py);
    match result {
        Ok(value) => value(py),
        Err(failure) => Err(failure.into_exception(py)),
    }
}

/// The exception for a panic.
pub(crate) fn panicked() -> PyErr {
    PyRuntimeError::new_err("undaunted: internal error, please report it")
}

/// A future that is counted for as long as it lives.
pub(crate) struct Counted<F>(Option<Pin<Box<F>>>);

impl<F> Counted<F> {
    pub(crate) fn new(future: F) -> Self {
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
        // The future first: a count of 0 means that all is freed.
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

/// How long Ctrl-C may stay unnoticed: less than a person notices.
const SLICE: Duration = Duration::from_millis(50);
