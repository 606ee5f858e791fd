//! What is done for one request.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tower_service::Service;
use undaunted::{Event, RetryReport, Session, TimedOut, Verdict, builder};

use crate::failure::Failure;
use crate::layer::Settings;
use crate::protocol::Protocol;
use crate::span::AttemptSpan;

/// One request: the service that makes its attempts, and what decides about them.
pub(crate) struct Call<S, R> {
    service: S,
    /// The caller has seen that the service is ready for the first attempt.
    is_ready: bool,
    settings: Arc<Settings>,
    protocol: R,
}

/// What decides: the core's, as for every other retried call.
type Attempts<'c, E> = Session<'c, Failure<E>, Option<builder::Paced<'c>>>;

impl<S, R> Call<S, R> {
    /// A request to a service that is ready for it.
    pub(crate) const fn new(service: S, settings: Arc<Settings>, protocol: R) -> Self {
        Self {
            service,
            is_ready: true,
            settings,
            protocol,
        }
    }

    /// The response to the request.
    pub(crate) async fn run<Request>(mut self, request: Request) -> Result<S::Response, S::Error>
    where
        S: Service<Request>,
        S::Error: Display,
        R: Protocol<Request, S::Response, S::Error>,
    {
        let settings = self.settings.clone();
        let report = Mutex::new(RetryReport::default());
        let on_event = |event: &Event<'_>| {
            if settings.has_reports {
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.record(event);
            }
            if let Some(listener) = &settings.listener {
                listener(event);
            }
        };
        let subject = self.protocol.subject(&request);
        let mut session = Session::paced(&settings.config, settings.pacer.as_deref())
            .name(&settings.name)
            .subject(&subject);
        if let Some(budget) = &settings.budget {
            session = session.budget(budget);
        }
        if settings.has_reports || settings.listener.is_some() {
            session = session.on_event(&on_event);
        }
        let mut response = self.attempts(session, request).await?;
        if settings.has_reports {
            let report = report
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            self.protocol.attach(&mut response, report);
        }
        Ok(response)
    }

    /// Makes attempts until one succeeds or the session says stop.
    ///
    /// ```text
    ///               success
    ///  attempt ─────────────────────► the response
    ///   ▲   │                           ▲
    ///   │   │ failure                   │ stop, after a failed response
    ///   │   └────► Session::failed_as ──┤
    ///   │ wait is over    │             │ stop, after an error or a limit
    ///   │                 │ retry       ▼
    ///   └────── wait ◄────┘           the error
    ///      the failed response is
    ///      read to its end meanwhile
    /// ```
    async fn attempts<Request>(
        &mut self,
        mut session: Attempts<'_, S::Error>,
        request: Request,
    ) -> Result<S::Response, S::Error>
    where
        S: Service<Request>,
        S::Error: Display,
        R: Protocol<Request, S::Response, S::Error>,
    {
        let is_idempotent = self.protocol.is_idempotent(&request);
        let mut next = request;
        loop {
            let copy = self.protocol.clone_request(&next);
            let mut failed = None;
            let attempt = session.attempt(self.attempt(next, &mut failed));
            let failure = match attempt.await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let ended_by = session.ended_by().cloned();
            let failure = match (failure, &ended_by) {
                (Failure::TimedOut(timed_out), _) => self.timed_out(timed_out),
                // The earlier failure shows nothing of the attempt that was cut after it.
                (_, Some(timed_out)) if !is_idempotent => self.timed_out(timed_out.clone()),
                (failure, _) => failure,
            };
            let may_repeat = is_idempotent || failure.is_unprocessed();
            let has_copy = copy.is_some();
            let Some(copy) = copy.filter(|_| may_repeat) else {
                let why = if has_copy {
                    self.protocol.why_not_repeated()
                } else {
                    NO_COPY
                };
                let failure = failure.not_repeated(why);
                let stopped = session.failed_as(failure, Verdict::Permanent).await;
                let failure = stopped.err().map(Failure::itself);
                return self.end(failure, failed, ended_by);
            };
            let judged = failure.judged();
            let mut wait = pin!(session.failed_as(failure, judged));
            // The first poll decides, so that a response which will be the caller's is untouched.
            match poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await {
                Poll::Ready(Err(failure)) => return self.end(Some(failure), failed, ended_by),
                Poll::Ready(Ok(())) => {}
                Poll::Pending => {
                    let discard = async {
                        if let Some(response) = failed {
                            self.protocol.discard(response).await;
                        }
                    };
                    if let Err(failure) = during(wait, discard).await {
                        return self.end(Some(failure), None, ended_by);
                    }
                }
            }
            next = copy;
        }
    }

    /// Makes one attempt. A response that is a failure is put aside.
    async fn attempt<Request>(
        &mut self,
        request: Request,
        failed: &mut Option<S::Response>,
    ) -> Result<S::Response, Failure<S::Error>>
    where
        S: Service<Request>,
        R: Protocol<Request, S::Response, S::Error>,
    {
        if !mem::replace(&mut self.is_ready, false) {
            let ready = poll_fn(|cx| self.service.poll_ready(cx)).await;
            // A service that fails here never becomes ready again.
            ready.map_err(|error| Failure::Error {
                error,
                judged: Verdict::Permanent.into(),
                is_unprocessed: true,
            })?;
        }
        let span = AttemptSpan::current();
        if let Some((method, uri)) = self.protocol.target(&request) {
            span.sent(method, uri);
        }
        match self.service.call(request).await {
            Ok(response) => {
                if let Some(status) = self.protocol.status(&response) {
                    span.responded(status);
                }
                match self.protocol.failure(&response) {
                    Some(failure) => {
                        *failed = Some(response);
                        let judged = self.protocol.judge_response(&failure);
                        Err(Failure::Response { failure, judged })
                    }
                    None => Ok(response),
                }
            }
            Err(error) => Err(Failure::Error {
                judged: self.protocol.judge(&error),
                is_unprocessed: self.protocol.is_unprocessed(&error),
                error,
            }),
        }
    }

    /// The failure of an attempt that a limit ended.
    fn timed_out<Request>(&self, timed_out: TimedOut) -> Failure<S::Error>
    where
        S: Service<Request>,
        R: Protocol<Request, S::Response, S::Error>,
    {
        let error = self.protocol.timed_out(timed_out);
        Failure::Error {
            judged: self.protocol.judge(&error),
            is_unprocessed: false,
            error,
        }
    }

    /// What the caller gets for the last failure: the failed response, if it is still there.
    fn end<Request>(
        &self,
        failure: Option<Failure<S::Error>>,
        failed: Option<S::Response>,
        ended_by: Option<TimedOut>,
    ) -> Result<S::Response, S::Error>
    where
        S: Service<Request>,
        R: Protocol<Request, S::Response, S::Error>,
    {
        match (failure, failed) {
            (Some(Failure::Error { error, .. }), _) => Err(error),
            (Some(Failure::TimedOut(timed_out)), _) => Err(self.protocol.timed_out(timed_out)),
            (_, Some(response)) => Ok(response),
            // A limit ended the attempt after a failed response, which is gone. Nothing else ends a
            // call without a response or an error.
            (_, None) => {
                let limit = Duration::ZERO;
                let timed_out = ended_by.unwrap_or(TimedOut::Attempt { limit });
                Err(self.protocol.timed_out(timed_out))
            }
        }
    }
}

/// Waits, and does something else meanwhile, which is dropped if it takes longer.
async fn during<T>(
    mut wait: Pin<&mut impl Future<Output = T>>,
    other: impl Future<Output = ()>,
) -> T {
    let mut other = pin!(other);
    let mut has_ended = false;
    poll_fn(|cx| {
        if !has_ended {
            has_ended = other.as_mut().poll(cx).is_ready();
        }
        wait.as_mut().poll(cx)
    })
    .await
}

/// Why a request is made once.
const NO_COPY: &str = "the request is made once, because its body cannot be copied";
