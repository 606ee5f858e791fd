//! How clients that fail together come back.

use std::time::Duration;

use serde::Serialize;
use undaunted::RetryConfig;

use super::schedule::MOST;
use crate::clients::{Arrivals, Clients};
use crate::fault::{Effect, Fault};
use crate::policy::Policy;
use crate::scenario::Scenario;

/// Clients that fail together, and come back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Crowd {
    /// How many.
    pub clients: u32,
    /// The most of their retries that fall within 10 ms.
    pub peak: f64,
    /// Their retries, as waves in time: those of each number.
    pub waves: Vec<Wave>,
    /// The number of the wave from which on waves overlap, so that the service has no pauses; none:
    /// they never do.
    pub merges_from: Option<u32>,
}

/// When a wave of retries comes, in seconds after the failure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Wave {
    /// The number of the retry, from 1.
    pub retry: u32,
    /// The earliest.
    pub from: f64,
    /// The latest.
    pub until: f64,
    /// The time until the next wave in which nobody comes; 0 where they overlap.
    pub pause: f64,
}

pub(super) fn crowd(policy: &Policy, clients: u32) -> Crowd {
    let waves = waves(&policy.config);
    // The last wave has none after it.
    let last = waves.len().saturating_sub(1);
    let apart = waves[..last].iter().rposition(|wave| wave.pause > 0.0);
    let first = apart.map_or(1, |wave| waves[wave].retry + 1);
    Crowd {
        clients,
        peak: peak(policy, clients),
        merges_from: (waves.len() > 1 && (first as usize) < waves.len()).then_some(first),
        waves,
    }
}

fn waves(config: &RetryConfig) -> Vec<Wave> {
    let (mut from, mut until) = (Duration::ZERO, Duration::ZERO);
    let mut waves: Vec<Wave> = Vec::new();
    for retry in 0..config.max_retries().min(MOST_WAVES) {
        let range = config.delay_range(retry);
        from = from.saturating_add(*range.start());
        let pause = from.saturating_sub(until).as_secs_f64();
        until = until.saturating_add(*range.end());
        if let Some(before) = waves.last_mut() {
            before.pause = pause;
        }
        waves.push(Wave {
            retry: retry + 1,
            from: from.as_secs_f64(),
            until: until.as_secs_f64(),
            pause: 0.0,
        });
    }
    waves
}

/// The most retries within 10 ms, on average over a few crowds. The budget is left out: it changes
/// how many come back, not how they are spread.
fn peak(policy: &Policy, clients: u32) -> f64 {
    let retries = policy.config.max_retries().min(FIRST_WAVES);
    let builder = policy.config.to_builder().max_retries(retries);
    let Ok(config) = builder.build() else {
        return 0.0;
    };
    let alone = Policy::new("crowd", config);
    // The peak of a large crowd grows as the crowd does.
    let scale = f64::from(clients) / f64::from(clients.clamp(1, MOST_CLIENTS));
    let clients = clients.min(MOST_CLIENTS);
    let first = policy.config.delay_range(0);
    let duration = first.end().saturating_mul(2).clamp(CELL, LONGEST);
    let peaks = (0..CROWDS).map(|seed| {
        let scenario = Scenario {
            clients: Clients {
                arrivals: Arrivals::together(clients),
                processes: 1,
            },
            faults: vec![Fault::new(Effect::Outage, Duration::ZERO, Duration::MAX)],
            duration,
            step: Some(CELL),
            seed,
            ..Scenario::default()
        };
        let outcome = scenario.run(&alone);
        let retries = outcome.ticks.iter().map(|tick| tick.requests - tick.calls);
        retries.max().unwrap_or(0) as f64
    });
    peaks.sum::<f64>() / CROWDS as f64 * scale
}

const MOST_WAVES: u32 = if MOST < 50 { MOST } else { 50 };
const MOST_CLIENTS: u32 = 5000;
const CROWDS: u64 = 10;
const CELL: Duration = Duration::from_millis(10);
/// The first waves are the highest.
const FIRST_WAVES: u32 = 3;
const LONGEST: Duration = Duration::from_secs(30);
