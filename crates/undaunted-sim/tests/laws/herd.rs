//! Clients that fail together, and how they come back.

use std::time::Duration;

use undaunted::{Jitter, RetryConfig};
use undaunted_sim::{Arrivals, Clients, Effect, Fault, Policy, RateLimit, Scenario, Service};

use crate::support::{assert_near, delays, mean, waits};

/// The most of 1,000 clients in 10 ms of their first retry, on average.
fn peak(jitter: Jitter) -> f64 {
    let peaks = (0..200).map(|seed| {
        let scenario = Scenario {
            clients: Clients {
                arrivals: Arrivals::together(1000),
                processes: 1,
            },
            faults: vec![Fault::new(
                Effect::Outage,
                Duration::ZERO,
                Duration::from_secs(60),
            )],
            duration: Duration::from_secs(4),
            step: Some(Duration::from_millis(10)),
            seed,
            ..Scenario::default()
        };
        let outcome = scenario.run(&Policy::new("one", delays(1, jitter)));
        let retries = outcome.ticks.iter().map(|tick| tick.requests - tick.calls);
        retries.max().unwrap() as f64
    });
    mean(peaks)
}

/// Closed form: the mean of the largest of `W / 10 ms` cells among which 1,000 are thrown. 30.7 where
/// the first delay spreads over 0.5 s, 18.8 over 1 s, 12.1 over 2 s; without jitter all of them.
#[test]
fn a_herd_comes_back_in_peaks_of_31_19_or_12() {
    for (jitter, expected, tolerance) in [
        (Jitter::None, 1000.0, 0.0),
        (Jitter::Proportional(0.25), 30.7, 0.5),
        (Jitter::Equal, 30.7, 0.5),
        (Jitter::Proportional(0.5), 18.8, 0.4),
        (Jitter::Full, 18.8, 0.4),
        (Jitter::Decorrelated, 12.1, 0.3),
    ] {
        assert_near(peak(jitter), expected, tolerance);
    }
}

/// When the waves of retries begin and end, of 20,000 clients that fail at 0.
fn waves(jitter: Jitter) -> Vec<(f64, f64)> {
    let config = delays(5, jitter);
    let mut waves = vec![(f64::MAX, 0.0_f64); 5];
    for seed in 0..20_000 {
        let mut at = 0.0;
        for (wave, wait) in waves.iter_mut().zip(waits(&config, seed)) {
            at += wait;
            *wave = (wave.0.min(at), wave.1.max(at));
        }
    }
    waves
}

/// Derived: with growth `g` and jitter ±j, retry `k` lies in `(1 ± j) (g^k - 1) / (g - 1)`. Waves
/// overlap in the end if, and only if, `(1 + j) / (1 - j) >= g`: from `j* = (g - 1) / (g + 1)` on, which
/// is 1/3 for a doubling. At ±25 % the service idles for 1, 1.5, 2.5 and 4.5 s between them at least.
#[test]
fn waves_merge_from_a_third_of_jitter_on() {
    let gap = |j: f64, wave: i32| {
        let sum = |k: i32| 2.0_f64.powi(k) - 1.0;
        (1.0 - j) * sum(wave + 1) - (1.0 + j) * sum(wave)
    };
    for (wave, expected) in [(1, 1.0), (2, 1.5), (3, 2.5), (4, 4.5), (5, 8.5)] {
        assert_near(gap(0.25, wave), expected, 1e-9);
        assert_near(gap(1.0 / 3.0, wave), 2.0 / 3.0, 1e-9);
    }
    for j in [0.25, 1.0 / 3.0, 0.5] {
        let waves = waves(Jitter::Proportional(j));
        for (wave, pair) in (1..).zip(waves.windows(2)) {
            let actual = pair[1].0 - pair[0].1;
            // Few clients are at the edge of a late wave, so that its gap is wider than it can be.
            assert!(actual >= gap(j, wave) - 1e-9, "±{j}, wave {wave}: {actual}");
            assert!(wave > 1 || actual < gap(j, wave) + 0.1, "±{j}: {actual}");
        }
    }
    assert!(gap(0.5, 1) == 0.0 && gap(0.5, 2) < 0.0);
}

/// The share of 1,000 clients with 3 retries that fail, and their requests, where a service takes so
/// many requests in each 10 ms and refuses the rest.
fn drain(config: &RetryConfig, per_second: f64) -> (f64, f64) {
    let runs: Vec<_> = (0..100)
        .map(|seed| {
            let scenario = Scenario {
                clients: Clients {
                    arrivals: Arrivals::together(1000),
                    processes: 1,
                },
                service: Service {
                    rate_limit: Some(RateLimit {
                        per_second,
                        burst: per_second / 100.0,
                    }),
                    ..Service::default()
                },
                faults: vec![Fault::new(
                    Effect::Outage,
                    Duration::ZERO,
                    Duration::from_millis(1),
                )],
                duration: Duration::from_secs(60),
                seed,
                ..Scenario::default()
            };
            scenario.run(&Policy::new("drain", config.clone())).totals
        })
        .collect();
    (
        mean(runs.iter().map(undaunted_sim::Totals::lost_share)),
        // The first attempts are not counted.
        mean(runs.iter().map(|totals| totals.requests as f64 - 1000.0)),
    )
}

/// Simulated before, with a service that takes 200 requests a second in steps of 10 ms: who gives up
/// after 3 retries with mean delays of 1, 2 and 4 s, and the requests after the first. The service
/// here counts in a token bucket of the same size, which admits a little more than fixed steps.
#[test]
fn at_equal_means_a_wider_jitter_loses_fewer() {
    for (jitter, base, lost, requests) in [
        (Jitter::None, 1.0, 0.99, 2990.0),
        (Jitter::Proportional(0.25), 1.0, 0.229, 2534.0),
        (Jitter::Equal, 4.0 / 3.0, 0.113, 2390.0),
        (Jitter::Proportional(0.5), 1.0, 0.024, 2155.0),
        (Jitter::Full, 2.0, 0.022, 1878.0),
        // The same base halves the schedule: policies are comparable at equal means only.
        (Jitter::Full, 1.0, 0.154, 2371.0),
    ] {
        let config = RetryConfig::builder()
            .jitter(jitter)
            .base_delay(Duration::from_secs_f64(base))
            .build()
            .unwrap();
        let (actual, sent) = drain(&config, 200.0);
        assert_near(actual, lost, 0.008);
        assert_near(sent, requests, 15.0);
        if jitter != Jitter::None && base > 0.99 {
            assert!(drain(&config, 500.0).0 < 0.005);
        }
    }
}
