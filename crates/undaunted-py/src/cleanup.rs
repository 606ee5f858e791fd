//! Clean-up that nobody has to wait for: uploads that were left are aborted in the background, and a
//! storage that is closed, or a program that ends, waits for that for a limited time. A program also
//! waits for the threads here that are in Python.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::process::Process;

/// Counts the clean-up of a storage or of a process that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Cleanups(Arc<watch::Sender<usize>>);

/// Clean-up in progress, until it is dropped: that of a process, and perhaps of a storage in it.
#[derive(Debug)]
pub(crate) struct Cleanup(Cleanups, Option<Cleanups>);

impl Default for Cleanups {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Cleanups {
    /// Counts clean-up for the storage and for its process.
    pub(crate) fn begin(&self, process: &Process) -> Cleanup {
        Cleanup::new(process.cleanups.clone(), Some(self.clone()))
    }

    pub(crate) fn is_idle(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Waits until all of it has ended, and no longer than [`PATIENCE`].
    pub(crate) async fn ended(&self) {
        let mut count = self.0.subscribe();
        let _ = timeout(PATIENCE, count.wait_for(|count| *count == 0)).await;
    }
}

impl Cleanup {
    fn new(process: Cleanups, storage: Option<Cleanups>) -> Self {
        let cleanup = Self(process, storage);
        cleanup.count(|count| count + 1);
        cleanup
    }

    fn count(&self, change: impl Fn(usize) -> usize) {
        for each in iter::once(&self.0).chain(&self.1) {
            each.0.send_modify(|count| *count = change(*count));
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.count(|count| count - 1);
    }
}

impl Process {
    /// Calls Python on a thread that is not Python's. None if the interpreter is gone.
    ///
    /// The end of the program waits for it: Python up to 3.13 ends such a thread where it stands,
    /// with frames of Rust on its stack, which aborts the process.
    pub(crate) fn attach<T>(&self, act: impl FnOnce(Python<'_>) -> T) -> Option<T> {
        let _until_then = Cleanup::new(self.cleanups.clone(), None);
        Python::try_attach(act)
    }
}

/// At the end of the program: waits until the clean-up of this process has ended, for a limited
/// time. A signal ends the wait.
#[pyfunction]
pub(crate) fn finish_cleanups(py: Python<'_>) -> PyResult<()> {
    let Some(process) = Process::current() else {
        return Ok(());
    };
    let deadline = Instant::now() + PATIENCE;
    while !process.cleanups.is_idle() && Instant::now() < deadline {
        py.detach(|| {
            let _ = process
                .runtime
                .block_on(async { timeout(SLICE, process.cleanups.ended()).await });
        });
        py.check_signals()?;
    }
    Ok(())
}

/// An abort takes one request, and retries if the service fails. Whoever waits for the end of a
/// program or of a storage does not wait for all of them.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long Ctrl-C may stay unnoticed: less than a person notices.
const SLICE: Duration = Duration::from_millis(50);
