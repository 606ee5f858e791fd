//! The test switch, of this process's calls in Python and of its stores in Rust alike.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use undaunted::testing::{self, Switched};

/// Lets calls make at most so many attempts, and wait for none of them. `None` lets policies
/// decide again.
#[pyfunction]
pub(crate) fn set_switch(attempts: Option<u32>) {
    let mut switch = lock();
    // Back to no switch first: a guard restores what was before it.
    drop(switch.take());
    *switch = attempts.map(|attempts| (attempts, testing::at_most(attempts)));
}

/// What was set.
#[pyfunction]
pub(crate) fn switch() -> Option<u32> {
    lock().as_ref().map(|(attempts, _)| *attempts)
}

fn lock() -> MutexGuard<'static, Option<(u32, Switched)>> {
    SWITCH.lock().unwrap_or_else(PoisonError::into_inner)
}

static SWITCH: Mutex<Option<(u32, Switched)>> = Mutex::new(None);
