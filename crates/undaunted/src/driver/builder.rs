//! The builder for a call that is given more than a policy.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use super::context::{ByTrait, Classify};
use super::future::RetryFuture;
use super::settings::{Listener, NoListener, Settings, setters};
use super::timer::{DefaultTimer, SleepWith, Timer};
use crate::report::RetryReport;

/// A retried call with every setting there is.
///
/// ```
/// use undaunted::{Retry, RetryConfig};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> std::io::Result<()> {
/// # let attempts = std::cell::Cell::new(0);
/// # let download = || async {
/// #     attempts.set(attempts.get() + 1);
/// #     if attempts.get() < 3 { Err(std::io::Error::from(std::io::ErrorKind::TimedOut)) } else { Ok(7) }
/// # };
/// let config = RetryConfig::background();
/// let bytes = Retry::new(download)
///     .config(&config)
///     .name("download")
///     .when(|error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut)
///     .on_event(|event| println!("{event}"))
///     .run()
///     .await?;
/// assert_eq!(bytes, 7);
/// # Ok(())
/// # }
/// ```
///
/// Who judges an error that is not [`Retryable`](crate::Retryable) is said first, and rules are added
/// to that. The other way round is not accepted, since it would take the rules away:
///
/// ```compile_fail,E0599
/// use undaunted::{Retry, Rules, StorageError, StorageErrorKind, Verdict};
///
/// let timed_out = |_| StorageError::new(StorageErrorKind::Timeout);
/// let call = Retry::new(async || Err::<(), _>(StorageError::new(StorageErrorKind::Timeout)))
///     .rules(&Rules::NONE)
///     .classify(|_: &StorageError| Verdict::TRANSIENT, timed_out);
/// ```
///
/// Without the feature `tokio`, or with another runtime, [`sleep_with`](Self::sleep_with)
/// sets the timer:
///
/// ```
/// use undaunted::Retry;
///
/// let mut waits = Vec::new();
/// let call = Retry::new(|| async { Err::<(), _>(std::io::Error::from(std::io::ErrorKind::TimedOut)) })
///     .sleep_with(|delay| { waits.push(delay); std::future::ready(()) })
///     .run();
/// assert!(futures::executor::block_on(call).is_err());
/// assert_eq!(waits.len(), 3);
/// ```
#[derive(Debug)]
#[must_use = "a call is not made until `run` is called and awaited"]
pub struct Retry<'c, Op, C = ByTrait, L = NoListener, S = DefaultTimer> {
    op: Op,
    settings: Settings<'c, C, L>,
    timer: S,
}

impl<Op> Retry<'_, Op> {
    /// A call of `op` under the default policy. `op` makes one attempt each time it is called.
    pub fn new(op: Op) -> Self {
        Self {
            op,
            settings: Settings::new(),
            timer: DefaultTimer,
        }
    }
}

setters! { Retry, operation<Fut, T, E> where Op: FnMut() -> Fut, Fut: Future<Output = Result<T, E>>, }

impl<'c, Op, C, L, S> Retry<'c, Op, C, L, S> {
    /// Waits with `sleep` and not with tokio: for other runtimes, and for tests. It cuts
    /// attempts too. For a delay of zero it is not called; other tasks run once instead.
    pub fn sleep_with<F, W>(self, sleep: F) -> Retry<'c, Op, C, L, SleepWith<F>>
    where
        F: FnMut(Duration) -> W,
        W: Future<Output = ()>,
    {
        Retry {
            op: self.op,
            settings: self.settings,
            timer: SleepWith(sleep),
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, unchanged.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the attempt or the wait, and gives back what a retry that
    /// has not begun took from the budget.
    pub fn run<Fut, T, E>(
        self,
    ) -> impl Future<Output = Result<T, E>> + use<'c, Op, C, L, S, Fut, T, E>
    where
        Op: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        C: Classify<E>,
        L: Listener,
        S: Timer,
        E: Display,
    {
        RetryFuture::new(self.op, self.settings.into_call::<Op, E, _>(self.timer))
    }

    /// Makes the call, and reports what it did.
    ///
    /// # Cancellation
    ///
    /// As for [`run`](Self::run); there is then no report.
    pub async fn run_with_report<Fut, T, E>(self) -> (Result<T, E>, RetryReport)
    where
        Op: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        C: Classify<E>,
        L: Listener,
        S: Timer,
        E: Display,
    {
        let mut report = RetryReport::default();
        let recorded = Retry {
            op: self.op,
            settings: self.settings.recorded_in(&mut report),
            timer: self.timer,
        };
        let result = recorded.run().await;
        (result, report)
    }
}
