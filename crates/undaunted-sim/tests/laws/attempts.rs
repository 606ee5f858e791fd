//! Attempts and delays of a single call.

use undaunted::{Jitter, RetryConfig};
use undaunted_sim::Policy;

use crate::support::{assert_near, deviation, immediate, mean, sequence, waits};

/// Closed form: with `R` retries and independent failures, `(1 - p^(R+1)) / (1 - p)` requests a
/// call, and `1 - p^(R+1)` of the calls succeed. (Brooker's text has `p^N`, his code `p^(N+1)`.)
#[test]
fn requests_and_successes_follow_from_the_rate_of_failures() {
    for (retries, p, requests, successes) in [
        (3, 0.5, 1.875, 0.9375),
        (3, 0.9, 3.439, 0.3439),
        (1, 0.2, 1.2, 0.96),
    ] {
        let outcome = sequence(200_000, p, &Policy::new("r", immediate(retries)));
        assert_near(outcome.totals.amplification(), requests, 0.01);
        assert_near(1.0 - outcome.totals.lost_share(), successes, 0.005);
    }
}

/// Closed form, for a base of 1 s that doubles without a cap: mean and variance of the second
/// delay, the sum of the means of 3 and of 5 retries, and the deviation of the sum of 5.
#[test]
fn delays_have_their_means_and_variances() {
    let d = 2.0_f64;
    for (jitter, second, variance, sum_3, sum_5, spread) in [
        (Jitter::None, d, 0.0, 7.0, 31.0, 0.0),
        (
            Jitter::Proportional(0.25),
            d,
            d * d / 48.0,
            7.0,
            31.0,
            2.665,
        ),
        (Jitter::Equal, 0.75 * d, d * d / 48.0, 5.25, 23.25, 2.665),
        (Jitter::Proportional(0.5), d, d * d / 12.0, 7.0, 31.0, 5.331),
        (Jitter::Full, 0.5 * d, d * d / 12.0, 3.5, 15.5, 5.331),
    ] {
        let config = crate::support::delays(5, jitter);
        let calls: Vec<Vec<f64>> = (0..100_000).map(|seed| waits(&config, seed)).collect();
        let seconds: Vec<f64> = calls.iter().map(|waits| waits[1]).collect();
        assert_near(mean(seconds.iter().copied()), second, 0.01);
        assert_near(deviation(&seconds).powi(2), variance, 0.01);
        assert_near(
            mean(calls.iter().map(|waits| waits[..3].iter().sum())),
            sum_3,
            0.03,
        );
        let sums: Vec<f64> = calls.iter().map(|waits| waits.iter().sum()).collect();
        assert_near(mean(sums.iter().copied()), sum_5, 0.06);
        assert_near(deviation(&sums), spread, 0.03);
    }
}

/// Closed form: the mean of a decorrelated delay is `m(k+1) = (1 + 3 m(k)) / 2`, which grows by 1.5
/// and not by 2. The deviation of the sum of 5 is 27.61, by the same recursion for second moments.
#[test]
fn decorrelated_delays_grow_by_half_and_have_a_long_tail() {
    let config = crate::support::delays(5, Jitter::Decorrelated);
    let calls: Vec<Vec<f64>> = (0..200_000).map(|seed| waits(&config, seed)).collect();
    let mut expected = 1.0;
    for retry in 0..5 {
        expected = 0.5 + 1.5 * expected;
        let actual = mean(calls.iter().map(|waits| waits[retry]));
        assert_near(actual / expected, 1.0, 0.015);
    }
    let sums: Vec<f64> = calls.iter().map(|waits| waits.iter().sum()).collect();
    assert_near(
        mean(calls.iter().map(|waits| waits[..3].iter().sum())),
        11.25,
        0.1,
    );
    assert_near(mean(sums.iter().copied()), 34.56, 0.3);
    assert_near(deviation(&sums), 27.61, 0.3);
}

/// What is right for a cap: no delay above it (`Proportional` by its fraction, as documented), and
/// no crowd of clients at exactly one moment. Libraries that clamp after the jitter put all clients
/// there (stamina, tenacity, Polly).
///
/// `Decorrelated` is the exception: its published form clamps what it has drawn.
#[test]
fn the_cap_gathers_nobody() {
    for (jitter, most, at_one_moment) in [
        (Jitter::Proportional(0.25), 1.25, 0.0),
        (Jitter::Equal, 1.0, 0.0),
        (Jitter::Full, 1.0, 0.0),
        (Jitter::Decorrelated, 1.0, 0.25),
    ] {
        let cap = std::time::Duration::from_secs(5);
        let builder = RetryConfig::builder()
            .jitter(jitter)
            .max_retries(10)
            .max_delay(cap);
        let config = builder
            .base_delay(std::time::Duration::from_millis(100))
            .build()
            .unwrap();
        let ninth: Vec<f64> = (0..20_000).map(|seed| waits(&config, seed)[8]).collect();
        assert!(ninth.iter().all(|wait| *wait <= 5.0 * most));
        let at_cap = ninth.iter().filter(|wait| (**wait - 5.0).abs() < 1e-9);
        assert_near(at_cap.count() as f64 / 20_000.0, at_one_moment, 0.01);
    }
}
