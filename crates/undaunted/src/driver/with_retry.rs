//! The two functions that need nothing but an operation and a policy.

use std::future::Future;
use std::marker::PhantomData;

use super::call::Call;
use super::context::{ByTrait, Context, name_of};
use super::future::RetryFuture;
use super::session::Session;
use super::timer::DefaultTimer;
use crate::config::RetryConfig;
use crate::verdict::Retryable;

/// Calls `op` until it succeeds, fails permanently, or `config` allows no further attempt.
///
/// The last error comes back unchanged. Between attempts tokio's timer waits, so a runtime with
/// time enabled is needed wherever a wait may be.
///
/// `op` makes one attempt each time it is called: a closure that returns a future, or an
/// `async ||` closure that captures by shared reference. It is called again only after the
/// wait. For a closure that changes what it captures there is [`with_retry_mut`].
///
/// # Errors
///
/// The error of the last attempt. A cut by a time limit is made an error of the same type by
/// [`Retryable::timed_out`]; at the deadline an earlier failure is preferred.
///
/// # Cancellation
///
/// Dropping the future stops the attempt or the wait; nothing runs afterwards.
///
/// # Panics
///
/// Like tokio's own timer, if a wait is needed outside a tokio runtime or in one without time.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{with_retry, RetryConfig, StorageError, StorageErrorKind};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), StorageError> {
/// let failures_left = std::cell::Cell::new(2);
/// let fetch = || async {
///     if failures_left.get() > 0 {
///         failures_left.set(failures_left.get() - 1);
///         return Err(StorageError::new(StorageErrorKind::Connection).with_key("a"));
///     }
///     Ok("contents")
/// };
/// assert_eq!(with_retry(fetch, &RetryConfig::default()).await?, "contents");
/// # Ok(())
/// # }
/// ```
pub fn with_retry<Op, Fut, T, E>(op: Op, config: &RetryConfig) -> impl Future<Output = Result<T, E>>
where
    Op: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Retryable,
{
    let call = Call::new(config, ByTrait, NameOf::<Op>(PhantomData), DefaultTimer);
    RetryFuture::new(op, call)
}

/// [`with_retry`] for an `async ||` closure that changes what it captures.
///
/// Its future cannot be given to `tokio::spawn`: today's compiler cannot show that it is
/// `Send` ("implementation of `Send` is not general enough"). Where that is needed, use
/// [`with_retry`] with a closure that captures by shared reference, or
/// [`#[retry]`](macro@crate::retry), which has no closure.
///
/// # Errors
///
/// As for [`with_retry`].
///
/// ```
/// use undaunted::{with_retry_mut, RetryConfig};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> std::io::Result<()> {
/// let mut log = Vec::new();
/// let attempts = with_retry_mut(
///     async || {
///         log.push("attempt");
///         if log.len() < 3 {
///             return Err(std::io::ErrorKind::ConnectionReset.into());
///         }
///         Ok::<_, std::io::Error>(log.len())
///     },
///     &RetryConfig::default(),
/// )
/// .await?;
/// assert_eq!(attempts, 3);
/// # Ok(())
/// # }
/// ```
pub async fn with_retry_mut<Op, T, E>(mut op: Op, config: &RetryConfig) -> Result<T, E>
where
    Op: AsyncFnMut() -> Result<T, E>,
    E: Retryable,
{
    let mut session = Session::new(config).name(name_of::<Op>());
    loop {
        match session.attempt(op()).await {
            Ok(value) => return Ok(value),
            Err(error) => session.failed(error).await?,
        }
    }
}

/// No more than a name, which is taken from the operation's type.
struct NameOf<Op>(PhantomData<fn() -> Op>);

impl<'c, Op> Context<'c> for NameOf<Op> {
    fn name(&self) -> &'c str {
        name_of::<Op>()
    }
}
