//! What a call takes over from the code around it: a deadline, that there is to be one attempt, and
//! the retry that it is a part of.
//!
//! It is kept for the thread, and set while the future around is polled. So it follows a future from
//! thread to thread, needs no runtime, and is the same for async and blocking code. A call reads it
//! when it has to wait and when it has failed; its first attempt reads nothing.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::LocalKey;
use std::time::Instant;

use pin_project_lite::pin_project;

use super::log;

/// Runs `future` with a deadline for all retried calls in it, which caps the `total_timeout` of
/// each: no attempt begins after it, no wait begins that would end after it, and a running attempt
/// is cut. Of several deadlines around a call the earliest counts.
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use undaunted::{RetryConfig, with_deadline, with_retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// Everything that it calls ends within two seconds.
/// async fn handle() -> io::Result<()> {
///     let within = Instant::now() + Duration::from_secs(2);
///     with_deadline(within, async {
///         with_retry(load, &RetryConfig::background()).await?;
///         with_retry(store, &RetryConfig::background()).await
///     })
///     .await
/// }
/// # async fn load() -> io::Result<()> { Ok(()) }
/// async fn store() -> io::Result<()> {
///     std::future::pending().await // a service that does not respond
/// }
///
/// let start = Instant::now();
/// let error = handle().await.unwrap_err();
/// assert_eq!(error.to_string(), "the caller's deadline ended the call after 2s");
/// assert_eq!(start.elapsed(), Duration::from_secs(2));
/// # }
/// ```
///
/// The calls end by themselves, with their own errors: the last failure, or
/// [`TimedOut::Deadline`](crate::TimedOut::Deadline) if there was none. The future itself is not cut.
/// For what is not retried use [`tokio::time::timeout_at`] as well.
///
/// A deadline that has passed lets no further attempt begin, with one exception: an async call that
/// has no limit of its own and has not failed yet makes its first attempt, and is cut when that has
/// to wait. A blocking attempt cannot be cut; it is given the time left.
///
/// Code that is spawned, on another task or thread, has no deadline: give it
/// [`current_deadline`]. That is so too where the thread of this code runs it: the tasks of a
/// `LocalSet`, or of a current-thread runtime whose `block_on` is called in
/// [`blocking::with_deadline`](crate::blocking::with_deadline). Tasks are known by their ids of tokio.
/// Those of another executor have none: one that is driven within this future gives them its
/// deadline.
pub fn with_deadline<F: Future>(
    deadline: impl Into<Instant>,
    future: F,
) -> impl Future<Output = F::Output> {
    Scoped {
        change: Change::Deadline(deadline.into()),
        future,
    }
}

/// Runs `future` without the deadlines around it: for cleaning up after one has passed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use undaunted::{current_deadline, with_deadline, without_deadline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// with_deadline(Instant::now() + Duration::from_secs(1), async {
///     assert!(current_deadline().is_some());
///     without_deadline(async { assert!(current_deadline().is_none()) }).await;
/// })
/// .await;
/// # }
/// ```
pub fn without_deadline<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Scoped {
        change: Change::NoDeadline,
        future,
    }
}

/// The earliest of the deadlines around this code, to be passed on to a task that is spawned.
///
/// ```
/// use std::time::{Duration, Instant};
/// use undaunted::{current_deadline, with_deadline};
///
/// # async fn work() -> Option<Instant> { current_deadline() }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let deadline = Instant::now() + Duration::from_secs(1);
/// with_deadline(deadline, async {
///     let task = match current_deadline() {
///         Some(deadline) => tokio::spawn(with_deadline(deadline, work())),
///         None => tokio::spawn(async { work().await }),
///     };
/// #   assert_eq!(task.await.unwrap(), Some(deadline));
/// })
/// .await;
/// # }
/// ```
#[must_use]
pub fn current_deadline() -> Option<Instant> {
    visible(&DEADLINE)
}

/// Runs `future` so that every retried call in it makes one attempt: for a layer that retries by
/// itself what is retried below, where the two would multiply.
///
/// ```
/// use std::io;
/// use undaunted::{RetryConfig, one_attempt, with_retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # let attempts = std::cell::Cell::new(0);
/// let fetch = || async {
///     attempts.set(attempts.get() + 1);
///     Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut))
/// };
/// let config = RetryConfig::default();
/// let whole_job = || one_attempt(with_retry(&fetch, &config));
/// with_retry(whole_job, &config).await.unwrap_err();
/// assert_eq!(attempts.get(), 4); // and not 16
/// # }
/// ```
///
/// It reaches as far as [`with_deadline`] does.
pub fn one_attempt<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Scoped {
        change: Change::OneAttempt,
        future,
    }
}

/// Runs `code` under a change.
pub(super) fn run<T>(change: Change, code: impl FnOnce() -> T) -> T {
    let _entered = Entered::new(change);
    code()
}

/// Whether calls are to make one attempt.
pub(super) fn is_one_attempt() -> bool {
    visible(&ONE_ATTEMPT).is_some()
}

/// The call of whose retry this code is a part.
pub(super) fn outer() -> Option<Outer> {
    visible(&OUTER)
}

