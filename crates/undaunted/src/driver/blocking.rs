//! Retries on the caller's own thread, for code without a runtime.
//!
//! An attempt that blocks cannot be cut. Time limits are enforced around it: no attempt begins
//! after `total_timeout`, no wait begins that would end after it, and the operation of
//! [`Retry::new`] gets the time it has left, to pass on to the call that it makes.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use super::context::{ByTrait, Classify, name_of};
use super::scope::{self, Change};
use super::settings::{Listener, NoListener, Settings, setters};
use super::timer::{Timer, system_now};
use crate::config::RetryConfig;
use crate::report::RetryReport;
use crate::verdict::{Retryable, TimedOut};

/// Calls `op` until it succeeds, fails permanently, or `config` allows no further attempt; the
/// thread sleeps in between.
///
/// # Errors
///
/// The error of the last attempt, unchanged. `attempt_timeout` cannot be enforced on an
/// operation that does not know it, so a config that sets it is refused before the first
/// attempt with [`TimedOut::CannotCut`]; use [`Retry::new`], whose operation gets the time left.
///
/// ```
/// use undaunted::{blocking, RetryConfig};
///
/// let manifest = blocking::with_retry(|| std::fs::read("Cargo.toml"), &RetryConfig::default())?;
/// assert!(!manifest.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn with_retry<Op, T, E>(op: Op, config: &RetryConfig) -> Result<T, E>
where
    Op: FnMut() -> Result<T, E>,
    E: Retryable,
{
    with_named_retry(name_of::<Op>(), op, config)
}

/// What `#[retry]` expands to on a plain function: [`with_retry`] under the function's name.
#[doc(hidden)]
pub fn with_named_retry<Op, T, E>(name: &str, mut op: Op, config: &RetryConfig) -> Result<T, E>
where
    Op: FnMut() -> Result<T, E>,
    E: Retryable,
{
    match config.attempt_timeout() {
        Some(limit) => Err(E::timed_out(TimedOut::CannotCut { limit })),
        None => Retry::new(|_| op()).config(config).name(name).run(),
    }
}

/// A retried call on the caller's thread, with every setting there is.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{blocking::Retry, RetryConfig};
///
/// let config = RetryConfig::builder()
///     .attempt_timeout(Some(Duration::from_secs(2)))
///     .total_timeout(Some(Duration::from_secs(10)))
///     .build()?;
/// let reply = Retry::new(|attempt| {
///     // Pass this to the socket, the HTTP client or the lock that the operation waits for.
///     let timeout = attempt.time_left().unwrap_or(Duration::MAX);
///     assert!(timeout <= Duration::from_secs(2));
///     Ok::<_, std::io::Error>("pong")
/// })
/// .config(&config)
/// .name("ping")
/// .run();
/// assert_eq!(reply?, "pong");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a call is not made until `run` is called"]
pub struct Retry<'c, Op, C = ByTrait, L = NoListener, S = fn(Duration)> {
    op: Op,
    settings: Settings<'c, C, L>,
    timer: S,
}

/// What an operation knows about the attempt that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
    time_left: Option<Duration>,
}

impl Attempt {
    /// Which attempt this is, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// How long it may take: the smaller of `attempt_timeout` and what is left of
    /// `total_timeout`. `None` where neither is set. Never zero.
    #[must_use]
    pub const fn time_left(&self) -> Option<Duration> {
        self.time_left
    }
}

impl<Op> Retry<'_, Op> {
    /// A call of `op` under the default policy. `op` makes one attempt each time it is called.
    pub fn new<T, E>(op: Op) -> Self
    where
        Op: FnMut(&Attempt) -> Result<T, E>,
    {
        Self {
            op,
            settings: Settings::new(),
            timer: thread_sleep,
        }
    }
}

setters! { Retry, operation<T, E> where Op: FnMut(&Attempt) -> Result<T, E>, }

