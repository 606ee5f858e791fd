//! The steps of a call, for a loop that the caller writes.

mod context;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::call::Call;
use super::context::AsError;
use super::metrics;
use super::pace::{Pace, Paced, Unpaced};
use super::scope::current_deadline;
use super::spans;
#[cfg(feature = "spans")]
use super::spans::OperationSpan;
use super::timer::DefaultTimer;
use crate::budget::RetryBudget;
use crate::config::RetryConfig;
use crate::event::Event;
use crate::pacer::Pacer;
use crate::rules::{Judgement, Rules};
use crate::verdict::{Retryable, TimedOut, Verdict};
use context::{BySession, SessionContext};

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
pub struct Session<'c, E, P: Pace<'c> = Unpaced> {
    config: &'c RetryConfig,
    name: &'c str,
    /// Made when there is something to keep: what the session is given, a time limit, a
    /// failure. A session that has none of these and succeeds costs an attempt and no more.
    call: Option<SessionCall<'c, E, P>>,
}

type SessionCall<'c, E, P> = Call<'c, E, BySession<'c, E>, SessionContext<'c, P>, DefaultTimer>;

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
            call: is_needed.then(|| new_call(config, name, Unpaced)),
        }
    }
}

impl<'c, E> Session<'c, E, Option<Paced<'c>>> {
    /// A call under this policy whose attempts wait for their turns at this pacer, once the
    /// service throttles. `None` is no pacer.
    pub fn paced(config: &'c RetryConfig, pacer: Option<&'c Pacer>) -> Self {
        Self {
            config,
            name: UNNAMED,
            call: Some(new_call(config, UNNAMED, pacer.map(Paced::new))),
        }
    }
}

impl<'c, E, P: Pace<'c> + Default> Session<'c, E, P> {
    /// The operation's name, for logs and events. Default: `operation`.
    #[inline]
    pub fn name(mut self, name: &'c str) -> Self {
        self.name = name;
        if let Some(call) = &mut self.call {
            call.context.name = name;
        }
        self
    }

    /// What the operation is about, such as a key, for logs and events. Default: nothing.
    /// It is formatted only for an event or a log line.
    pub fn subject(mut self, subject: &'c (dyn fmt::Display + Sync)) -> Self {
        self.call().context.subject = Some(subject);
        self
    }

    /// The budget that retries are paid from. Default: none.
    pub fn budget(mut self, budget: &'c RetryBudget) -> Self {
        self.call().context.budget = Some(budget);
        self
    }

    /// Lets [`Rules`] of your own decide first: by status, code, text or type. What they say nothing
    /// of has the error's own verdict.
    pub fn rules<W>(mut self, rules: &'c Rules) -> Self
    where
        E: AsError<W>,
    {
        self.call().classifier.rules = Some((rules, E::as_error));
        self
    }

    /// A function that is called with each event: once per retry, before its wait, and once at
    /// the end.
    pub fn on_event(mut self, on_event: &'c (dyn Fn(&Event<'_>) + Send + Sync)) -> Self {
        self.call().context.on_event = Some(on_event);
        self
    }

    /// The operation that this session is a part of, in whose span those of the attempts are. Default:
    /// a span of its own, within the one that is current when the first attempt begins.
    #[cfg(feature = "spans")]
    pub fn span(mut self, span: &OperationSpan) -> Self {
        self.call().context.span = Some(span.clone());
        self
    }

    /// Leaves it to the caller to count the call in metrics, for one that several sessions make.
    #[doc(hidden)]
    pub fn part_of_a_call(mut self) -> Self {
        self.call().context.is_part = true;
        self
    }

    /// Makes the jitter repeatable.
    pub fn seed(mut self, seed: u64) -> Self {
        self.call().state.seed_with(|| seed);
        self
    }

    /// Lets `total_timeout` run from the first failure and not from the first attempt, for
    /// operations that may take long as long as they do not fail.
    pub fn clock_starts_at_failure(mut self) -> Self {
        self.call().context.clock_starts_at_failure = true;
        self
    }

    #[inline]
    fn call(&mut self) -> &mut SessionCall<'c, E, P> {
        self.call
            .get_or_insert_with(|| new_call(self.config, self.name, P::default()))
    }

    /// The operation made progress: what follows gets all retries again, and the clock of
    /// `total_timeout` starts again. The random stream of the jitter continues.
    pub const fn progressed(&mut self) {
        if let Some(call) = &mut self.call {
            call.state.on_progress();
        }
    }

    /// Retries granted so far, since the last progress.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        match &self.call {
            Some(call) => call.state.retries(),
            None => 0,
        }
    }
}

