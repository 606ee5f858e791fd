//! The delays of a policy as a table.

use std::time::Duration;

use serde::Serialize;
use undaunted::{Decision, RetryConfig, RetryState, Verdict};

use crate::policy::Policy;

/// The delay before a retry, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedRetry {
    /// The number of the retry, from 1.
    pub retry: u32,
    /// Without jitter.
    pub nominal: f64,
    /// At least.
    pub min: f64,
    /// On average.
    pub mean: f64,
    /// At most.
    pub max: f64,
    /// When it begins at the earliest, after the beginning of the first attempt, if each attempt takes as
    /// long to fail as [`Usage`](crate::Usage) says.
    pub earliest: f64,
    /// When it begins at the latest.
    pub latest: f64,
}

/// How long attempts take to fail, and the time that `total_timeout` leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// An attempt that takes longer is cut.
    pub(super) takes: Duration,
    /// After the beginning of the first attempt.
    pub(super) ends: Option<Duration>,
}

impl Limits {
    pub(super) fn new(policy: &Policy, failing_takes: Duration) -> Self {
        let config = &policy.config;
        let attempt = config.attempt_timeout();
        let takes = attempt.map_or(failing_takes, |limit| limit.min(failing_takes));
        let clock = if policy.clock_starts_at_failure {
            takes
        } else {
            Duration::ZERO
        };
        Self {
            takes,
            ends: config
                .total_timeout()
                .map(|limit| limit.saturating_add(clock)),
        }
    }

    /// Whether an attempt may begin then.
    pub(super) fn leave_time(&self, begins: Duration) -> bool {
        self.ends.is_none_or(|ends| begins < ends)
    }

    fn cut(&self, time: Duration) -> Duration {
        self.ends.map_or(time, |ends| ends.min(time))
    }
}

/// The retries that a call may make at most, and those of all delays that begin one.
pub(super) fn possible(
    config: &RetryConfig,
    mut rows: Vec<PlannedRetry>,
    limits: Limits,
) -> (u32, Vec<PlannedRetry>) {
    let (mut earliest, mut latest) = (Duration::ZERO, Duration::ZERO);
    let mut begins = Vec::new();
    for row in &rows {
        let range = config.delay_range(row.retry - 1);
        earliest = earliest
            .saturating_add(limits.takes)
            .saturating_add(*range.start());
        latest = latest
            .saturating_add(limits.takes)
            .saturating_add(*range.end());
        if !limits.leave_time(earliest) {
            break;
        }
        begins.push([earliest, limits.cut(latest)]);
    }
    let is_cut = begins.len() < rows.len();
    rows.truncate(begins.len());
    for (row, [earliest, latest]) in rows.iter_mut().zip(&begins) {
        (row.earliest, row.latest) = (earliest.as_secs_f64(), latest.as_secs_f64());
    }
    let shown = u32::try_from(rows.len()).unwrap_or(MOST);
    if is_cut {
        return (shown, rows);
    }
    let rest = config.max_retries() - shown;
    let Some(ends) = limits.ends.filter(|_| rest > 0) else {
        return (config.max_retries(), rows);
    };
    // Delays only grow: after this many seconds each, no more of the others begin.
    let each = limits
        .takes
        .saturating_add(*config.delay_range(shown).start());
    let left = ends.saturating_sub(earliest).as_secs_f64();
    let more = ((left / each.as_secs_f64()).ceil() as u32).saturating_sub(1);
    (shown + more.min(rest), rows)
}

/// The delays of all retries, or of as many as a table takes, whatever `total_timeout` is.
pub(super) fn delays(config: &RetryConfig) -> Vec<PlannedRetry> {
    let retries = config.max_retries().min(MOST);
    let means = means(config, retries);
    let (mut earliest, mut latest) = (Duration::ZERO, Duration::ZERO);
    let mut rows = Vec::new();
    for (retry, mean) in (0..retries).zip(means) {
        let range = config.delay_range(retry);
        earliest = earliest.saturating_add(*range.start());
        latest = latest.saturating_add(*range.end());
        rows.push(PlannedRetry {
            retry: retry + 1,
            nominal: config.delay(retry).as_secs_f64(),
            min: range.start().as_secs_f64(),
            mean,
            max: range.end().as_secs_f64(),
            earliest: earliest.as_secs_f64(),
            latest: latest.as_secs_f64(),
        });
    }
    rows
}

/// The mean delay of each retry, over many calls of the shipped state.
fn means(config: &RetryConfig, retries: u32) -> Vec<f64> {
    let mut sums = vec![0.0; retries as usize];
    let calls = (DRAWS / u64::from(retries.max(1))).max(100);
    for seed in 0..calls {
        // Without a start, so that `total_timeout` does not end it.
        let mut state = RetryState::new(None, seed);
        for sum in &mut sums {
            let decision = state.on_failure(config, None, Verdict::TRANSIENT, None);
            if let Decision::Retry { delay } = decision {
                *sum += delay.as_secs_f64();
            }
        }
    }
    sums.iter().map(|sum| sum / calls as f64).collect()
}

/// Rows that are of use to anybody.
pub(super) const MOST: u32 = 1000;
const DRAWS: u64 = 200_000;
