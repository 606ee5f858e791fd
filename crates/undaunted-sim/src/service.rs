//! A service: what it admits, works off, refuses and answers, and when.

use std::time::Duration;

use crate::fault::{Fault, Phases};
use crate::latency::Latency;
use crate::random::Random;
use crate::time::{NEVER, Nanos, from_seconds, nanos, seconds};

/// A service. The default takes every request and responds immediately.
///
/// A request passes, in this order: the faults that are in effect, the rate limit, the error rate,
/// the queue, and the latency. Every response takes the latency, refusals too.
///
/// ```
/// use std::time::Duration;
/// use undaunted_sim::{Latency, Service};
///
/// let service = Service {
///     capacity: Some(200.0),
///     latency: Latency::constant(Duration::from_millis(20)),
///     ..Service::default()
/// };
/// assert_eq!(service.rate_limit, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Requests a second that it works off one after another, in the order in which they arrive;
    /// none: any number.
    pub capacity: Option<f64>,
    /// The longest wait that its queue accepts. A request that would wait longer is refused as
    /// throttled. None: any wait.
    pub longest_queue: Option<Duration>,
    /// What it does with requests whose client has stopped waiting.
    pub expired: Expired,
    /// Requests beyond this rate are throttled.
    pub rate_limit: Option<RateLimit>,
    /// The share of requests that fails, whatever the load.
    pub error_rate: f64,
    /// How long a response takes, beside waiting and working.
    pub latency: Latency,
    /// What a throttled response asks its client to wait.
    pub retry_after: Option<Duration>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Requests a second.
    pub per_second: f64,
    /// Requests that may come together.
    pub burst: f64,
}

/// What a service does with requests whose client has stopped waiting for a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expired {
    /// It works them off as others: it does not know.
    #[default]
    Executed,
    /// It drops those that have expired when their turn comes.
    DroppedIfExpired,
    /// It drops those that would expire before they are done.
    DroppedIfLate,
}

/// What becomes of a request, and when its client hears of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response {
    pub(crate) at: Nanos,
    pub(crate) kind: ResponseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    Success,
    Error,
    Throttled,
}

/// A service in time. It is asked in the order of time, so that it knows of each request
/// immediately when it will have been served: nothing is kept for those that wait.
#[derive(Debug)]
pub(crate) struct Server {
    service: Service,
    phases: Phases,
    random: Random,
    /// When all that has arrived is worked off.
    free: Nanos,
    /// Nanoseconds of work for a request.
    work: Option<f64>,
    tokens: f64,
    tokens_at: Nanos,
}

impl Server {
    pub(crate) fn new(service: &Service, faults: &[Fault], random: Random) -> Self {
        Self {
            service: service.clone(),
            phases: Phases::new(faults),
            random,
            free: 0,
            work: service.capacity.map(|capacity| 1e9 / capacity),
            tokens: service.rate_limit.map_or(0.0, |limit| limit.burst),
            tokens_at: 0,
        }
    }

    /// The service, as it was described.
    pub(crate) const fn service(&self) -> &Service {
        &self.service
    }

    /// How long a request that arrives now would wait.
    pub(crate) const fn backlog(&self, now: Nanos) -> Nanos {
        self.free.saturating_sub(now)
    }

    /// A request arrives, whose client waits until `patience`.
    #[inline]
    pub(crate) fn receive(&mut self, now: Nanos, patience: Nanos) -> Response {
        let phase = *self.phases.at(now);
        if phase.hangs {
            return Response {
                at: NEVER,
                kind: ResponseKind::Error,
            };
        }
        let usual = self.service.latency.draw(&mut self.random);
        let latency = from_seconds(seconds(usual) * phase.slowness);
        let respond = |at: Nanos, kind| Response {
            at: at.saturating_add(latency),
            kind,
        };
        if phase.is_out {
            return respond(now, ResponseKind::Error);
        }
        if let Some(limit) = self.service.rate_limit {
            if !self.admits(limit, phase.speed, now) {
                return respond(now, ResponseKind::Throttled);
            }
        }
        if self.random.is(self.service.error_rate) || self.random.is(phase.error_rate) {
            return respond(now, ResponseKind::Error);
        }
        let Some(work) = self.work else {
            return respond(now, ResponseKind::Success);
        };
        let begin = self.resumes(now.max(self.free));
        if self
            .service
            .longest_queue
            .is_some_and(|longest| begin - now > nanos(longest))
        {
            return respond(now, ResponseKind::Throttled);
        }
        let end = self.worked_off(begin, work);
        let is_dropped = match self.service.expired {
            Expired::Executed => false,
            Expired::DroppedIfExpired => begin >= patience,
            Expired::DroppedIfLate => end.saturating_add(latency) > patience,
        };
        if is_dropped {
            return respond(NEVER, ResponseKind::Error);
        }
        self.free = end;
        respond(end, ResponseKind::Success)
    }

    fn admits(&mut self, limit: RateLimit, speed: f64, now: Nanos) -> bool {
        let earned = seconds(now - self.tokens_at) * limit.per_second * speed;
        self.tokens = (self.tokens + earned).min(limit.burst);
        self.tokens_at = now;
        // A hundredth of a request is what rounding may take.
        let is_admitted = self.tokens > 0.99 && speed > 0.0;
        if is_admitted {
            self.tokens -= 1.0;
        }
        is_admitted
    }

    /// The first moment from this one on at which the service works.
    fn resumes(&self, time: Nanos) -> Nanos {
        let working = self.phases.from(time).find(|phase| phase.speed > 0.0);
        working.map_or(NEVER, |phase| phase.from.max(time))
    }

    /// When so much work is done that begins then, with pauses and at lower speeds.
    fn worked_off(&self, begin: Nanos, mut work: f64) -> Nanos {
        let mut time = begin;
        for phase in self.phases.from(begin) {
            let room = phase.until.saturating_sub(time) as f64 * phase.speed;
            if work <= room {
                return time.saturating_add(from_seconds(work / phase.speed / 1e9));
            }
            work -= room;
            time = phase.until;
        }
        NEVER
    }
}