/// What is changed for the code within.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// There is a deadline, unless an earlier one is there.
    Deadline(Instant),
    NoDeadline,
    OneAttempt,
    /// The code is a retry of this call.
    Within(Outer),
}

/// A call that is being retried.
#[derive(Clone, Copy)]
pub(super) struct Outer {
    name: ShortName,
    max_retries: u32,
}

impl Outer {
    pub(super) fn new(name: &str, max_retries: u32) -> Self {
        Self {
            name: ShortName::new(name),
            max_retries,
        }
    }

    /// Warns, once for each pair of names, that a call is retried within a retry of this one.
    #[cold]
    pub(super) fn warn_of(&self, name: &str, max_retries: u32) {
        let around = self.name.as_str();
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = warned.is_new(around, name);
        drop(warned);
        if is_new {
            log::nested(around, self.max_retries, name, max_retries);
        }
    }
}

/// The pairs of names that were warned of.
struct Warned(BTreeSet<(String, String)>);

impl Warned {
    /// Whether there is to be a warning of this pair, which counts as given.
    fn is_new(&mut self, around: &str, name: &str) -> bool {
        self.0.len() < PAIRS && self.0.insert((around.to_owned(), name.to_owned()))
    }
}

/// A name by value, since one that is borrowed cannot be kept for the thread. Cut if it is long.
#[derive(Clone, Copy)]
struct ShortName {
    bytes: [u8; LONGEST_NAME],
    length: usize,
}

impl ShortName {
    fn new(name: &str) -> Self {
        let mut length = name.len().min(LONGEST_NAME);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        let mut bytes = [0; LONGEST_NAME];
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        Self { bytes, length }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// A change that is undone when this is dropped.
pub(super) struct Entered {
    before: Before,
}

/// What was there before a change.
enum Before {
    Deadline(Option<Here<Instant>>),
    OneAttempt(Option<Here<()>>),
    Outer(Option<Here<Outer>>),
}

impl Entered {
    pub(super) fn new(change: Change) -> Self {
        let before = match change {
            Change::Deadline(deadline) => {
                let outer = visible(&DEADLINE);
                let earliest = outer.map_or(deadline, |outer| outer.min(deadline));
                Before::Deadline(DEADLINE.replace(Some(Here::new(earliest))))
            }
            Change::NoDeadline => Before::Deadline(DEADLINE.replace(None)),
            Change::OneAttempt => Before::OneAttempt(ONE_ATTEMPT.replace(Some(Here::new(())))),
            Change::Within(outer) => Before::Outer(OUTER.replace(Some(Here::new(outer)))),
        };
        Self { before }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        match self.before {
            Before::Deadline(deadline) => DEADLINE.set(deadline),
            Before::OneAttempt(is_one) => ONE_ATTEMPT.set(is_one),
            Before::Outer(outer) => OUTER.set(outer),
        }
    }
}

pin_project! {
    /// A future with a change for the code in it.
    struct Scoped<F> {
        change: Change,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(*this.change);
        this.future.poll(cx)
    }
}

/// A change, and the task that it is for. The thread may run other tasks while it holds: in a
/// `block_on` that is called within it.
#[derive(Clone, Copy)]
struct Here<T> {
    value: T,
    task: TaskId,
}

impl<T> Here<T> {
    fn new(value: T) -> Self {
        Self {
            value,
            task: current_task(),
        }
    }
}

/// What holds for the task that runs now.
fn visible<T: Copy>(change: &'static LocalKey<Cell<Option<Here<T>>>>) -> Option<T> {
    let Here { value, task } = change.get()?;
    (task == current_task()).then_some(value)
}

#[cfg(feature = "tokio")]
type TaskId = Option<tokio::task::Id>;

/// None for code outside of a task, and for the future that a runtime's `block_on` is given.
#[cfg(feature = "tokio")]
fn current_task() -> TaskId {
    tokio::task::try_id()
}

/// Without a runtime all that a thread runs is one task.
#[cfg(not(feature = "tokio"))]
#[derive(Clone, Copy, PartialEq, Eq)]
struct TaskId;

#[cfg(not(feature = "tokio"))]
const fn current_task() -> TaskId {
    TaskId
}

thread_local! {
    static DEADLINE: Cell<Option<Here<Instant>>> = const { Cell::new(None) };
    static ONE_ATTEMPT: Cell<Option<Here<()>>> = const { Cell::new(None) };
    static OUTER: Cell<Option<Here<Outer>>> = const { Cell::new(None) };
}

static WARNED: Mutex<Warned> = Mutex::new(Warned(BTreeSet::new()));

/// More pairs than a program should have; names that are made up at run time must not fill memory.
const PAIRS: usize = 100;

/// Enough for a path of a method.
const LONGEST_NAME: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_is_warned_of_once_and_so_many_pairs_at_most() {
        let mut warned = Warned(BTreeSet::new());
        for number in 0..PAIRS {
            let name = number.to_string();
            assert!(warned.is_new("upload", &name), "{name}");
            assert!(!warned.is_new("upload", &name), "{name}");
        }
        assert!(!warned.is_new("upload", "one more"));
    }
}
