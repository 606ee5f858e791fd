//! How clients that fail together come back.

use std::time::Duration;

use serde::Serialize;
use undaunted::{Jitter, RetryConfig};

use super::schedule::{Limits, MOST};
use crate::clients::{Arrivals, Clients};
use crate::fault::{Effect, Fault};
use crate::peers::PeerBudget;
use crate::policy::{Budget, Policy};
use crate::scenario::Scenario;

/// Clients that fail together, and come back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Crowd {
    /// How many.
    pub clients: u32,
    /// The most of their retries that fall within 10 ms, if all are in one process with its budget.
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

pub(super) fn crowd(policy: &Policy, clients: u32, limits: Limits) -> Crowd {
    let waves = waves(&policy.config, limits);
    Crowd {
        clients,
        peak: peak(policy, clients),
        merges_from: merges_from(&waves),
        waves,
    }
}

/// How many of so many clients that fail together the budget allows a first retry.
pub(super) fn retrying(policy: &Policy, clients: u32) -> u32 {
    // Whatever their delays and limits are: those that wait for their retry are not lost.
    let config = RetryConfig::builder().max_retries(1).jitter(Jitter::None);
    let Ok(config) = config.base_delay(LONGEST).build() else {
        return clients;
    };
    let budget = Policy::new("budget", config).with_budget(policy.budget);
    let number = clients.min(MOST_CLIENTS);
    let refused = together(number, CELL, 0).run(&budget).totals.lost;
    let allowed = u64::from(number).saturating_sub(refused);
    if refused == 0 {
        return clients;
    }
    let allowed = allowed as f64 * scale(policy, clients);
    (allowed.round() as u32).min(clients)
}

/// The least jitter of an equal distance to both sides with which the waves merge; none if they never do.
pub(super) fn merging_jitter(config: &RetryConfig, limits: Limits) -> Option<f64> {
    let merges = |share: f64| {
        let config = config
            .to_builder()
            .jitter(Jitter::Proportional(share))
            .build();
        config.is_ok_and(|config| merges_from(&waves(&config, limits)).is_some())
    };
    // In steps of what is shown, so that what is said is enough.
    (1..=THOUSAND)
        .map(|step| f64::from(step) / f64::from(THOUSAND))
        .find(|share| merges(*share))
}

/// The number of the wave from which on they overlap.
fn merges_from(waves: &[Wave]) -> Option<u32> {
    // The last wave has none after it.
    let last = waves.len().saturating_sub(1);
    let apart = waves[..last].iter().rposition(|wave| wave.pause > 0.0);
    let first = apart.map_or(1, |wave| waves[wave].retry + 1);
    (waves.len() > 1 && (first as usize) < waves.len()).then_some(first)
}

/// Those that `total_timeout` leaves time for.
fn waves(config: &RetryConfig, limits: Limits) -> Vec<Wave> {
    // After the failure.
    let ends = limits.ends.map(|ends| ends.saturating_sub(limits.takes));
    let (mut from, mut until) = (Duration::ZERO, Duration::ZERO);
    let mut waves: Vec<Wave> = Vec::new();
    for retry in 0..config.max_retries().min(MOST_WAVES) {
        let range = config.delay_range(retry);
        from = from.saturating_add(*range.start());
        if ends.is_some_and(|ends| from >= ends) {
            break;
        }
        let pause = from.saturating_sub(until).as_secs_f64();
        until = until.saturating_add(*range.end());
        until = ends.map_or(until, |ends| ends.min(until));
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

/// The most retries within 10 ms, on average over a few crowds.
fn peak(policy: &Policy, clients: u32) -> f64 {
    let retries = policy.config.max_retries().min(MOST_WAVES);
    let builder = policy.config.to_builder().max_retries(retries);
    let Ok(config) = builder.build() else {
        return 0.0;
    };
    let alone = Policy {
        config,
        hedge: None,
        max_in_flight: None,
        ..policy.clone()
    };
    let number = clients.min(MOST_CLIENTS);
    let ends = (0..retries).fold(CELL, |ends, retry| {
        ends.saturating_add(*policy.config.delay_range(retry).end())
    });
    let attempts = u64::from(number) * (1 + u64::from(retries));
    let crowds = (MOST_ATTEMPTS / attempts).clamp(2, CROWDS);
    let peaks = (0..crowds).map(|seed| {
        let outcome = together(number, ends, seed).run(&alone);
        let ticks = outcome.ticks.iter();
        // Some budgets do not send all first attempts.
        let retries = ticks.map(|tick| tick.requests.saturating_sub(tick.calls));
        retries.max().unwrap_or(0) as f64
    });
    peaks.sum::<f64>() / crowds as f64 * scale(policy, clients)
}

/// Clients that fail together, in an outage without an end.
fn together(clients: u32, duration: Duration, seed: u64) -> Scenario {
    Scenario {
        clients: Clients {
            arrivals: Arrivals::together(clients),
            processes: 1,
        },
        faults: vec![Fault::new(Effect::Outage, Duration::ZERO, Duration::MAX)],
        duration: duration.clamp(CELL, LONGEST),
        step: Some(CELL),
        seed,
        ..Scenario::default()
    }
}

/// What is counted of the largest crowd that is looked at, as that of a larger one. The peak grows as the
/// crowd does, but what a budget with so many tokens allows does not.
fn scale(policy: &Policy, clients: u32) -> f64 {
    let grows = match policy.budget {
        Budget::None => true,
        Budget::Shipped { .. } => false,
        Budget::Peer(peer) => matches!(
            peer,
            PeerBudget::Window { .. }
                | PeerBudget::Concurrency { .. }
                | PeerBudget::PerCall { at_start: true, .. }
        ),
    };
    if grows {
        f64::from(clients) / f64::from(clients.clamp(1, MOST_CLIENTS))
    } else {
        1.0
    }
}

const MOST_WAVES: u32 = if MOST < 50 { MOST } else { 50 };
const MOST_CLIENTS: u32 = 5000;
const CROWDS: u64 = 10;
const CELL: Duration = Duration::from_millis(10);
const MOST_ATTEMPTS: u64 = 200_000;
const THOUSAND: u32 = 1000;
const LONGEST: Duration = Duration::from_secs(30);
