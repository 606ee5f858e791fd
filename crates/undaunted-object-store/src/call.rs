//! One operation of a store: its attempts, and what it tells of them.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, Extensions, Result};
use undaunted::builder::Paced;
use undaunted::{
    AttemptOutcome, Event, HttpFailure, Judgement, Pacer, RetryReport, Retryable, Session, Verdict,
};

use crate::credentials::Generation;
use crate::deadline::within_deadline;
use crate::error::{generic, with_meaning};
use crate::evidence::{arrived_changed, is_stale, is_unauthenticated, proves_not_applied};
use crate::full_text::Failed;
use crate::observe::{self, FailedOperation, ReportBuilder};
use crate::operation::{Operation, StoreEvent};
use crate::policy::Policy;
use crate::responded::with_response;
use crate::trace::Trace;

impl Policy {
    /// Repeats an operation that may be repeated regardless of the results of earlier attempts.
    pub(crate) async fn retry<T, Fut>(
        &self,
        operation: Operation,
        location: &Path,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let recorder = Recorder::new(self, operation, location);
        let on_event = recorder.on_event();
        recorder.attempts(&on_event).run(attempt).await
    }

    /// [`retry`](Self::retry) whose result carries a report of the attempts in these extensions,
    /// if there was more than one.
    pub(crate) async fn retry_reported<T, Fut>(
        &self,
        operation: Operation,
        location: &Path,
        attempt: impl FnMut() -> Fut,
        extensions: fn(&mut T) -> &mut Extensions,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let recorder = Recorder::new(self, operation, location);
        let on_event = recorder.on_event();
        let mut value = recorder.attempts(&on_event).run(attempt).await?;
        recorder.report_in(extensions(&mut value));
        if operation == Operation::Get {
            // Its body goes on with the operation.
            extensions(&mut value).insert(recorder.trace.clone());
        }
        Ok(value)
    }
}

/// Takes down what happens in one operation, and tells the store's listener and whoever
/// observes this task.
pub(crate) struct Recorder<'c> {
    policy: &'c Policy,
    operation: Operation,
    location: &'c Path,
    report: Mutex<ReportBuilder>,
    trace: Trace,
    /// Whether the operation goes on when these attempts have succeeded.
    is_part: bool,
}

impl<'c> Recorder<'c> {
    pub(crate) fn new(policy: &'c Policy, operation: Operation, location: &'c Path) -> Self {
        let trace = Trace::begin(policy, operation, location);
        Self::of(policy, operation, location, trace)
    }

    fn of(policy: &'c Policy, operation: Operation, location: &'c Path, trace: Trace) -> Self {
        Self {
            policy,
            operation,
            location,
            report: Mutex::default(),
            trace,
            is_part: false,
        }
    }

    /// The recorder of a part of an operation, whose end [`Trace::succeed`] tells.
    pub(crate) fn of_part(
        policy: &'c Policy,
        operation: Operation,
        location: &'c Path,
        trace: Trace,
    ) -> Self {
        Self {
            is_part: true,
            ..Self::of(policy, operation, location, trace)
        }
    }

    /// The recorder of an operation that goes on after an attempt which succeeded, and whose
    /// body broke then.
    pub(crate) fn of_resumption(policy: &'c Policy, location: &'c Path, trace: Trace) -> Self {
        Self::of(policy, Operation::Get, location, trace).resuming()
    }

    /// The recorder where what the first attempt brought breaks.
    pub(crate) fn resuming(self) -> Self {
        self.lock().begin_attempt();
        self
    }

    /// What listens to the operation.
    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What [`attempts`](Self::attempts) are to tell what happens.
    pub(crate) fn on_event(&self) -> impl Fn(&Event<'_>) + Send + Sync {
        |event| self.record(event)
    }

