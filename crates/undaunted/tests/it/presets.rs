//! What each preset rides out: how long a service may be gone, with attempts that fail at
//! once, before the last attempt has failed. The figures stand in the presets' documentation.

use std::time::Duration;

use undaunted::{Decision, RetryConfig, RetryState, Verdict};

/// Seconds from the first failure to the last, for many calls, in ascending order.
fn ride_outs(config: &RetryConfig, verdict: Verdict) -> Vec<f64> {
    let start = std::time::Instant::now();
    let mut times: Vec<f64> = (0..20_000_u64)
        .map(|seed| {
            let mut state = RetryState::new(Some(start), seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let mut elapsed = Duration::ZERO;
            while let Decision::Retry { delay } =
                state.on_failure(config, Some(start + elapsed), verdict, None)
            {
                elapsed += delay;
            }
            elapsed.as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn check(config: &RetryConfig, verdict: Verdict, median: f64, low: f64, high: f64) {
    let times = ride_outs(config, verdict);
    let (shortest, middle, longest) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let story = format!("{config}: {shortest:.2} {middle:.2} {longest:.2}");
    assert!(
        (middle / median - 1.0).abs() < 0.05,
        "median {median}: {story}"
    );
    assert!(
        shortest >= low && longest <= high,
        "{low} to {high}: {story}"
    );
}

#[test]
fn the_default() {
    check(&RetryConfig::DEFAULT, Verdict::TRANSIENT, 7.0, 5.25, 8.75);
}

#[test]
fn interactive() {
    check(
        &RetryConfig::interactive(),
        Verdict::TRANSIENT,
        0.5,
        0.375,
        0.625,
    );
}

#[test]
fn background() {
    check(
        &RetryConfig::background(),
        Verdict::TRANSIENT,
        435.0,
        326.0,
        544.0,
    );
}

#[test]
fn storage() {
    let storage = RetryConfig::storage();
    check(&storage, Verdict::TRANSIENT, 33.0, 4.0, 65.5);
    check(&storage, Verdict::THROTTLED, 65.0, 10.0, 131.0);
}
