//! The simulation itself: what it counts, that it is the same each time, and that calls in it do what
//! the shipped drivers do.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::time::Duration;

use undaunted::{Hedge, Jitter, RetryConfig, StorageError, StorageErrorKind, blocking};
use undaunted_sim::{
    Arrivals, Budget, Clients, Effect, Expired, Fault, Latency, Policy, RateLimit, Scenario,
    Service, Tick,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn eventful() -> Scenario {
    Scenario {
        clients: Clients {
            arrivals: Arrivals::open(300.0),
            processes: 7,
        },
        service: Service {
            capacity: Some(400.0),
            longest_queue: Some(seconds(2)),
            expired: Expired::DroppedIfExpired,
            rate_limit: Some(RateLimit {
                per_second: 350.0,
                burst: 50.0,
            }),
            error_rate: 0.01,
            latency: Latency::LogNormal {
                median: Duration::from_millis(20),
                sigma: 0.7,
            },
            retry_after: Some(seconds(1)),
        },
        faults: vec![
            Fault::new(Effect::Outage, seconds(10), seconds(3)),
            Fault::new(Effect::BrownOut(0.5), seconds(20), seconds(10)),
            Fault::new(Effect::Hang, seconds(40), seconds(1)),
            Fault::new(Effect::Surge(2.0), seconds(45), seconds(5)),
            Fault::new(Effect::Slow(10.0), seconds(50), seconds(2)),
        ],
        duration: seconds(60),
        ..Scenario::default()
    }
}

fn everything() -> Policy {
    let config = RetryConfig::storage().to_builder();
    let config = config.attempt_timeout(Some(seconds(2))).build().unwrap();
    Policy {
        hedge: Some(Hedge::default()),
        ..Policy::store("store", config)
    }
}

#[test]
fn a_seed_gives_the_same_outcome_and_another_does_not() {
    let scenario = eventful();
    let first = scenario.run(&everything());
    assert_eq!(first, scenario.run(&everything()));
    let other = Scenario {
        seed: 2,
        ..scenario
    };
    assert_ne!(first, other.run(&everything()));
}

#[test]
fn policies_meet_the_same_arrivals() {
    let scenario = eventful();
    let calls = |policy: &Policy| {
        let outcome = scenario.run(policy);
        let ticks = outcome.ticks.iter().map(|tick| tick.calls);
        ticks.collect::<Vec<u64>>()
    };
    assert_eq!(
        calls(&everything()),
        calls(&Policy::new("default", RetryConfig::default()))
    );
}

#[test]
fn every_call_and_request_is_counted_once() {
    for policy in [
        everything(),
        Policy::new("default", RetryConfig::default()),
        Policy::new("budget", RetryConfig::storage()).with_budget(Budget::SHIPPED),
    ] {
        let outcome = eventful().run(&policy);
        let totals = outcome.totals;
        let sum = |count: fn(&Tick) -> u64| outcome.ticks.iter().map(count).sum::<u64>();
        assert_eq!(totals.calls, sum(|tick| tick.calls));
        assert_eq!(totals.requests, sum(|tick| tick.requests));
        assert_eq!(totals.succeeded, sum(|tick| tick.succeeded));
        assert_eq!(totals.lost, sum(|tick| tick.lost));
        // A call that waits for its turn has sent nothing yet.
        let first = totals.requests - totals.retries - totals.hedges;
        assert!(first <= totals.calls && totals.calls - first <= totals.unfinished());
    }
}

/// The times at which a call begins its attempts, driven by the shipped blocking driver with a clock
/// of our own, and by the simulation.
#[test]
fn a_call_waits_as_with_the_shipped_driver() {
    let config = RetryConfig::builder()
        .max_retries(5)
        .jitter(Jitter::None)
        .base_delay(Duration::from_millis(300))
        .max_delay(seconds(2))
        .build()
        .unwrap();
    let slept = RefCell::new(Vec::new());
    let failing = || Err::<(), _>(StorageError::new(StorageErrorKind::Connection));
    let result = blocking::Retry::new(|_| failing())
        .config(&config)
        .sleep_with(|delay| slept.borrow_mut().push(delay))
        .run();
    assert!(result.is_err());
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::together(1),
            processes: 1,
        },
        faults: vec![Fault::new(Effect::Outage, Duration::ZERO, seconds(60))],
        duration: seconds(20),
        step: Some(Duration::from_millis(100)),
        ..Scenario::default()
    };
    let outcome = scenario.run(&Policy::new("one", config));
    let mut expected = vec![Duration::ZERO];
    for delay in slept.borrow().iter() {
        expected.push(*expected.last().unwrap() + *delay);
    }
    let ticks = outcome.ticks.iter().enumerate();
    let attempts: Vec<Duration> = ticks
        .filter(|(_, tick)| tick.requests == 1)
        .map(|(index, _)| Duration::from_millis(100) * u32::try_from(index).unwrap())
        .collect();
    assert_eq!(attempts, expected);
    assert_eq!(outcome.totals.lost, 1);
}

