//! The parts of a process: its tokio runtime, its queue of log records and its metrics. They are made when they
//! are first used, and again after a fork.
//!
//! A forked child has its parent's memory and none of its threads. So it cannot use the parent's
//! runtime, nor drop it, which would wait for missing threads, nor take any lock, which may be held
//! forever. It leaves all of that as it is, and appends its own to a chain. Only threads that hold
//! the GIL append, as `os.fork` does, so that no fork happens in the middle of it.

use std::io;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use undaunted::MetricsInProcess;

use crate::cleanup::Cleanups;
use crate::events::Queue;
use crate::numbers;

/// The parts of a process. They are never dropped.
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) runtime: Runtime,
    pub(crate) events: Queue,
    pub(crate) cleanups: Cleanups,
    pub(crate) metrics: MetricsInProcess,
    next: OnceLock<Box<Process>>,
}

impl Process {
    /// Those of this process. They are made if they do not exist.
    pub(crate) fn start(_: Python<'_>) -> PyResult<&'static Self> {
        let id = std::process::id();
        let last = match find(id) {
            Ok(current) => return Ok(current),
            Err(last) => last,
        };
        numbers::keep();
        let runtime = runtime().map_err(|error| {
            PyRuntimeError::new_err(format!("cannot start threads for I/O: {error}"))
        })?;
        Ok(last.get_or_init(|| {
            Box::new(Self {
                id,
                runtime,
                events: Queue::default(),
                cleanups: Cleanups::default(),
                metrics: MetricsInProcess::default(),
                next: OnceLock::new(),
            })
        }))
    }

    /// Those of this process, if they exist.
    pub(crate) fn current() -> Option<&'static Self> {
        find(std::process::id()).ok()
    }
}

/// Whether this process has a runtime.
#[pyfunction]
pub(crate) fn has_runtime() -> bool {
    Process::current().is_some()
}

/// To be called in the child of a fork, on its only thread.
#[pyfunction]
pub(crate) fn after_fork() {
    undaunted::__private::reseed();
}

/// The process in the chain, or the end of the chain.
fn find(id: u32) -> Result<&'static Process, &'static OnceLock<Box<Process>>> {
    let mut link = &FIRST;
    while let Some(process) = link.get() {
        if process.id == id {
            return Ok(process);
        }
        link = &process.next;
    }
    Err(link)
}

fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.clamp(1, MOST_WORKERS))
        .thread_name("undaunted")
        .enable_all()
        .build()
}

static FIRST: OnceLock<Box<Process>> = OnceLock::new();

/// Results become Python objects one at a time: more threads would only wait for the GIL.
const MOST_WORKERS: usize = 4;
