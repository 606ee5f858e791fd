//! Counting: what happened in each step, and in all.

use std::time::Duration;

use hdrhistogram::Histogram;
use undaunted::StopReason;

use super::Heard;
use super::process::Gauges;
use crate::clients::Arrivals;
use crate::fault::Fault;
use crate::outcome::{Outcome, Quantiles, Tick, Totals};
use crate::policy::Policy;
use crate::scenario::Scenario;
use crate::service::ResponseKind;
use crate::time::{Nanos, seconds};

/// The counts of the current step and those before.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) tick: Tick,
    pub(crate) totals: Totals,
    step: Nanos,
    next: Nanos,
    ticks: Vec<Tick>,
    latencies: Option<Histogram<u32>>,
}

impl Recorder {
    pub(crate) fn new(step: Nanos) -> Self {
        let step = step.max(1);
        Self {
            tick: Tick::default(),
            totals: Totals::default(),
            step,
            next: step,
            ticks: Vec::new(),
            latencies: Histogram::new_with_bounds(1, LONGEST, DIGITS).ok(),
        }
    }

    #[inline]
    pub(crate) const fn is_due(&self, now: Nanos) -> bool {
        now >= self.next
    }

    /// Ends the steps before `now`.
    pub(crate) fn advance(&mut self, now: Nanos, look: impl Fn(Nanos) -> (Nanos, Gauges)) {
        while now >= self.next {
            let (queue, gauges) = look(self.next);
            let tick = std::mem::take(&mut self.tick);
            self.totals.calls += tick.calls;
            self.totals.requests += tick.requests;
            self.totals.throttled += tick.throttled;
            self.ticks.push(Tick {
                at: seconds(self.next),
                queue: seconds(queue),
                tokens: gauges.tokens,
                pace: gauges.pace,
                ..tick
            });
            self.next += self.step;
        }
    }

    pub(crate) fn count_failure(&mut self, heard: Heard) {
        match heard {
            Heard::Response(ResponseKind::Throttled) | Heard::Nothing => {}
            Heard::Response(_) => self.totals.failed += 1,
            Heard::Cut => self.totals.timed_out += 1,
            Heard::NotSent => self.totals.not_sent += 1,
        }
    }

    pub(crate) fn count_result(&mut self, took: Nanos, result: Result<(), StopReason>) {
        match result {
            Ok(()) => {
                self.totals.succeeded += 1;
                self.tick.succeeded += 1;
                if let Some(latencies) = &mut self.latencies {
                    latencies.saturating_record(took / LATENCY_UNIT);
                }
            }
            Err(reason) => {
                self.totals.count_lost(reason);
                self.tick.lost += 1;
            }
        }
    }

    /// So many calls wait for a response that never comes.
    pub(crate) fn finish(
        mut self,
        scenario: &Scenario,
        policy: &Policy,
        ended: Nanos,
        hung: u64,
    ) -> Outcome {
        // What happened in a last step that is not complete.
        self.totals.calls += self.tick.calls;
        self.totals.requests += self.tick.requests;
        self.totals.throttled += self.tick.throttled;
        let mut outcome = Outcome {
            policy: policy.name.clone(),
            totals: self.totals,
            latency: self.latencies.as_ref().map(quantiles).unwrap_or_default(),
            ticks: self.ticks,
            step: seconds(self.step),
            seconds: seconds(ended),
            recovery: None,
            had_fault: !scenario.faults.is_empty(),
        };
        outcome.totals.overdue = outcome.overdue(hung);
        let faults = &scenario.faults;
        let first: Option<Duration> = faults.iter().map(|fault| fault.from).min();
        let last = faults.iter().map(Fault::ends).max();
        if let (Some(first), Some(last)) = (first, last) {
            let are_from_outside = matches!(scenario.clients.arrivals, Arrivals::Open { .. });
            outcome.recovery = outcome.recovery_after(first, last, are_from_outside);
        }
        outcome
    }
}

fn quantiles(latencies: &Histogram<u32>) -> Quantiles {
    if latencies.is_empty() {
        return Quantiles::ENDLESS;
    }
    let seconds = |value: u64| seconds(value * LATENCY_UNIT);
    let at = |quantile| seconds(latencies.value_at_quantile(quantile));
    Quantiles {
        mean: latencies.mean() * LATENCY_UNIT as f64 / 1e9,
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: seconds(latencies.max()),
    }
}

/// Latencies are counted in microseconds, to three digits.
const LATENCY_UNIT: Nanos = 1000;
const DIGITS: u8 = 3;
/// A day. A call that takes longer counts as one.
const LONGEST: u64 = 86_400_000_000;
