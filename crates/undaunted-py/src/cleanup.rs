//! Clean-up that nobody has to wait for: uploads that were left are aborted in the background, and a
//! storage that is closed, or a program that ends, waits for that for a limited time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::process::Process;

/// Counts the clean-up of a storage or of a process that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Cleanups(Arc<watch::Sender<usize>>);

/// Clean-up in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct Cleanup([Cleanups; 2]);

impl Default for Cleanups {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Cleanups {
    /// Counts clean-up for the storage and for its process.
    pub(crate) fn begin(&self, process: &Process) -> Cleanup {
        let both = [self.clone(), process.cleanups.clone()];
        for each in &both {
            each.0.send_modify(|count| *count += 1);
        }
        Cleanup(both)
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

impl Drop for Cleanup {
    fn drop(&mut self) {
        for each in &self.0 {
            each.0.send_modify(|count| *count -= 1);
        }
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
