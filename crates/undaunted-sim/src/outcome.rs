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
    /// How long calls took that succeeded, retries and delays included. Infinite if none did.
    pub latency: Quantiles,
    /// What happened when. All ticks have the same length.
    #[serde(default)]
    pub ticks: Vec<Tick>,
    /// Seconds of a tick.
    pub step: f64,
    /// Seconds that were looked at: the duration of the scenario, or less if it was stopped.
    pub seconds: f64,
    /// Seconds from the end of the last fault until the rate of successes is back at 95 % of that
    /// before the first fault, or of the calls that begin if those are fewer, and stays there for 5 s.
    /// None: not in this time, or there was no fault.
    pub recovery: Option<f64>,
    /// Whether there was a fault that it could recover from.
    #[serde(default = "had_fault")]
    pub had_fault: bool,
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
    /// Calls that had no result when the time was over, and should have had one: those that wait for a
    /// response that never comes, and those beyond what is usually under way. They count as lost.
    #[serde(default)]
    pub overdue: u64,
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

/// How a quantity is distributed, in seconds. What is infinite is written as null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// The mean.
    #[serde(with = "infinite")]
    pub mean: f64,
    /// Half are below.
    #[serde(with = "infinite")]
    pub p50: f64,
    /// 95 % are below.
    #[serde(with = "infinite")]
    pub p95: f64,
    /// 99 % are below.
    #[serde(with = "infinite")]
    pub p99: f64,
    /// 99.9 % are below.
    #[serde(with = "infinite")]
    pub p999: f64,
    /// The largest.
    #[serde(with = "infinite")]
    pub max: f64,
}

impl Quantiles {
    /// Of calls of which none succeeds.
    pub(crate) const ENDLESS: Self = Self {
        mean: f64::INFINITY,
        p50: f64::INFINITY,
        p95: f64::INFINITY,
        p99: f64::INFINITY,
        p999: f64::INFINITY,
        max: f64::INFINITY,
    };
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

    /// Calls that returned an error, or should have had a result when the time was over.
    #[must_use]
    pub const fn lost_or_overdue(&self) -> u64 {
        self.lost.saturating_add(self.overdue)
    }

    /// The share of these among all calls but those that are still under way, as usual.
    #[must_use]
    pub fn lost_share(&self) -> f64 {
        let lost = self.lost_or_overdue();
        lost as f64 / self.succeeded.saturating_add(lost).max(1) as f64
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

    /// Of the calls that have no result, those that should have one: `hung` wait for a response that
    /// never comes. Of the others, as many are under way as begin in the time that the longest takes.
    pub(crate) fn overdue(&self, hung: u64) -> u64 {
        let totals = &self.totals;
        let unfinished = totals.unfinished();
        let longest = if totals.succeeded == 0 {
            0.0
        } else {
            self.latency.max
        };
        let mean = totals.succeeded as f64 / self.seconds.max(f64::MIN_POSITIVE) * longest;
        let usual = (mean + CHANCE * mean.sqrt()).ceil() as u64;
        let hung = hung.min(unfinished);
        hung + (unfinished - hung).saturating_sub(usual)
    }

    /// When the rate of successes is back at what it was before the first fault. Calls from outside
    /// begin at random: where few of them do, no more can succeed.
    pub(crate) fn recovery_after(
        &self,
        first: Duration,
        end: Duration,
        are_from_outside: bool,
    ) -> Option<f64> {
        let before = self.goodput(first.mul_f64(WARM_UP), first);
        let seconds = Duration::try_from_secs_f64(self.seconds).unwrap_or(end);
        let usual = if before > 0.0 {
            before
        } else {
            // Nothing is known of the time before: then the last of the time after is what is usual.
            self.goodput(end.max(seconds.mul_f64(1.0 - WARM_UP)), seconds)
        };
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
            let sum = |count: fn(&Tick) -> u64| window.iter().map(|tick| count(tick)).sum::<u64>();
            let succeeded = sum(|tick| tick.succeeded) as f64;
            let expected = usual * self.step * window.len() as f64;
            if !are_from_outside {
                // As near as so few calls can tell.
                return succeeded >= BACK * (expected - 2.0 * expected.sqrt());
            }
            let began = sum(|tick| tick.calls) as f64;
            // Some of those that began are under way.
            let under_way = usual * self.latency.p50;
            let under_way = 1.0 + 2.0 * (2.0 * under_way).sqrt();
            succeeded >= BACK * expected.min(began - under_way)
        };
        let window = after.windows(steady).find(good)?;
        Some((window.first()?.at - self.step - end.as_secs_f64()).max(0.0))
    }
}

/// The beginning of a scenario, in which clients have not all begun, says nothing about the usual
/// rate.
const WARM_UP: f64 = 0.25;
const BACK: f64 = 0.95;
/// Deviations from the mean that are no chance.
const CHANCE: f64 = 4.0;
/// Seconds.
const STEADY: f64 = 5.0;

/// What is read of an outcome that does not say it.
const fn had_fault() -> bool {
    true
}

/// JSON has no infinite numbers.
mod infinite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}
