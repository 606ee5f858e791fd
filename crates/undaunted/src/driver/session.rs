//! The steps of a call, for a loop of the caller's own.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use super::call::{Again, AttemptLimit, Call, LastFailure};
use super::context::{ByTrait, Context, Subject};
use super::timer::{DefaultTimer, Timer};
use crate::budget::RetryBudget;
use crate::config::RetryConfig;
use crate::event::Event;
use crate::verdict::{Retryable, Verdict};

/// One retried call whose loop the caller writes: for an operation that cannot be put into
/// a closure, because it borrows, or because the next attempt depends on the last failure.
///
/// [`#[retry]`](macro@crate::retry) expands to such a loop. Two rules: the loop ends when
/// [`attempt`](Self::attempt) succeeds, and every error of an attempt goes into
/// [`failed`](Self::failed) once.
///
/// ```
/// use undaunted::{RetryConfig, Session};
///
/// # async fn send(servers: &mut Vec<&str>) -> std::io::Result<usize> {
/// #     servers.pop();
/// #     if servers.len() > 1 { Err(std::io::ErrorKind::ConnectionReset.into()) } else { Ok(1) }
/// # }
/// async fn send_to_any(servers: &mut Vec<&str>) -> std::io::Result<usize> {
///     let config = RetryConfig::default();
///     let mut session = Session::new(&config).name("send");
///     loop {
///         match session.attempt(send(servers)).await {
///             Ok(length) => return Ok(length),
///             Err(error) => session.failed(error).await?,
///         }
///     }
/// }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() { assert_eq!(send_to_any(&mut vec!["a", "b", "c"]).await.unwrap(), 1); }
/// ```
#[must_use = "a session does nothing until an attempt is made"]
pub struct Session<'c, E> {
    call: Call<'c, ByTrait, SessionContext<'c>, DefaultTimer>,
    /// Whether the first attempt has begun.
    is_begun: bool,
    last: LastFailure<E>,
}

/// What a [`Session`] can be given.
struct SessionContext<'c> {
    name: &'c str,
    subject: Option<&'c Subject<'c>>,
    budget: Option<&'c RetryBudget>,
    on_event: Option<&'c (dyn Fn(&Event<'_>) + Send + Sync)>,
    clock_starts_at_failure: bool,
    began: Option<Instant>,
}

impl<'c> Context<'c> for SessionContext<'c> {
    fn name(&self) -> &'c str {
        self.name
    }

    fn subject(&self) -> Option<&'c Subject<'c>> {
        self.subject
    }

    fn budget(&self) -> Option<&'c RetryBudget> {
        self.budget
    }

    fn has_listener(&self) -> bool {
        self.on_event.is_some()
    }

    fn tell(&mut self, event: &Event<'_>) {
        if let Some(on_event) = self.on_event {
            on_event(event);
        }
    }

    fn clock_starts_at_failure(&self) -> bool {
        self.clock_starts_at_failure
    }

    fn set_began(&mut self, now: Instant) {
        self.began = Some(now);
    }

    fn began(&self) -> Option<Instant> {
        self.began
    }
}

impl<'c, E> Session<'c, E> {
    /// A call under this policy.
    #[inline]
    pub const fn new(config: &'c RetryConfig) -> Self {
        Self::named(config, UNNAMED)
    }

    /// A call under this policy and this name: what `#[retry]` makes, without moving the
    /// session once more to name it.
    #[doc(hidden)]
    #[inline]
    pub const fn named(config: &'c RetryConfig, name: &'c str) -> Self {
        let context = SessionContext {
            name,
            subject: None,
            budget: None,
            on_event: None,
            clock_starts_at_failure: false,
            began: None,
        };
        Self {
            call: Call::new(config, ByTrait, context, DefaultTimer),
            is_begun: false,
            last: None,
        }
    }

    /// The operation's name, for logs and events. Default: `operation`.
    pub const fn name(mut self, name: &'c str) -> Self {
        self.call.context().name = name;
        self
    }

    /// What the operation is about, such as a key, for logs and events. Default: nothing.
    /// It is formatted only when there is something to tell.
    pub const fn subject(mut self, subject: &'c (dyn fmt::Display + Sync)) -> Self {
        self.call.context().subject = Some(subject);
        self
    }