#[test]
fn a_service_catches_up_after_a_stall() {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::Open {
                per_second: 100.0,
                is_random: false,
            },
            processes: 1,
        },
        service: Service {
            capacity: Some(200.0),
            ..Service::default()
        },
        faults: vec![Fault::new(Effect::Stall, seconds(10), seconds(5))],
        duration: seconds(30),
        step: Some(seconds(1)),
        ..Scenario::default()
    };
    let none = RetryConfig::builder().max_retries(0).build().unwrap();
    let outcome = scenario.run(&Policy::new("none", none));
    let queue: Vec<f64> = outcome.ticks.iter().map(|tick| tick.queue).collect();
    // 500 wait at the end of the stall, and are worked off at 100 a second more than arrive.
    assert!((queue[14] - 2.5).abs() < 0.02, "{queue:?}");
    assert!(
        (queue[17] - 1.0).abs() < 0.02 && queue[20] < 0.01,
        "{queue:?}"
    );
    assert_eq!(outcome.totals.lost, 0);
    assert!(
        (outcome.latency.max - 5.0).abs() < 0.05,
        "{:?}",
        outcome.latency
    );
}

/// The pacer of the core: a crowd on a service that throttles is served, at its rate, without a loss.
#[test]
fn a_paced_crowd_is_served_at_the_services_rate() {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::together(1000),
            processes: 1,
        },
        service: Service {
            rate_limit: Some(RateLimit {
                per_second: 100.0,
                burst: 100.0,
            }),
            latency: Latency::constant(Duration::from_millis(20)),
            ..Service::default()
        },
        duration: seconds(60),
        ..Scenario::default()
    };
    let outcome = scenario.run(&Policy::store("store", RetryConfig::storage()));
    assert_eq!(outcome.totals.succeeded, 1000);
    assert!(outcome.totals.requests < 2100, "{:?}", outcome.totals);
    assert!(outcome.latency.max < 15.0, "{:?}", outcome.latency);
    assert!(outcome.ticks.iter().any(|tick| tick.pace.is_some()));
    let alone = scenario.run(&Policy::new("unpaced", RetryConfig::storage()));
    assert!(alone.totals.requests > 2100, "{:?}", alone.totals);
}

#[test]
fn a_call_that_hangs_is_cut_or_never_ends() {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::together(10),
            processes: 1,
        },
        faults: vec![Fault::new(Effect::Hang, Duration::ZERO, seconds(10))],
        duration: seconds(60),
        ..Scenario::default()
    };
    let endless = scenario.run(&Policy::new(
        "endless",
        RetryConfig::storage()
            .to_builder()
            .total_timeout(None)
            .build()
            .unwrap(),
    ));
    assert_eq!(endless.totals.unfinished(), 10);
    assert_eq!(endless.totals.overdue, 10);
    assert!((endless.totals.lost_share() - 1.0).abs() < 1e-9);
    let policy = everything().with_budget(Budget::None);
    let cut = scenario.run(&policy).totals;
    assert_eq!((cut.succeeded, cut.unfinished(), cut.overdue), (10, 0, 0));
    assert!(cut.timed_out >= 20, "{cut:?}");
}

