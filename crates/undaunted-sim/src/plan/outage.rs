//! How long an outage a policy rides out.

use std::time::{Duration, Instant};

use serde::Serialize;
use undaunted::{Decision, RetryConfig, RetryState, StopReason, Verdict};

use super::schedule::{Limits, MOST};
use crate::policy::Policy;

/// The longest outage that a call rides out: the time from its first attempt to the beginning of its
/// last. It differs from call to call, as delays do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Endurance {
    /// In seconds.
    pub seconds: Spread,
    /// The longest outages that 100 %, 95 %, 90 % and so on of the calls ride out, in seconds.
    pub by_share: Vec<f64>,
    /// Attempts of a call until it fails, on average.
    pub attempts: f64,
    /// The share of calls that `total_timeout` ends before their retries are used up.
    pub ended_by_deadline: f64,
    /// More retries are left than were looked at: it rides out longer outages than these.
    pub is_open: bool,
}

/// A distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// At least.
    pub min: f64,
    /// One in 20 is below.
    pub p05: f64,
    /// Half are below.
    pub p50: f64,
    /// One in 20 is above.
    pub p95: f64,
    /// At most.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

pub(super) fn endurance(policy: &Policy, verdict: Verdict, limits: Limits) -> Endurance {
    let config = &policy.config;
    let calls = (DECISIONS / u64::from(config.max_retries().min(MOST) + 1)).clamp(200, CALLS);
    let epoch = Instant::now();
    let mut ends = Vec::new();
    let (mut attempts, mut by_deadline, mut is_open) = (0_u64, 0_u64, false);
    for seed in 0..calls {
        let call = fail(policy, verdict, limits.takes, epoch, seed);
        ends.push(call.last_attempt.as_secs_f64());
        attempts += u64::from(call.attempts);
        by_deadline += u64::from(call.stop == Some(StopReason::DeadlineExceeded));
        is_open |= call.stop.is_none();
    }
    ends.sort_unstable_by(f64::total_cmp);
    let at = |quantile: f64| ends[((ends.len() - 1) as f64 * quantile) as usize];
    let bounds = bounds(config, verdict, limits);
    Endurance {
        by_share: (0..=SHARES)
            .map(|share| at(f64::from(share) / f64::from(SHARES)))
            .collect(),
        seconds: Spread {
            min: if by_deadline > 0 {
                // A delay that would be too long is not waited for.
                at(0.0).min(bounds.0)
            } else {
                bounds.0
            },
            p05: at(0.05),
            p50: at(0.5),
            p95: at(0.95),
            max: if by_deadline == calls {
                // None makes all of its retries: how long the last delay may be depends on the others.
                at(1.0)
            } else {
                bounds.1
            },
            mean: ends.iter().sum::<f64>() / calls as f64,
        },
        attempts: attempts as f64 / calls as f64,
        ended_by_deadline: by_deadline as f64 / calls as f64,
        is_open,
    }
}

struct Call {
    last_attempt: Duration,
    attempts: u32,
    stop: Option<StopReason>,
}

/// One call whose attempts all fail.
fn fail(policy: &Policy, verdict: Verdict, takes: Duration, epoch: Instant, seed: u64) -> Call {
    let config = &policy.config;
    let instant = |after: Duration| epoch.checked_add(after).unwrap_or(epoch);
    let start = (!policy.clock_starts_at_failure).then_some(epoch);
    let mut state = RetryState::new(start, seed);
    let mut call = Call {
        last_attempt: Duration::ZERO,
        attempts: 1,
        stop: None,
    };
    while call.attempts <= MOST {
        let cut = state.on_attempt(config, Some(instant(call.last_attempt)));
        let takes = cut.map_or(takes, |cut| cut.after.min(takes));
        let failed = call.last_attempt.saturating_add(takes);
        if state.start().is_none() {
            state.start_clock(instant(failed));
        }
        match state.on_failure(config, Some(instant(failed)), verdict, None) {
            Decision::Retry { delay } => call.last_attempt = failed.saturating_add(delay),
            Decision::Stop(reason) => {
                call.stop = Some(reason);
                return call;
            }
        }
        call.attempts += 1;
    }
    call
}

/// What no call falls below or exceeds.
fn bounds(config: &RetryConfig, verdict: Verdict, limits: Limits) -> (f64, f64) {
    let base = match verdict {
        Verdict::Throttled { .. } => config.throttled_base_delay(),
        _ => None,
    };
    let changed = config
        .to_builder()
        .base_delay(base.unwrap_or(config.base_delay()))
        .build();
    let config = changed.as_ref().unwrap_or(config);
    let (retries, takes) = (config.max_retries(), limits.takes);
    let (mut min, mut max) = (Duration::ZERO, Duration::ZERO);
    for retry in 0..retries.min(MOST) {
        let range = config.delay_range(retry);
        min = min.saturating_add(takes).saturating_add(*range.start());
        max = max.saturating_add(takes).saturating_add(*range.end());
    }
    if let Some(limit) = limits.ends {
        (min, max) = (min.min(limit), max.min(limit));
    }
    (min.as_secs_f64(), max.as_secs_f64())
}

const CALLS: u64 = 20_000;
const DECISIONS: u64 = 500_000;
/// Steps of 5 %.
const SHARES: u32 = 20;