// Apart, or its fields would be written for a session that does not need it.
#[cold]
#[inline(never)]
fn new_call<'c, E, P: Pace<'c>>(
    config: &'c RetryConfig,
    name: &'c str,
    pace: P,
) -> SessionCall<'c, E, P> {
    let context = SessionContext {
        name,
        subject: None,
        budget: None,
        pace,
        on_event: None,
        #[cfg(feature = "spans")]
        span: None,
        clock_starts_at_failure: false,
        is_part: false,
        has_begun: false,
        began: None,
    };
    Call::new(config, BySession { rules: None }, context, DefaultTimer)
}

impl<'c, E: Retryable, P: Pace<'c> + Default> Session<'c, E, P> {
    /// Makes one attempt: runs `operation`, and cuts it when a time limit says so. Dropping the
    /// future stops the operation.
    ///
    /// # Errors
    ///
    /// The operation's error, or [`Retryable::timed_out`] in its place. Pass it to
    /// [`failed`](Self::failed).
    #[inline]
    pub fn attempt<'s, T, Fut>(
        &'s mut self,
        operation: Fut,
    ) -> impl Future<Output = Result<T, E>> + use<'s, 'c, T, E, Fut, P>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        if spans::is_on() {
            self.call();
        }
        Attempt {
            session: self,
            operation,
            has_begun: false,
        }
    }

    /// Judges a failed attempt: returns after the wait when there is another attempt to make.
    ///
    /// # Errors
    ///
    /// The error itself, unchanged, when there is none.
    pub async fn failed(&mut self, error: E) -> Result<(), E> {
        let delay = self.call().failed(error, None)?;
        self.wait(delay).await;
        Ok(())
    }

    /// [`failed`](Self::failed) with a verdict that the caller gives, or a [`Judgement`] that says
    /// which rule gave it: for an operation that knows better than its error whether it may be
    /// repeated.
    ///
    /// # Errors
    ///
    /// As for [`failed`](Self::failed).
    pub async fn failed_as(&mut self, error: E, judged: impl Into<Judgement>) -> Result<(), E> {
        let delay = self.call().failed(error, Some(judged.into()))?;
        self.wait(delay).await;
        Ok(())
    }

    /// The limit that ended the last attempt, where the error of that attempt is the one before it,
    /// which says more: for a caller that cannot return the earlier failure, such as one that has
    /// dropped the response. `None` where no limit did, or where the error says so itself.
    #[must_use]
    pub fn ended_by(&self) -> Option<&TimedOut> {
        self.call.as_ref()?.ended_by()
    }

    /// The attempt has ended with this error, and the caller finds out what that means before it calls
    /// [`failed_as`](Self::failed_as) or [`succeed`](Self::succeed): the span of the attempt and its
    /// duration end now.
    #[doc(hidden)]
    pub fn attempt_failed(&mut self, error: &E, verdict: Verdict) {
        self.call().attempt_failed(error, verdict);
    }

    /// Ends the call as a success although its last attempt failed: for an operation that has
    /// found out that it had taken effect.
    pub fn succeed(&mut self) {
        self.call().succeeded();
    }

    /// The first attempt has to wait, and the caller has a deadline: polls the cut at it.
    #[cold]
    #[inline(never)]
    fn poll_first_cut(&mut self, cx: &mut TaskContext<'_>) -> Poll<E> {
        let call = self.call();
        call.context.has_begun = true;
        call.cap_first_attempt();
        call.poll_cut(cx)
    }

    async fn wait(&mut self, delay: Duration) {
        if delay.is_zero() {
            yield_once().await;
        } else {
            let call = self.call();
            poll_fn(|cx| call.poll_wait(cx)).await;
        }
    }
}

impl<'c, E, P: Pace<'c>> fmt::Debug for Session<'c, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

pin_project! {
    /// One attempt of a [`Session`].
    struct Attempt<'s, 'c, E, Fut, P: Pace<'c>> {
        session: &'s mut Session<'c, E, P>,
        #[pin]
        operation: Fut,
        has_begun: bool,
    }
}

impl<'c, T, E, Fut, P> Future for Attempt<'_, 'c, E, Fut, P>
where
    P: Pace<'c> + Default,
    E: Retryable,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(call) = &mut this.session.call else {
            return match this.operation.poll(cx) {
                Poll::Pending if current_deadline().is_some() => {
                    *this.has_begun = true;
                    this.session.poll_first_cut(cx).map(Err)
                }
                polled => polled,
            };
        };
        if !*this.has_begun {
            call.begin_spans();
            ready!(call.poll_turn(cx))?;
            *this.has_begun = true;
            let is_first = !std::mem::replace(&mut call.context.has_begun, true);
            call.begin(is_first)?;
        }
        let polled = {
            let _around = call.around();
            this.operation.poll(cx)
        };
        match polled {
            Poll::Ready(Ok(value)) => {
                call.succeeded();
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Err(ready!(call.poll_cut(cx)))),
        }
    }
}

/// Lets other tasks run once.
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
