//! The delays of a policy as a table.

use std::time::Duration;

use serde::Serialize;
use undaunted::{Decision, RetryConfig, RetryState, Verdict};

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
    /// When it begins at the earliest, after the first attempt, if attempts fail immediately.
    pub earliest: f64,
    /// When it begins at the latest.
    pub latest: f64,
}

/// The delays of all retries, or of as many as a table takes.
pub(super) fn schedule(config: &RetryConfig) -> Vec<PlannedRetry> {
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