    /// The operation's attempts, for a loop of its own. Their clock starts at the first
    /// failure: what goes well may take as long as it takes.
    pub(crate) fn attempts<'a>(
        &'a self,
        on_event: &'a (dyn Fn(&Event<'_>) + Send + Sync),
    ) -> Attempts<'a> {
        let policy = self.policy;
        let pacer = policy.pacer(self.operation);
        let mut session = Session::paced(policy.config(self.operation), pacer)
            .name(self.operation.as_str())
            .clock_starts_at_failure();
        if !self.location.as_ref().is_empty() {
            session = session.subject(self.location);
        }
        if let Some(budget) = &policy.budget {
            session = session.budget(budget);
        }
        #[cfg(feature = "spans")]
        if let Some(span) = self.trace.span() {
            session = session.span(span);
        }
        // The trace counts it.
        session = session.part_of_a_call();
        Attempts {
            session: session.on_event(on_event),
            recorder: self,
            pacer,
            credentials: None,
            response: None,
            signed_anew: false,
            sent_anew: false,
            was_sent: false,
            maybe_applied: false,
            lost_a_response: false,
            was_cut: false,
        }
    }

    /// Puts the report into what the operation returns, if there was more than one attempt.
    pub(crate) fn report_in(&self, extensions: &mut Extensions) {
        let report = self.report();
        if report.attempts() > 1 {
            extensions.insert(report);
        }
    }

    fn record(&self, event: &Event<'_>) {
        self.lock().record(event);
        if !(self.is_part && matches!(event.outcome, AttemptOutcome::Succeeded)) {
            self.trace.record(event);
        }
        observe::record(event);
        if matches!(event.outcome, AttemptOutcome::Stopped { .. }) {
            observe::record_failed(&FailedOperation {
                operation: self.operation,
                location: self.location.clone(),
                report: self.report(),
            });
        }
        if let Some(listener) = &self.policy.listener {
            listener(&StoreEvent {
                operation: self.operation,
                location: self.location,
                event,
            });
        }
    }

    fn report(&self) -> RetryReport {
        self.lock().report().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ReportBuilder> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempts of one operation.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says what has happened so far"
)]
pub(crate) struct Attempts<'c> {
    session: Session<'c, Failed, Option<Paced<'c>>>,
    recorder: &'c Recorder<'c>,
    pacer: Option<&'c Pacer>,
    /// Which credentials the current attempt began with, where they can be fetched anew.
    credentials: Option<u64>,
    /// What the service said to the last attempt, where the error may not have it.
    response: Option<HttpFailure>,
    /// Whether an attempt was made again because its credentials or its time were stale.
    signed_anew: bool,
    /// Whether an attempt was made again because its body arrived changed.
    sent_anew: bool,
    /// Whether the current attempt has begun, and did not wait until a limit ended it.
    was_sent: bool,
    maybe_applied: bool,
    lost_a_response: bool,
    was_cut: bool,
}