    /// The budget that retries are paid from. Default: none.
    pub const fn budget(mut self, budget: &'c RetryBudget) -> Self {
        self.call.context().budget = Some(budget);
        self
    }

    /// A function that is told what happens, before each wait and at the end.
    pub const fn on_event(mut self, on_event: &'c (dyn Fn(&Event<'_>) + Send + Sync)) -> Self {
        self.call.context().on_event = Some(on_event);
        self
    }

    /// Makes the jitter repeatable.
    pub fn seed(mut self, seed: u64) -> Self {
        self.call.seed(seed);
        self
    }

    /// Lets `total_timeout` run from the first failure and not from the first attempt, for
    /// operations that may take long as long as they do not fail.
    pub const fn clock_starts_at_failure(mut self) -> Self {
        self.call.context().clock_starts_at_failure = true;
        self
    }

    /// The operation made progress: what follows gets all retries again, and the clock of
    /// `total_timeout` starts anew. The jitter goes on where it was.
    pub const fn progressed(&mut self) {
        self.call.progressed();
    }

    /// Retries granted so far, since the last progress.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.call.state().retries()
    }
}

impl<'c, E: Retryable> Session<'c, E> {
    /// Makes one attempt: runs `operation`, and cuts it when a time limit says so. Dropping the
    /// future stops the operation.
    ///
    /// # Errors
    ///
    /// The operation's error, or [`Retryable::timed_out`] in its place. Give it to
    /// [`failed`](Self::failed).
    #[inline]
    pub fn attempt<'s, T, Fut>(
        &'s mut self,
        operation: Fut,
    ) -> impl Future<Output = Result<T, E>> + use<'s, 'c, T, E, Fut>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        Attempt {
            session: self,
            operation,
            is_begun: false,
            limit: None,
        }
    }

    /// Judges a failed attempt: returns after the wait when there is another attempt to make.
    ///
    /// # Errors
    ///
    /// The error itself, unchanged, when there is none.
    pub async fn failed(&mut self, error: E) -> Result<(), E> {
        self.wait(error, None).await
    }

    /// [`failed`](Self::failed) with a verdict that the caller gives: for an operation that
    /// knows better than its error whether it may be repeated.
    ///
    /// # Errors
    ///
    /// As for [`failed`](Self::failed).
    pub async fn failed_as(&mut self, error: E, verdict: Verdict) -> Result<(), E> {
        self.wait(error, Some(verdict)).await
    }

    async fn wait(&mut self, error: E, known: Option<Verdict>) -> Result<(), E> {
        let Again { delay, last } = self.call.failed(error, known)?;
        self.last = last;
        match self.call.wait(delay) {
            Some(sleep) => sleep.await,
            None => yield_once().await,
        }
        Ok(())
    }
}

impl<E> fmt::Debug for Session<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

pin_project! {
    /// One attempt of a [`Session`].
    struct Attempt<'s, 'c, E, Fut> {
        session: &'s mut Session<'c, E>,
        #[pin]
        operation: Fut,
        is_begun: bool,
        limit: AttemptLimit<<DefaultTimer as Timer>::Sleep, E>,
    }
}

impl<T, E, Fut> Future for Attempt<'_, '_, E, Fut>
where
    E: Retryable,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Session {
            call,
            is_begun,
            last,
        } = &mut **this.session;
        if !std::mem::replace(this.is_begun, true) {
            let is_first = !std::mem::replace(is_begun, true);
            *this.limit = call.begin(is_first, last.take())?;
        }
        match (this.operation.poll(cx), this.limit) {
            (Poll::Ready(Ok(value)), _) => {
                call.succeeded();
                Poll::Ready(Ok(value))
            }
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
            (Poll::Pending, None) => Poll::Pending,
            (Poll::Pending, Some(limit)) => {
                let (because, last) = ready!(limit.as_mut().poll(cx));
                Poll::Ready(Err(call.cut(because, last)))
            }
        }
    }
}

/// Lets others run once.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What an operation is called that was not given a name.
const UNNAMED: &str = "operation";