impl<'c, Op, C, L, S> Retry<'c, Op, C, L, S> {
    /// Waits with `sleep` and not by letting the thread sleep. For tests.
    pub fn sleep_with<F>(self, sleep: F) -> Retry<'c, Op, C, L, F>
    where
        F: FnMut(Duration),
    {
        Retry {
            op: self.op,
            settings: self.settings,
            timer: sleep,
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, unchanged.
    pub fn run<T, E>(mut self) -> Result<T, E>
    where
        Op: FnMut(&Attempt) -> Result<T, E>,
        C: Classify<E>,
        L: Listener,
        S: FnMut(Duration),
        E: Display,
    {
        let mut call = self.settings.into_call::<Op, E, _>(ThreadTimer(self.timer));
        let mut is_first = true;
        call.begin_spans();
        loop {
            let number = call.attempt();
            // The thread sleeps in here until the pacer lets it go, so it is never pending.
            let turn = call.poll_turn(&mut TaskContext::from_waker(Waker::noop()));
            let begun = match turn {
                Poll::Ready(Err(error)) => Err(error),
                _ => call.limit(is_first),
            };
            let result = begun.and_then(|cut| {
                let time_left = cut.map(|cut| cut.after);
                let _around = call.around();
                (self.op)(&Attempt { number, time_left })
            });
            match result {
                Ok(value) => {
                    call.succeeded();
                    return Ok(value);
                }
                // The thread sleeps in here, unless the delay is zero.
                Err(error) => {
                    if call.failed(error, None)?.is_zero() {
                        std::thread::yield_now();
                    }
                }
            }
            is_first = false;
        }
    }

    /// Makes the call, and reports what it did.
    pub fn run_with_report<T, E>(self) -> (Result<T, E>, RetryReport)
    where
        Op: FnMut(&Attempt) -> Result<T, E>,
        C: Classify<E>,
        L: Listener,
        S: FnMut(Duration),
        E: Display,
    {
        let mut report = RetryReport::default();
        let recorded = Retry {
            op: self.op,
            settings: self.settings.recorded_in(&mut report),
            timer: self.timer,
        };
        let result = recorded.run();
        (result, report)
    }
}

/// [`with_deadline`](crate::with_deadline) for blocking code: a deadline for all retried calls in
/// `code`. A blocking attempt cannot be cut; no attempt begins after the deadline, and
/// [`Attempt::time_left`] ends there.
///
/// ```
/// use std::time::{Duration, Instant};
/// use undaunted::{RetryConfig, StorageError, StorageErrorKind, blocking};
///
/// let failing = || Err::<(), _>(StorageError::new(StorageErrorKind::Connection));
/// let start = Instant::now();
/// let result = blocking::with_deadline(start + Duration::from_millis(10), || {
///     blocking::with_retry(failing, &RetryConfig::background())
/// });
/// // The wait of 5 s is not begun.
/// assert_eq!(result.unwrap_err().kind(), StorageErrorKind::Connection);
/// assert!(start.elapsed() < Duration::from_secs(1));
/// ```
pub fn with_deadline<T>(deadline: impl Into<Instant>, code: impl FnOnce() -> T) -> T {
    scope::run(Change::Deadline(deadline.into()), code)
}

/// [`without_deadline`](crate::without_deadline) for blocking code: for cleaning up after a deadline
/// has passed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use undaunted::{blocking, current_deadline};
///
/// blocking::with_deadline(Instant::now() + Duration::from_secs(1), || {
///     assert!(current_deadline().is_some());
///     blocking::without_deadline(|| assert!(current_deadline().is_none()));
///     assert!(current_deadline().is_some());
/// });
/// ```
pub fn without_deadline<T>(code: impl FnOnce() -> T) -> T {
    scope::run(Change::NoDeadline, code)
}

/// [`one_attempt`](crate::one_attempt) for blocking code: every retried call in `code` makes one
/// attempt.
///
/// ```
/// use undaunted::{RetryConfig, blocking};
///
/// let result = blocking::one_attempt(|| {
///     let flaky = || Err::<(), _>(std::io::Error::from(std::io::ErrorKind::TimedOut));
///     blocking::with_retry(flaky, &RetryConfig::background())
/// });
/// assert!(result.is_err());
/// ```
pub fn one_attempt<T>(code: impl FnOnce() -> T) -> T {
    scope::run(Change::OneAttempt, code)
}

/// The system's clock, and a wait that is over when it is returned.
struct ThreadTimer<F>(F);

impl<F: FnMut(Duration)> Timer for ThreadTimer<F> {
    type Sleep = Ready<()>;

    fn now(&self) -> Instant {
        system_now()
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        (self.0)(delay);
        ready(())
    }
}

#[allow(clippy::disallowed_methods)]
fn thread_sleep(delay: Duration) {
    std::thread::sleep(delay);
}
