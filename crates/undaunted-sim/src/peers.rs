//! The budgets of other libraries, to compare with. The shipped one is not among them: it is the
//! core's own.

use std::time::Duration;

use crate::time::{Nanos, nanos};

/// An allowance for retries as another library has it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PeerBudget {
    /// The SRE book's client-side throttling: a request is not sent, with a probability that grows
    /// as the service accepts fewer than one in `k`. It limits first attempts too.
    AdaptiveThrottle {
        /// Requests sent for each that is accepted.
        k: f64,
        /// What it remembers.
        window: Duration,
        /// Whether requests that were not sent count as requests. In failsafe-go they do not.
        counts_rejected: bool,
    },
    /// The AWS SDKs' retry quota: a retry costs tokens, a success returns what the last retry
    /// cost, and a success without retries adds one token.
    Aws {
        /// Tokens when full: 500.
        capacity: f64,
        /// What a retry costs: 5, for timeouts 10; since 2026 it is 14.
        cost: f64,
    },
    /// Retries in flight are at most a share of all requests in flight: Envoy, failsafe-go.
    Concurrency {
        /// The share, usually 0.2.
        share: f64,
        /// So many are always allowed, usually 3.
        least: u32,
    },
    /// gRPC's throttle (A6): a failure takes a token, a success adds some of one, and retries need
    /// more than half of the tokens.
    Grpc {
        /// Tokens when full.
        most: f64,
        /// What a success adds.
        ratio: f64,
    },
    /// A bucket to which each call adds some of a token, and from which each retry takes one.
    PerCall {
        /// What a call adds.
        credit: f64,
        /// Whether it is added when the call begins; or else when it succeeds.
        at_start: bool,
        /// Tokens when full. It begins empty.
        capacity: f64,
    },
    /// A share of the recent requests, and some a second besides: Finagle, tower.
    Window {
        /// The share of requests: 0.2.
        share: f64,
        /// Retries a second besides: 10.
        per_second: f64,
        /// How long a request counts: 10 s.
        ttl: Duration,
    },
}

/// A budget of one process.
#[derive(Clone, Debug)]
pub(crate) struct PeerState {
    rule: PeerBudget,
    tokens: f64,
    in_flight: u32,
    retries_in_flight: u32,
    requests: Window,
    accepted: Window,
}

impl PeerState {
    pub(crate) fn new(rule: PeerBudget) -> Self {
        let tokens = match rule {
            PeerBudget::Aws { capacity, .. } => capacity,
            PeerBudget::Grpc { most, .. } => most,
            _ => 0.0,
        };
        let window = match rule {
            PeerBudget::Window { ttl, .. } => Window::new(ttl, COARSE),
            PeerBudget::AdaptiveThrottle { window, .. } => Window::new(window, FINE),
            _ => Window::new(Duration::MAX, 1),
        };
        Self {
            rule,
            tokens,
            in_flight: 0,
            retries_in_flight: 0,
            requests: window.clone(),
            accepted: window,
        }
    }

    /// What a gauge would show.
    pub(crate) const fn tokens(&self) -> f64 {
        self.tokens
    }

    /// A call begins.
    pub(crate) fn on_call(&mut self, now: Nanos) {
        match self.rule {
            PeerBudget::PerCall {
                credit,
                at_start: true,
                capacity,
            } => self.tokens = (self.tokens + credit).min(capacity),
            PeerBudget::Window { share, .. } => self.requests.add(share, now),
            _ => {}
        }
    }

    /// Whether a request is sent at all; `unit` is random on 0 to 1.
    pub(crate) fn admits(&mut self, now: Nanos, unit: f64) -> bool {
        let PeerBudget::AdaptiveThrottle {
            k, counts_rejected, ..
        } = self.rule
        else {
            return true;
        };
        let (requests, accepted) = (self.requests.sum(now), self.accepted.sum(now));
        let is_sent = unit >= (requests - k * accepted) / (requests + 1.0);
        if is_sent || counts_rejected {
            self.requests.add(1.0, now);
        }
        is_sent
    }

    pub(crate) fn on_sent(&mut self, is_retry: bool) {
        self.in_flight += 1;
        self.retries_in_flight += u32::from(is_retry);
    }

    /// A request ended.
    pub(crate) fn on_end(&mut self, now: Nanos, is_retry: bool, is_success: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.retries_in_flight = self.retries_in_flight.saturating_sub(u32::from(is_retry));
        match (self.rule, is_success) {
            (PeerBudget::Grpc { most, ratio }, true) => {
                self.tokens = (self.tokens + ratio).min(most);
            }
            (PeerBudget::Grpc { .. }, false) => self.tokens = (self.tokens - 1.0).max(0.0),
            (PeerBudget::Aws { capacity, cost }, true) => {
                let deposit = if is_retry { cost } else { 1.0 };
                self.tokens = (self.tokens + deposit).min(capacity);
            }
            (
                PeerBudget::PerCall {
                    credit,
                    at_start: false,
                    capacity,
                },
                true,
            ) => self.tokens = (self.tokens + credit).min(capacity),
            (PeerBudget::AdaptiveThrottle { .. }, true) => self.accepted.add(1.0, now),
            _ => {}
        }
    }

    /// Whether a retry is allowed, which is then paid for.
    pub(crate) fn withdraw(&mut self, now: Nanos) -> bool {
        let cost = match self.rule {
            PeerBudget::AdaptiveThrottle { .. } => return true,
            PeerBudget::Grpc { most, .. } => return self.tokens > most / 2.0,
            PeerBudget::Concurrency { share, least } => {
                let most = (share * f64::from(self.in_flight)).max(f64::from(least));
                return f64::from(self.retries_in_flight) < most;
            }
            PeerBudget::Window {
                per_second, ttl, ..
            } => {
                let has_room = self.requests.sum(now) + per_second * ttl.as_secs_f64() >= 1.0;
                if has_room {
                    self.requests.add(-1.0, now);
                }
                return has_room;
            }
            PeerBudget::Aws { cost, .. } => cost,
            PeerBudget::PerCall { .. } => 1.0,
        };
        let has_room = self.tokens >= cost - ROUNDING;
        if has_room {
            self.tokens -= cost;
        }
        has_room
    }
}

/// A sum over a window of time, in slices.
#[derive(Clone, Debug)]
struct Window {
    slices: Vec<f64>,
    sum: f64,
    /// Nanoseconds.
    slice: Nanos,
    /// The number of the current slice.
    current: u64,
}

impl Window {
    fn new(window: Duration, slices: u64) -> Self {
        Self {
            slices: vec![0.0; slices as usize],
            sum: 0.0,
            slice: (nanos(window) / slices.max(1)).max(1),
            current: 0,
        }
    }

    /// Forgets the slices that `now` is too late for.
    fn move_to(&mut self, now: Nanos) -> usize {
        let (slice, count) = (now / self.slice, self.slices.len() as u64);
        if slice != self.current {
            for passed in 1..=(slice - self.current).min(count) {
                self.slices[((self.current + passed) % count) as usize] = 0.0;
            }
            self.current = slice;
            self.sum = self.slices.iter().sum();
        }
        (slice % count) as usize
    }

    fn add(&mut self, value: f64, now: Nanos) {
        let slice = self.move_to(now);
        self.slices[slice] += value;
        self.sum += value;
    }

    fn sum(&mut self, now: Nanos) -> f64 {
        self.move_to(now);
        self.sum
    }
}

/// As Finagle has it.
const COARSE: u64 = 10;
const FINE: u64 = 60;
/// Tenths of tokens do not add up exactly.
const ROUNDING: f64 = 1e-9;
