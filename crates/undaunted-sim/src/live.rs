//! A scenario with real clients: its service decides in real time what becomes of each request, and what
//! happens is counted as in a simulation.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use undaunted::StopReason;

use crate::clients::{Arrivals, Source};
use crate::engine::Heard;
use crate::engine::process::Gauges;
use crate::engine::record::Recorder;
use crate::latency::Latency;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::service::{ResponseKind, Server};
use crate::time::{NEVER, Nanos, nanos};

/// A scenario in real time, for clients that are no simulation.
///
/// They ask it when calls arrive, the server that they call asks it what becomes of each request, and
/// both tell it what happened. The [`Outcome`] is counted like that of [`Scenario::run`], so the two can
/// be laid over each other. With the same seed both meet the same arrivals.
///
/// All times are those since the beginning. One that is before an earlier one counts as that: threads do
/// not agree on an order.
///
/// ```
/// use std::time::Duration;
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Live, LiveResult, Policy, Scenario};
///
/// let scenario = Scenario { duration: Duration::from_secs(10), ..Scenario::default() };
/// let live = Live::new(&scenario, &Policy::new("default", RetryConfig::default()));
/// while let Some(at) = live.next_arrival() {
///     live.call_begins(at);
///     // Here a client sends its request, and a server asks what to respond.
///     let response = live.request(at);
///     assert_eq!(response.result, LiveResult::Success);
///     live.call_ends(at, at, Ok(()));
/// }
/// let outcome = live.finish(scenario.duration);
/// assert_eq!(outcome.totals.succeeded, outcome.totals.requests);
/// ```
#[derive(Debug)]
pub struct Live {
    scenario: Scenario,
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    server: Server,
    source: Option<Source>,
    /// When the latest call arrived.
    arrived: Nanos,
    thinking: Random,
    recorder: Recorder,
    gauges: Gauges,
    now: Nanos,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveResponse {
    /// How long the response takes; none: it never comes.
    pub after: Option<Duration>,
    /// What it says.
    pub result: LiveResult,
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveResult {
    /// The request was carried out.
    Success,
    /// It failed, and may succeed later.
    Failure,
    /// It was refused because there were too many.
    Throttled {
        /// What the client is asked to wait.
        retry_after: Option<Duration>,
    },
}

impl Live {
    /// At the beginning.
    #[must_use]
    pub fn new(scenario: &Scenario, policy: &Policy) -> Self {
        // The streams of the simulation.
        let random = |purpose| Random::new(scenario.seed, purpose);
        let source = match scenario.clients.arrivals {
            Arrivals::Open {
                per_second,
                is_random,
            } => Some(Source::new(
                per_second,
                is_random,
                &scenario.faults,
                random(2),
            )),
            Arrivals::Closed { .. } => None,
        };
        Self {
            scenario: scenario.clone(),
            policy: policy.clone(),
            state: Mutex::new(State {
                server: Server::new(&scenario.service, &scenario.faults, random(3)),
                source,
                arrived: 0,
                thinking: random(5),
                recorder: Recorder::new(nanos(scenario.step())),
                gauges: Gauges::default(),
                now: 0,
            }),
        }
    }

    /// When the next call arrives from outside; none after the end, and where clients wait for their own
    /// calls.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Duration> {
        let mut state = self.lock();
        let now = state.arrived;
        let at = state.source.as_mut()?.next(now);
        state.arrived = at;
        (at < nanos(self.scenario.duration)).then(|| Duration::from_nanos(at))
    }

    /// How long a client thinks before its next call.
    #[must_use]
    pub fn thinks(&self) -> Duration {
        let think = match self.scenario.clients.arrivals {
            Arrivals::Closed { think, .. } => think,
            Arrivals::Open { .. } => Latency::ZERO,
        };
        Duration::from_nanos(think.draw(&mut self.lock().thinking))
    }

    /// A call begins.
    pub fn call_begins(&self, now: Duration) {
        self.at(now).recorder.tick.calls += 1;
    }

    /// A call ends that began then; with the reason for which it made no further attempt, if it failed
    /// and the reason is known.
    pub fn call_ends(
        &self,
        now: Duration,
        began: Duration,
        result: Result<(), Option<StopReason>>,
    ) {
        let mut state = self.at(now);
        let result = result.map_err(|reason| reason.unwrap_or(StopReason::Permanent));
        let took = nanos(now.saturating_sub(began));
        state.recorder.count_result(took, result);
    }

    /// A request arrives: what becomes of it. A client is taken to wait as long as the policy lets an attempt
    /// take.
    #[must_use]
    pub fn request(&self, now: Duration) -> LiveResponse {
        let mut state = self.at(now);
        let now = state.now;
        let limit = self.policy.config.attempt_timeout();
        let patience = limit.map_or(NEVER, |limit| now.saturating_add(nanos(limit)));
        let response = state.server.receive(now, patience);
        state.recorder.tick.requests += 1;
        let retry_after = state.server.service().retry_after;
        let result = match response.kind {
            ResponseKind::Success => LiveResult::Success,
            ResponseKind::Error => LiveResult::Failure,
            ResponseKind::Throttled => LiveResult::Throttled { retry_after },
        };
        if response.at > patience || response.at == NEVER {
            state.recorder.count_failure(Heard::Cut);
        } else if response.kind == ResponseKind::Throttled {
            state.recorder.tick.throttled += 1;
        } else if response.kind == ResponseKind::Error {
            state.recorder.count_failure(Heard::Response(response.kind));
        }
        let after = (response.at != NEVER).then(|| Duration::from_nanos(response.at - now));
        LiveResponse { after, result }
    }

    /// What the gauges of the clients show from now on: the tokens of a budget on average, and the pace of
    /// all pacers together.
    pub fn gauges(&self, now: Duration, tokens: Option<f64>, pace: Option<f64>) {
        self.at(now).gauges = Gauges { tokens, pace };
    }

    /// What came of it until now. What clients do after that is not counted.
    #[must_use]
    pub fn finish(&self, now: Duration) -> Outcome {
        let mut state = self.at(now);
        let end = state.now;
        // What comes later is counted in a step that never ends.
        let recorder = std::mem::replace(&mut state.recorder, Recorder::new(NEVER));
        // A client that waits for ever is one of those that have no result.
        recorder.finish(&self.scenario, &self.policy, end, 0)
    }

    /// The state, after the steps before this time have been ended.
    fn at(&self, now: Duration) -> MutexGuard<'_, State> {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Nothing is counted after the end.
        let now = now.min(self.scenario.duration);
        state.now = state.now.max(nanos(now));
        let State {
            server,
            recorder,
            gauges,
            now,
            ..
        } = state;
        if recorder.is_due(*now) {
            recorder.advance(*now, |at| (server.backlog(at), *gauges));
        }
        guard
    }

    /// Nothing panics while it holds the lock, and if it did, counts would still be counts.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
