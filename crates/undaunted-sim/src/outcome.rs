//! What came of a simulation: counts, latencies, and everything on one time axis.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use undaunted::StopReason;

/// What a policy did in a scenario. It can be read again from what is written of it, also from other
/// programs, which may have kept the ticks elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The name of the policy.
    pub policy: String,
    /// The sums over the whole time.
    pub totals: Totals,
    /// How long calls took that succeeded, retries and delays included.
    pub latency: Quantiles,
    /// What happened when. All ticks have the same length.
    #[serde(default)]
    pub ticks: Vec<Tick>,
    /// Seconds of a tick.
    pub step: f64,
    /// Seconds that were looked at: the duration of the scenario, or less if it was stopped.
    pub seconds: f64,
    /// Seconds from the end of the last fault until the rate of successes is back at 95 % of that
    /// before the first fault, and stays there for 5 s. None: not in this time, or there was no fault,
    /// or nothing before it.
    pub recovery: Option<f64>,
}

/// Counts of calls and requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Calls that began.
    pub calls: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that returned an error.
    pub lost: u64,
    /// Of these, those that the budget allowed no further retry.
    pub lost_to_budget: u64,
    /// Of these, those that `total_timeout` left no time.
    pub lost_to_deadline: u64,
    /// Requests, hedges among them.
    pub requests: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// Requests that failed in another way.
    pub failed: u64,
    /// Requests that the client stopped waiting for.
    pub timed_out: u64,
    /// Second requests because the first took long.
    pub hedges: u64,
    /// First attempts that the client's own throttle did not send.
    pub not_sent: u64,
    /// Retries that began.
    pub retries: u64,
}

/// What happened in one step of the time axis, and how things stood at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tick {
    /// Seconds since the beginning, at the end of the step.
    pub at: f64,
    /// Calls that began: the offered load.
    pub calls: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Calls that succeeded: the goodput.
    pub succeeded: u64,
    /// Calls that returned an error.
    pub lost: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// Seconds of work in the service's queue.
    pub queue: f64,
    /// Tokens in a process's budget, on average.
    pub tokens: Option<f64>,
    /// Requests a second that the pacers allow together, if they limit them.
    pub pace: Option<f64>,
}

/// How a quantity is distributed, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// The mean.
    pub mean: f64,
    /// Half are below.
    pub p50: f64,
    /// 95 % are below.
    pub p95: f64,
    /// 99 % are below.
    pub p99: f64,
    /// 99.9 % are below.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

impl Totals {
    /// Requests for each call.
    #[must_use]
    pub fn amplification(&self) -> f64 {
        self.requests as f64 / self.calls.max(1) as f64
    }

    /// Calls that had no result when the time was over.
    #[must_use]
    pub const fn unfinished(&self) -> u64 {
        self.calls
            .saturating_sub(self.succeeded.saturating_add(self.lost))
    }

    /// The share of the calls with a result that returned an error.
    #[must_use]
    pub fn lost_share(&self) -> f64 {
        self.lost as f64 / self.succeeded.saturating_add(self.lost).max(1) as f64
    }

    pub(crate) fn count_lost(&mut self, reason: StopReason) {
        self.lost += 1;
        match reason {
            StopReason::BudgetExhausted => self.lost_to_budget += 1,
            StopReason::DeadlineExceeded => self.lost_to_deadline += 1,
            _ => {}
        }
    }
}

impl Outcome {
    /// The most requests in one step, as a rate a second.
    #[must_use]
    pub fn peak_requests(&self) -> f64 {
        let most = self.ticks.iter().map(|tick| tick.requests).max();
        most.unwrap_or(0) as f64 / self.step
    }

    /// Successes a second between two times.
    #[must_use]
    pub fn goodput(&self, from: Duration, until: Duration) -> f64 {
        self.rate(from, until, |tick| tick.succeeded)
    }

    /// Something a second between two times.
    pub fn rate(&self, from: Duration, until: Duration, count: impl Fn(&Tick) -> u64) -> f64 {
        let (from, until) = (from.as_secs_f64(), until.as_secs_f64());
        // A tick belongs to the range if its middle does.
        let middle = |tick: &&Tick| {
            let middle = tick.at - self.step / 2.0;
            from <= middle && middle < until
        };
        let ticks: Vec<_> = self.ticks.iter().filter(middle).collect();
        let sum: u64 = ticks.iter().map(|tick| count(tick)).sum();
        sum as f64 / (ticks.len() as f64 * self.step).max(f64::MIN_POSITIVE)
    }

    /// When the rate of successes is back at what it was before the first fault.
    pub(crate) fn recovery_after(&self, first: Duration, end: Duration) -> Option<f64> {
        let usual = self.goodput(first.mul_f64(WARM_UP), first);
        if usual <= 0.0 {
            return None;
        }
        let steady = ((STEADY / self.step).ceil() as usize).max(1);
        let after: Vec<&Tick> = self
            .ticks
            .iter()
            .filter(|tick| tick.at - self.step >= end.as_secs_f64() - self.step / 2.0)
            .collect();
        let good = |window: &&[&Tick]| {
            let sum: u64 = window.iter().map(|tick| tick.succeeded).sum();
            sum as f64 >= BACK * usual * self.step * window.len() as f64
        };
        let window = after.windows(steady).find(good)?;
        Some((window.first()?.at - self.step - end.as_secs_f64()).max(0.0))
    }
}

/// The beginning of a scenario, in which clients have not all begun, says nothing about the usual
/// rate.
const WARM_UP: f64 = 0.25;
const BACK: f64 = 0.95;
/// Seconds.
const STEADY: f64 = 5.0;
