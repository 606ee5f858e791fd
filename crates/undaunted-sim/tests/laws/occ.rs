//! Brooker's simulator of optimistic concurrency, from his source: clients that read a row and write
//! it if nobody else did in between.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use undaunted::{Decision, Jitter, RetryConfig, RetryState, Verdict};

use crate::support::{Dice, assert_near};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Read,
    Reply,
    Write,
    Done,
}

/// What it takes until all have written: milliseconds, and writes.
#[derive(Clone, Copy)]
struct Cost {
    milliseconds: f64,
    writes: f64,
}

/// A message takes `|Normal(10, 2)|` ms. A client whose write fails reads again after the delay and
/// another message.
fn contend(clients: u64, config: &RetryConfig, seed: u64) -> Cost {
    let mut dice = Dice::new(seed + 1);
    let mut message = move || (1e6 * (10.0 + 2.0 * dice.normal()).abs()) as u64;
    let mut states: Vec<_> = (0..clients)
        .map(|client| RetryState::new(None, seed * 1000 + client))
        .collect();
    let mut versions = vec![0; states.len()];
    let (mut version, mut writes, mut last) = (0, 0_u32, 0);
    let mut events = BinaryHeap::new();
    for client in 0..states.len() {
        events.push(Reverse((message(), client, Step::Read)));
    }
    while let Some(Reverse((at, client, step))) = events.pop() {
        last = at;
        let next = match step {
            Step::Read => {
                versions[client] = version;
                Step::Reply
            }
            Step::Reply => Step::Write,
            Step::Write => {
                writes += 1;
                if versions[client] == version {
                    version += 1;
                    Step::Done
                } else {
                    let decision =
                        states[client].on_failure(config, None, Verdict::TRANSIENT, None);
                    let Decision::Retry { delay } = decision else {
                        unreachable!("there are more retries than clients")
                    };
                    // The reply, the delay, and the next request.
                    let at = at + message() + delay.as_nanos() as u64 + message();
                    events.push(Reverse((at, client, Step::Read)));
                    continue;
                }
            }
            Step::Done => continue,
        };
        events.push(Reverse((at + message(), client, next)));
    }
    Cost {
        milliseconds: last as f64 / 1e6,
        writes: f64::from(writes),
    }
}

/// The mean of 100 runs. The first window of his is `2 base`, that of a retry here `base`; only
/// decorrelated delays begin with `base`.
fn mean(clients: u64, jitter: Option<Jitter>) -> Cost {
    let base = match jitter {
        None => 0,
        Some(Jitter::Decorrelated) => 5,
        Some(_) => 10,
    };
    let config = RetryConfig::builder()
        .max_retries(u32::MAX)
        .base_delay(Duration::from_millis(base))
        .max_delay(Duration::from_secs(2))
        .jitter(jitter.unwrap_or(Jitter::None))
        .build()
        .unwrap();
    let runs: Vec<Cost> = (0..100)
        .map(|seed| contend(clients, &config, seed))
        .collect();
    Cost {
        milliseconds: crate::support::mean(runs.iter().map(|run| run.milliseconds)),
        writes: crate::support::mean(runs.iter().map(|run| run.writes)),
    }
}

/// Brooker: a single client needs one write and 4 messages.
#[test]
fn one_client_writes_once() {
    let cost = mean(1, Some(Jitter::Full));
    assert_near(cost.writes, 1.0, 0.0);
    assert_near(cost.milliseconds, 40.0, 1.5);
}

/// Milliseconds and writes for each number of clients. No jitter at all means no delay.
type Row = (Option<Jitter>, [(f64, f64); 4]);

/// Brooker's model, 100 runs each: milliseconds and writes of 10, 50, 100 and 190 clients.
#[test]
fn contention_costs_what_his_model_says() {
    let table: [Row; 6] = [
        (
            None,
            [(381., 51.), (1140., 692.), (2025., 2422.), (3537., 8018.)],
        ),
        (
            Some(Jitter::None),
            [
                (3410., 51.),
                (36789., 627.),
                (63737., 1859.),
                (101_296., 5160.),
            ],
        ),
        (
            Some(Jitter::Proportional(0.25)),
            [(865., 42.), (5448., 347.), (8569., 812.), (12025., 1756.)],
        ),
        (
            Some(Jitter::Equal),
            [(698., 42.), (4208., 347.), (6632., 812.), (9442., 1760.)],
        ),
        (
            Some(Jitter::Full),
            [(468., 39.), (2814., 333.), (4880., 796.), (7384., 1773.)],
        ),
        (
            Some(Jitter::Decorrelated),
            [(440., 38.), (2257., 376.), (4573., 994.), (7797., 2434.)],
        ),
    ];
    for (jitter, expected) in table {
        for (clients, (milliseconds, writes)) in [10, 50, 100, 190].into_iter().zip(expected) {
            let cost = mean(clients, jitter);
            let label = format!("{jitter:?}, {clients} clients");
            // Five standard errors of a mean of 100 runs, at most.
            let is_near = |actual: f64, expected: f64, share: f64| {
                (actual - expected).abs() <= (share * expected).max(2.0)
            };
            assert!(
                is_near(cost.milliseconds, milliseconds, 0.07),
                "{label}: {} ms, not {milliseconds}",
                cost.milliseconds
            );
            assert!(
                is_near(cost.writes, writes, 0.02),
                "{label}: {} writes, not {writes}",
                cost.writes
            );
        }
    }
}

/// Brooker's conclusions: without any delay the work is done first, and there is most of it; without
/// jitter it takes 13 times as long as with full jitter, and with jitter there are half of the writes
/// or fewer.
#[test]
fn jitter_halves_the_work_and_no_delay_is_fastest() {
    let none = mean(100, None);
    let expo = mean(100, Some(Jitter::None));
    let decorrelated = mean(100, Some(Jitter::Decorrelated));
    let full = mean(100, Some(Jitter::Full));
    assert!(none.writes > expo.writes && expo.writes > decorrelated.writes);
    assert!(decorrelated.writes > full.writes);
    assert!(none.milliseconds < full.milliseconds / 2.0);
    assert_near(expo.milliseconds / full.milliseconds, 13.0, 1.5);
    assert_near(expo.writes / full.writes, 2.3, 0.1);
    assert_near(none.writes / full.writes, 3.0, 0.1);
}
