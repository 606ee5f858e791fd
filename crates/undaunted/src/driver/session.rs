//! The steps of a call, for a loop of the caller's own.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::call::{Call, Step};
use super::extras::{Extras, Subject};
use super::judge::ByTrait;
use super::metrics;
use super::timer::DefaultTimer;
use crate::budget::RetryBudget;
use crate::classify::{Retryable, Verdict};
use crate::config::RetryConfig;
use crate::event::Event;

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
    config: &'c RetryConfig,
    name: &'c str,
    /// Made when there is something to keep: what the session is given, a time limit, a
    /// failure. A call that has none of these and succeeds is a call and no more.
    made: Option<Made<'c, E>>,
}

struct Made<'c, E> {
    call: Call<'c, E, ByTrait, SessionExtras<'c>, DefaultTimer>,
    step: Step,
}

/// What a [`Session`] can be given.
struct SessionExtras<'c> {
    name: &'c str,
    /// What most sessions are not given, in one piece that is there or is not.
    more: Option<More<'c>>,
}

#[derive(Default)]
struct More<'c> {
    subject: Option<&'c Subject<'c>>,
    budget: Option<&'c RetryBudget>,
    on_event: Option<Listener<'c>>,
    clock_starts_at_failure: bool,
}

type Listener<'c> = &'c (dyn Fn(&Event<'_>) + Send + Sync);

impl<'c> Extras<'c> for SessionExtras<'c> {
    fn name(&self) -> &'c str {
        self.name
    }

    fn subject(&self) -> Option<&'c Subject<'c>> {
        self.more.as_ref()?.subject
    }

    fn budget(&self) -> Option<&RetryBudget> {
        self.more.as_ref()?.budget
    }

    fn is_watched(&self) -> bool {
        self.more
            .as_ref()
            .is_some_and(|more| more.on_event.is_some())
    }

    fn observe(&mut self, event: &Event<'_>) {
        if let Some(on_event) = self.more.as_ref().and_then(|more| more.on_event) {
            on_event(event);
        }
    }

    fn clock_starts_at_failure(&self) -> bool {
        self.more
            .as_ref()
            .is_some_and(|more| more.clock_starts_at_failure)
    }
}

impl<'c, E> Session<'c, E> {
    /// A call under this policy.
    #[inline]
    pub fn new(config: &'c RetryConfig) -> Self {
        Self::named(config, UNNAMED)
    }

    /// A call under this policy and this name: what `#[retry]` makes, without moving the
    /// session once more to name it.
    #[doc(hidden)]
    #[inline]
    pub fn named(config: &'c RetryConfig, name: &'c str) -> Self {
        // Here and not at the attempt, because here the policy of a `#[retry]` is a constant.
        let is_needed = metrics::IS_ON || config.has_time_limit();
        Self {
            config,
            name,
            made: is_needed.then(|| Made::new(config, name)),
        }
    }

    /// The operation's name, for logs and events. Default: `operation`.
    #[inline]
    pub fn name(mut self, name: &'c str) -> Self {
        self.name = name;
        if let Some(made) = &mut self.made {
            made.call.extras().name = name;
        }
        self
    }

    /// What the operation is about, such as a key, for logs and events. Default: nothing.
    /// It is formatted only when there is something to tell.
    pub fn subject(mut self, subject: &'c (dyn fmt::Display + Sync)) -> Self {
        self.more().subject = Some(subject);
        self
    }

    /// The budget that retries are paid from. Default: none.
    pub fn budget(mut self, budget: &'c RetryBudget) -> Self {
        self.more().budget = Some(budget);
        self
    }

    /// A function that is told what happens, before each wait and at the end.
    pub fn on_event(mut self, on_event: &'c (dyn Fn(&Event<'_>) + Send + Sync)) -> Self {
        self.more().on_event = Some(on_event);
        self
    }

    /// Makes the jitter repeatable.
    pub fn seed(mut self, seed: u64) -> Self {
        self.made().call.seed(seed);
        self
    }

    /// Lets `total_timeout` run from the first failure and not from the first attempt, for
    /// operations that may take long as long as they do not fail.
    pub fn clock_starts_at_failure(mut self) -> Self {
        self.more().clock_starts_at_failure = true;
        self
    }

    fn more(&mut self) -> &mut More<'c> {
        self.made().call.extras().more.get_or_insert_default()
    }

    #[inline]
    fn made(&mut self) -> &mut Made<'c, E> {
        self.made
            .get_or_insert_with(|| Made::new(self.config, self.name))
    }
}

impl<'c, E> Made<'c, E> {
    // Apart, or its fields would be written for a session that does not have it.
    #[cold]
    #[inline(never)]
    fn new(config: &'c RetryConfig, name: &'c str) -> Self {
        let extras = SessionExtras { name, more: None };
        Self {
            call: Call::new(config, ByTrait, extras, DefaultTimer),
            step: Step::Start,
        }
    }
}

impl<'c, E: Retryable> Session<'c, E> {
    /// Makes one attempt: runs `operation`, and cuts it when a time limit says so.
    ///
    /// # Errors
    ///
    /// The operation's error, or [`Retryable::timed_out`] in its place. Give it to
    /// [`failed`](Self::failed).
    #[inline]
    pub fn attempt<'s, T, Fut>(&'s mut self, operation: Fut) -> Attempt<'s, 'c, E, Fut>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        Attempt {
            session: self,
            operation,
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

    #[inline]
    fn wait(
        &mut self,
        error: E,
        known: Option<Verdict>,
    ) -> impl Future<Output = Result<(), E>> + use<'_, 'c, E> {
        let Made { call, step } = self.made();
        let mut error = Some(error);
        poll_fn(move |cx| match error.take() {
            Some(error) => call.failed(step, error, known, cx),
            None => call.poll_wait(step, cx).map(Ok),
        })
    }

    /// The operation made progress: what follows gets all retries again, and the clock of
    /// `total_timeout` starts anew. The jitter goes on where it was.
    pub fn progressed(&mut self) {
        if let Some(made) = &mut self.made {
            made.call.state().on_progress();
        }
    }

    /// Retries granted so far, since the last progress.
    #[must_use]
    pub const fn retries(&mut self) -> u32 {
        match &mut self.made {
            Some(made) => made.call.state().retries(),
            None => 0,
        }
    }
}

impl<E> Drop for Made<'_, E> {
    #[inline]
    fn drop(&mut self) {
        self.call.dropped();
    }
}

impl<E> fmt::Debug for Session<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

pin_project! {
    /// One attempt of a [`Session`]. Dropping it stops the operation.
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempt<'s, 'c, E, Fut> {
        session: &'s mut Session<'c, E>,
        #[pin]
        operation: Fut,
    }
}

impl<T, E, Fut> Future for Attempt<'_, '_, E, Fut>
where
    E: Retryable,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(Made { call, step }) = &mut this.session.made else {
            return this.operation.poll(cx);
        };
        if *step != Step::Attempting {
            call.begin(step)?;
        }
        match this.operation.poll(cx) {
            Poll::Ready(Ok(value)) => {
                call.succeeded();
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Err(ready!(call.poll_cut(cx)))),
        }
    }
}

impl<E, Fut> fmt::Debug for Attempt<'_, '_, E, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

/// What an operation is called that was not given a name.
const UNNAMED: &str = "operation";
