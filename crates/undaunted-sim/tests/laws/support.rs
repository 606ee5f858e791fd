//! What most laws need: policies, services that fail, and a comparison.

use std::time::Duration;

use undaunted::{Decision, Jitter, RetryBudget, RetryConfig, RetryState, Verdict};
use undaunted_sim::{Arrivals, Clients, Latency, Outcome, Policy, Scenario, Service};

/// So many retries, immediately.
pub(crate) fn immediate(max_retries: u32) -> RetryConfig {
    let builder = RetryConfig::builder().max_retries(max_retries);
    builder.base_delay(Duration::ZERO).build().unwrap()
}

/// Delays of 1, 2, 4 s and so on.
pub(crate) fn delays(max_retries: u32, jitter: Jitter) -> RetryConfig {
    let builder = RetryConfig::builder().max_retries(max_retries);
    builder
        .max_delay(Duration::MAX)
        .jitter(jitter)
        .build()
        .unwrap()
}

/// One client that makes so many calls, one after another, of which each attempt fails by chance.
pub(crate) fn sequence(calls: u32, error_rate: f64, policy: &Policy) -> Outcome {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::Closed {
                clients: 1,
                think: Latency::constant(Duration::from_micros(1)),
                calls: Some(calls),
            },
            processes: 1,
        },
        service: Service {
            error_rate,
            ..Service::default()
        },
        duration: Duration::from_secs(1_000_000),
        seed: 7,
        ..Scenario::default()
    };
    let outcome = scenario.run(policy);
    assert_eq!(outcome.totals.calls, u64::from(calls));
    assert_eq!(outcome.totals.unfinished(), 0);
    outcome
}

/// The waits of one call that fails until its retries are used up, in seconds.
pub(crate) fn waits(config: &RetryConfig, seed: u64) -> Vec<f64> {
    let mut state = RetryState::new(None, seed);
    let next = || match state.on_failure(config, None, Verdict::TRANSIENT, None) {
        Decision::Retry { delay } => Some(delay.as_secs_f64()),
        Decision::Stop(_) => None,
    };
    std::iter::from_fn(next).collect()
}

/// A small generator for what the laws draw themselves.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Requests for each call, where attempts fail by chance with this verdict.
pub(crate) fn amplification(
    calls: u32,
    p: f64,
    verdict: Verdict,
    config: &RetryConfig,
    budget: &RetryBudget,
) -> f64 {
    let now = std::time::Instant::now();
    let mut dice = Dice::new(11);
    let mut attempts = 0_u64;
    for _ in 0..calls {
        let mut state = RetryState::new(None, 0);
        loop {
            attempts += 1;
            if dice.unit() >= p {
                state.on_success(Some(budget));
                break;
            }
            match state.on_failure(config, Some(now), verdict, Some(budget)) {
                Decision::Retry { .. } => {}
                Decision::Stop(_) => break,
            }
            state.on_attempt(config, Some(now));
        }
    }
    attempts as f64 / f64::from(calls)
}

#[track_caller]
pub(crate) fn assert_near(actual: f64, expected: f64, tolerance: f64) {
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} is not {expected} ± {tolerance}"
    );
}

pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values.iter().copied());
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / values.len() as f64).sqrt()
}
