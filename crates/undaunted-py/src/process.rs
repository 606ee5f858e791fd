//! What a process has of its own: the tokio runtime and the queue of log records. Made at first
//! use, and anew after a fork.
//!
//! A forked child has its parent's memory and none of its threads. So the parent's runtime is
//! of no use to it, dropping it would wait for threads that are not there, and any lock may be
//! held for ever: all of it is left as it is, and the child's comes after it in a chain. Links
//! are only added by threads that hold the GIL, as `os.fork` does, so that no fork comes in the
//! middle of it.

use std::io;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::events::Queue;

/// What the current process has. It is never dropped.
pub(crate) struct Process {
    id: u32,
    pub(crate) runtime: Runtime,
    pub(crate) events: Queue,
    next: OnceLock<Box<Process>>,
}

impl Process {
    /// Makes it if need be.
    pub(crate) fn start(_: Python<'_>) -> PyResult<&'static Self> {
        let id = std::process::id();
        let last = match find(id) {
            Ok(current) => return Ok(current),
            Err(last) => last,
        };
        let runtime = runtime().map_err(|error| {
            PyRuntimeError::new_err(format!("no thread can be started for I/O: {error}"))
        })?;
        Ok(last.get_or_init(|| {
            Box::new(Self {
                id,
                runtime,
                events: Queue::default(),
                next: OnceLock::new(),
            })
        }))
    }

    /// What there is already.
    pub(crate) fn current() -> Option<&'static Self> {
        find(std::process::id()).ok()
    }
}

/// Whether this process has a runtime.
#[pyfunction]
pub(crate) fn has_runtime() -> bool {
    Process::current().is_some()
}

/// In the child of a fork, by the one thread that it has.
#[pyfunction]
pub(crate) fn after_fork() {
    undaunted::__private::reseed();
}

/// The process in the chain, or the chain's end.
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

/// Results are turned into objects one at a time: more threads only wait for the GIL together.
const MOST_WORKERS: usize = 4;
