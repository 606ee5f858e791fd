//! The window of attempts in flight of a store.

#![allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use undaunted::{Hedge, HedgeAfter, RetryConfig};
use undaunted_sim::{
    Arrivals, Clients, Effect, Fault, Latency, Outcome, Policy, RateLimit, Scenario, Service,
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// So many calls at the same moment.
fn crowd(calls: u32, processes: u32, service: Service) -> Scenario {
    let arrivals = Arrivals::Closed {
        clients: calls,
        think: Latency::ZERO,
        calls: Some(1),
    };
    Scenario {
        clients: Clients {
            arrivals,
            processes,
        },
        service,
        duration: Duration::from_secs(300),
        ..Scenario::default()
    }
}

fn taking(latency: Duration) -> Service {
    Service {
        latency: Latency::constant(latency),
        ..Service::default()
    }
}

fn store() -> Policy {
    Policy::store("store", RetryConfig::storage())
}

#[track_caller]
fn all_served(outcome: &Outcome, calls: u32) {
    let totals = &outcome.totals;
    assert_eq!(totals.succeeded, u64::from(calls), "{totals:?}");
}

/// Gets of a real store from a real server over HTTP that takes 100 requests a second, as `COMPARE.md`
/// has them: so many requests for each get, and so many seconds.
#[test]
fn a_crowd_of_a_store_is_as_it_was_measured() {
    for (calls, requests, seconds) in [
        (200, 1.43, 1.3),
        (500, 1.18, 4.1),
        (1000, 1.14, 9.1),
        (3000, 1.05, 29.2),
    ] {
        let service = Service {
            rate_limit: Some(RateLimit {
                per_second: 100.0,
                burst: 100.0,
            }),
            ..taking(MILLISECOND)
        };
        let scenario = crowd(calls, 1, service);
        let outcome = scenario.run(&store());
        all_served(&outcome, calls);
        let made = outcome.totals.requests as f64 / f64::from(calls);
        assert!((made / requests - 1.0).abs() < 0.1, "{calls}: {made}");
        let took = outcome.latency.max;
        assert!((took - seconds).abs() < 0.35, "{calls}: {took}");

        let without = Policy {
            max_in_flight: None,
            ..store()
        };
        let first_wave = f64::from(calls - 100);
        assert!(scenario.run(&without).totals.throttled as f64 >= first_wave);
    }
}

/// The last of a crowd has its response after so many round trips.
#[track_caller]
fn assert_round_trips(policy: &Policy, calls: u32, processes: u32, round_trips: u32) {
    let outcome = crowd(calls, processes, taking(30 * MILLISECOND)).run(policy);
    all_served(&outcome, calls);
    let took = outcome.latency.max / 0.03;
    assert!(
        (took - f64::from(round_trips)).abs() < 0.1,
        "{calls}: {took}"
    );
}

/// 64, 128, 256 and 512: a crowd of 1,000 waits for three round trips, and of each process for itself.
#[test]
fn it_doubles_with_each_round_trip() {
    for (calls, processes, round_trips) in [
        (64, 1, 1),
        (65, 1, 2),
        (192, 1, 2),
        (960, 1, 4),
        (961, 1, 5),
        (960, 15, 1),
    ] {
        assert_round_trips(&store(), calls, processes, round_trips);
    }
}

/// 512 at a time, without the doubling.
#[test]
fn without_a_pacer_it_is_open_from_the_start() {
    let policy = Policy {
        has_pacer: false,
        ..store()
    };
    for (calls, round_trips) in [(512, 1), (513, 2), (1025, 3)] {
        assert_round_trips(&policy, calls, 1, round_trips);
    }
}

/// A quarter of a second without an end lets one more in.
#[test]
fn attempts_that_never_end_keep_nobody_back_for_ever() {
    let policy = Policy {
        max_in_flight: Some(2),
        config: RetryConfig::default(),
        ..store()
    };
    let faults = vec![Fault::new(
        Effect::Hang,
        Duration::ZERO,
        Duration::from_secs(300),
    )];
    let scenario = Scenario {
        faults,
        duration: Duration::from_millis(1001),
        ..crowd(100, 1, Service::default())
    };
    assert_eq!(scenario.run(&policy).totals.requests, 2 + 4);
}

/// A read that others wait behind is not hedged.
#[test]
fn a_hedge_overtakes_nobody() {
    let hedge = Hedge::new(HedgeAfter::Fixed(10 * MILLISECOND), 1.0).unwrap();
    let hedges = |clients| {
        let policy = Policy {
            max_in_flight: Some(8),
            hedge: Some(hedge),
            ..store()
        };
        let outcome = crowd(clients, 1, taking(30 * MILLISECOND)).run(&policy);
        all_served(&outcome, clients);
        outcome.totals.hedges
    };
    // Room for each of the four and its hedge; and for none.
    assert_eq!(hedges(4), 4);
    assert_eq!(hedges(8), 0);
}
