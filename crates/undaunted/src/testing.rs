//! For tests of code that retries: switches for the whole process, and scripted operations.
//!
//! The switches change what every retried call in the process does, whatever its policy, until
//! the guard is dropped. So tests that set them should run one process a test, as
//! cargo-nextest does, or not at the same time.
//!
//! ```
//! use undaunted::testing::{self, Script};
//! use undaunted::{RetryConfig, blocking};
//! use std::io::ErrorKind::TimedOut;
//!
//! let script = Script::new([Err(TimedOut), Err(TimedOut), Ok("done")]);
//! let fetch = || script.next().map_err(std::io::Error::from);
//!
//! // Retries as the policy says, but without its waits.
//! let no_waits = testing::without_waits();
//! assert_eq!(blocking::with_retry(&fetch, &RetryConfig::background())?, "done");
//! assert_eq!(script.attempts(), 3);
//! drop(no_waits);
//!
//! // No retries: the first failure comes back.
//! let _off = testing::without_retries();
//! let script = Script::new([Err(TimedOut), Ok("not reached")]);
//! let fetch = || script.next().map_err(std::io::Error::from);
//! assert!(blocking::with_retry(fetch, &RetryConfig::background()).is_err());
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::budget::RetryBudget;
use crate::state::{Decision, RetryState, StopReason};

/// Switches retries off in this process: every call makes one attempt.
#[must_use = "the switch is reset when the guard is dropped"]
pub fn without_retries() -> Switched {
    at_most(1)
}

/// Lets calls of this process make at most so many attempts, and wait for none of them.
/// What a policy allows less than this stays as it is.
#[must_use = "the switch is reset when the guard is dropped"]
pub fn at_most(attempts: u32) -> Switched {
    switch_to(u64::from(attempts.max(1)))
}

/// Lets calls of this process retry as their policies say, but without waiting.
#[must_use = "the switch is reset when the guard is dropped"]
pub fn without_waits() -> Switched {
    switch_to(u64::from(u32::MAX))
}

/// Resets a switch to what it was when this is dropped.
#[derive(Debug)]
pub struct Switched {
    before: u64,
}

impl Drop for Switched {
    fn drop(&mut self) {
        SWITCH.store(self.before, Ordering::SeqCst);
    }
}

/// An operation with a list of outcomes.
///
/// ```
/// use undaunted::testing::Script;
/// use undaunted::{RetryConfig, StorageError, StorageErrorKind, with_retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let gone = || StorageError::new(StorageErrorKind::NotFound);
/// let script = Script::new([Err(gone())]);
/// let result: Result<(), _> = with_retry(|| script.call(), &RetryConfig::default()).await;
/// assert_eq!(result.unwrap_err().kind(), StorageErrorKind::NotFound);
/// assert_eq!(script.attempts(), 1);
/// # }
/// ```
#[derive(Debug)]
pub struct Script<T, E> {
    outcomes: Mutex<VecDeque<Result<T, E>>>,
    length: usize,
}

impl<T, E> Script<T, E> {
    /// An operation that has these outcomes, one for each attempt.
    pub fn new(outcomes: impl IntoIterator<Item = Result<T, E>>) -> Self {
        let outcomes: VecDeque<_> = outcomes.into_iter().collect();
        Self {
            length: outcomes.len(),
            outcomes: Mutex::new(outcomes),
        }
    }

    /// The next outcome.
    ///
    /// # Errors
    ///
    /// What the script says.
    ///
    /// # Panics
    ///
    /// When the script is at its end: the code under test made more attempts than its test
    /// expects.
    #[allow(clippy::panic)]
    pub fn next(&self) -> Result<T, E> {
        let outcome = self.lock().pop_front();
        outcome.unwrap_or_else(|| {
            panic!(
                "attempt {} of a script that has {} outcomes",
                self.length + 1,
                self.length
            )
        })
    }

    /// The next outcome, as an async operation.
    ///
    /// # Panics
    ///
    /// Like [`next`](Self::next).
    pub fn call(&self) -> Ready<Result<T, E>> {
        ready(self.next())
    }

    /// Attempts made so far.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.length - self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Result<T, E>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decision under the switch. A driver calls it after each [`RetryState::on_failure`].
#[doc(hidden)]
pub fn switched(
    decision: Decision,
    state: &mut RetryState,
    budget: Option<&RetryBudget>,
) -> Decision {
    let most_attempts = SWITCH.load(Ordering::Relaxed);
    match decision {
        _ if most_attempts == OFF => decision,
        // `retries` counts the one that is being granted, which is taken back.
        Decision::Retry { .. } if u64::from(state.retries()) >= most_attempts => {
            state.on_drop(budget);
            Decision::Stop(StopReason::RetriesExhausted)
        }
        Decision::Retry { .. } => Decision::Retry {
            delay: Duration::ZERO,
        },
        Decision::Stop(_) => decision,
    }
}

/// Whether waits are left out.
pub(crate) fn are_waits_off() -> bool {
    SWITCH.load(Ordering::Relaxed) != OFF
}

fn switch_to(attempts: u64) -> Switched {
    Switched {
        before: SWITCH.swap(attempts, Ordering::SeqCst),
    }
}

/// The most attempts that a call may make, or `OFF`.
static SWITCH: AtomicU64 = AtomicU64::new(OFF);
const OFF: u64 = u64::MAX;