fn arriving(per_second: f64, service: Service, faults: Vec<Fault>) -> Scenario {
    Scenario {
        clients: Clients {
            arrivals: Arrivals::open(per_second),
            processes: 1,
        },
        service,
        faults,
        duration: seconds(300),
        ..Scenario::default()
    }
}

fn never_retries() -> Policy {
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    Policy::new("never retries", config)
}

#[test]
fn calls_without_a_result_count_as_lost_if_they_should_have_one() {
    let share = |per_second, service| {
        let outcome = arriving(per_second, service, Vec::new()).run(&never_retries());
        let totals = outcome.totals;
        totals.lost_share()
    };
    let with_capacity = |capacity| Service {
        capacity: Some(capacity),
        ..Service::default()
    };
    // One in 100 can be worked off, and half of them.
    assert!(share(10.0, with_capacity(0.1)) > 0.9);
    assert!(share(10.0, with_capacity(5.0)) > 0.2);
    // Those that are under way at the end are no loss.
    let slow = |latency| Service {
        latency,
        ..Service::default()
    };
    let second = seconds(1);
    for latency in [
        Latency::constant(second),
        Latency::Exponential(second),
        Latency::constant(Duration::from_millis(20)),
    ] {
        for per_second in [0.5, 10.0, 200.0] {
            let overdue = share(per_second, slow(latency));
            assert!(overdue <= 0.0, "{latency:?} {per_second}: {overdue}");
        }
    }
}

/// Nothing retries and nothing queues, so that nothing has to recover, however few the calls are.
#[test]
fn the_chance_of_few_calls_delays_no_recovery() {
    for latency in [Duration::ZERO, Duration::from_millis(50)] {
        let service = Service {
            latency: Latency::constant(latency),
            ..Service::default()
        };
        for (from, per_second) in [
            (60, 1.0),
            (60, 2.0),
            (60, 5.0),
            (60, 50.0),
            (0, 5.0),
            (0, 50.0),
        ] {
            let outage = Fault::new(Effect::Outage, seconds(from), seconds(10));
            for seed in 1..=12 {
                let scenario = Scenario {
                    seed,
                    ..arriving(per_second, service.clone(), vec![outage])
                };
                let recovery = scenario.run(&never_retries()).recovery;
                assert_eq!(
                    recovery,
                    Some(0.0),
                    "{latency:?} {per_second} {from} {seed}"
                );
            }
        }
    }
}

#[test]
fn values_without_sense_neither_hang_nor_panic() {
    let policy = || {
        Policy::new(
            "immediate",
            RetryConfig::builder()
                .base_delay(Duration::ZERO)
                .build()
                .unwrap(),
        )
    };
    for value in [-1.0, 0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE] {
        for effect in [
            Effect::BrownOut(value),
            Effect::Errors(value),
            Effect::Slow(value),
            Effect::Surge(value),
        ] {
            let scenario = Scenario {
                clients: Clients {
                    arrivals: Arrivals::open(value),
                    processes: 0,
                },
                service: Service {
                    capacity: Some(value),
                    rate_limit: Some(RateLimit {
                        per_second: value,
                        burst: value,
                    }),
                    error_rate: value,
                    latency: Latency::LogNormal {
                        median: seconds(1),
                        sigma: value,
                    },
                    ..Service::default()
                },
                faults: vec![Fault::new(effect, Duration::ZERO, Duration::MAX)],
                duration: Duration::from_micros(10),
                ..Scenario::default()
            };
            let _ = scenario.run(&policy());
            let closed = Scenario {
                clients: Clients {
                    arrivals: Arrivals::Closed {
                        clients: 3,
                        think: Latency::ZERO,
                        calls: None,
                    },
                    processes: 2,
                },
                ..scenario
            };
            let _ = closed.run(&policy());
        }
    }
}