impl Attempts<'_> {
    /// Makes attempts until one succeeds or there is none to make.
    async fn run<T, Fut>(&mut self, mut attempt: impl FnMut() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        loop {
            match self.attempt(attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) => self.failed(error).await?,
            }
        }
    }

    /// Makes one attempt.
    pub(crate) async fn attempt<T>(
        &mut self,
        operation: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Self {
            session,
            recorder,
            pacer,
            credentials,
            response,
            was_sent,
            ..
        } = self;
        *was_sent = false;
        *response = None;
        let in_flight = &recorder.policy.in_flight;
        let is_paced = || pacer.is_some_and(Pacer::is_active);
        // Under a pace an attempt waits for its turn first, and keeps no room from others
        // meanwhile. One that waits for room when pacing begins waits for its turn instead.
        let mut waited = Duration::ZERO;
        let room = if is_paced() {
            None
        } else {
            // Where the deadline of the caller passes meanwhile, the attempt does not begin.
            let entering = within_deadline(async { Ok(in_flight.enter().await) });
            let room = entering.await.ok().flatten();
            waited = room.as_ref().map_or(waited, |room| room.waited);
            room.filter(|_| !is_paced())
        };
        let attempt = async {
            let mut room = room;
            if room.is_none() {
                room = in_flight.enter().await;
                waited += room.as_ref().map_or(Duration::ZERO, |room| room.waited);
            }
            *was_sent = true;
            recorder.lock().begin_attempt();
            observe::begin_attempt();
            *credentials = recorder.policy.current_credentials();
            let operation = recorder.trace.attempt(waited, operation);
            let (result, last) = observe::last_response(operation).await;
            *response = last;
            let value = result.map_err(Failed)?;
            in_flight.succeeded();
            drop(room);
            Ok(value)
        };
        session
            .attempt(attempt)
            .await
            .map_err(|Failed(error)| error)
    }

    /// Judges a failed attempt; returns after the wait when there is another to make.
    pub(crate) async fn failed(&mut self, error: Error) -> Result<()> {
        // The error is then that of the attempt before, and says nothing of the one that was cut.
        self.was_cut = self.was_sent && self.session.ended_by().is_some();
        let judged = if self.was_cut {
            Verdict::TRANSIENT.into()
        } else {
            self.judge(&error)
        };
        let maybe_applied = self.was_cut || (self.was_sent && !proves_not_applied(&error));
        self.maybe_applied |= maybe_applied;
        // A rule says whether another attempt helps, and not what became of this one. Where it says
        // that a response is final, that is the response.
        let is_lost =
            self.was_cut || (error.verdict().is_retryable() && judged.verdict.is_retryable());
        self.lost_a_response |= maybe_applied && is_lost;
        let stops_by_rule = judged.rule.is_some() && judged.verdict == Verdict::Permanent;
        let judged = if !self.signed_anew && !stops_by_rule && self.is_stale(&error) {
            // Every attempt signs anew, so stale credentials are worth one more.
            self.signed_anew = true;
            self.recorder.policy.renew_credentials(self.credentials);
            Verdict::TRANSIENT.into()
        } else if !self.sent_anew && !stops_by_rule && arrived_changed(&error) {
            // One that arrives changed twice is not sent a third time.
            self.sent_anew = true;
            Verdict::TRANSIENT.into()
        } else {
            judged
        };
        let judged = self.session.failed_as(Failed(error), judged).await;
        judged.map_err(|Failed(error)| {
            let error = with_meaning(error, self.recorder.location);
            with_response(error, self.response.take())
        })
    }

    /// The last attempt has ended with this error, which is resolved before it is known what follows.
    pub(crate) fn attempt_failed(&mut self, error: Error) -> Error {
        let verdict = self.judge(&error).verdict;
        let failed = Failed(error);
        self.session.attempt_failed(&failed, verdict);
        failed.0
    }

    /// What the failure of the last attempt means.
    fn judge(&self, error: &Error) -> Judgement {
        self.recorder.policy.judge(error, self.response.as_ref())
    }

    /// Whether the failure of the last attempt may be retried.
    pub(crate) fn is_retryable(&self, error: &Error) -> bool {
        self.judge(error).verdict.is_retryable()
    }

    /// Whether other credentials, or the same ones signing anew, may help.
    fn is_stale(&self, error: &Error) -> bool {
        let credentials = self.recorder.policy.credentials.as_deref();
        let expire_with_401 = credentials.is_some_and(Generation::expire_with_401);
        is_stale(error) || (expire_with_401 && is_unauthenticated(error))
    }

    /// Whether a failed attempt may have been applied all the same.
    pub(crate) const fn maybe_applied(&self) -> bool {
        self.maybe_applied
    }

    /// Whether a limit cut the last attempt, and the error is that of the attempt before.
    pub(crate) const fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// Whether an attempt failed without a response that says what became of it.
    pub(crate) const fn lost_a_response(&self) -> bool {
        self.lost_a_response
    }

    /// Ends the operation as a success, although its last attempt failed.
    pub(crate) fn succeed(&mut self) {
        self.session.succeed();
    }

    /// Ends the operation with this error, and tells everyone who listens.
    pub(crate) async fn give_up(&mut self, error: Error) -> Error {
        match self
            .session
            .failed_as(Failed(error), Verdict::Permanent)
            .await
        {
            // Another error says what the store found out, which no response did.
            Err(Failed(error @ Error::Generic { .. })) => error,
            Err(Failed(error)) => with_response(error, self.response.take()),
            Ok(()) => generic("a permanent failure was retried: internal error, please report it"),
        }
    }
}
