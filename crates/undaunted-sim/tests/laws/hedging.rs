//! Hedges: "The tail at scale".

use std::time::Duration;

use undaunted::{Hedge, HedgeAfter};
use undaunted_sim::{
    Arrivals, Clients, Effect, Fault, Latency, Outcome, Policy, Scenario, Service,
};

use crate::support::{assert_near, immediate, mean};

fn hedged(after: HedgeAfter, most: f64) -> Policy {
    Policy {
        hedge: Some(Hedge::new(after, most).unwrap()),
        ..Policy::new("hedged", immediate(0))
    }
}

fn run(latency: Latency, slowness: f64, policy: &Policy) -> Outcome {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::open(5000.0),
            processes: 1,
        },
        service: Service {
            latency,
            ..Service::default()
        },
        faults: vec![Fault::new(
            Effect::Slow(slowness),
            Duration::ZERO,
            Duration::from_secs(1000),
        )],
        duration: Duration::from_secs(200),
        ..Scenario::default()
    };
    scenario.run(policy)
}

fn load(outcome: &Outcome) -> f64 {
    outcome.totals.hedges as f64 / outcome.totals.calls as f64
}

const EXPONENTIAL: Latency = Latency::Exponential(Duration::from_secs(1));
const LOG_NORMAL: Latency = Latency::LogNormal {
    median: Duration::from_millis(20),
    sigma: 1.0,
};

/// Closed form: one hedge after `d`, independent: `S(t) S(t - d)` of the calls take longer than `t`.
/// Exponential latencies of mean 1 with `d` at the 95th percentile: 5 % more requests, the 99th from
/// 4.605 to 3.800, and the 99.9th from 6.908 to 4.952.
#[test]
fn a_hedge_at_the_95th_percentile_shortens_the_tail() {
    let plain = run(EXPONENTIAL, 1.0, &Policy::new("plain", immediate(0)));
    assert_near(plain.latency.p99, 4.605, 0.03);
    assert_near(plain.latency.p999, 6.908, 0.1);
    let at = HedgeAfter::Fixed(Duration::from_secs_f64(20.0_f64.ln()));
    let outcome = run(EXPONENTIAL, 1.0, &hedged(at, 1.0));
    assert_near(load(&outcome), 0.05, 0.001);
    assert_near(outcome.latency.p99, 3.800, 0.02);
    assert_near(outcome.latency.p999, 4.952, 0.05);
}

/// The same with the delay as it ships, which follows the latencies. With the allowance as it ships, of
/// exactly as many hedges as are wanted, some are refused by chance: if it is one in twenty, of those
/// that take longer than `t` there are `S(t) (0.95 S(t - d) + 0.05)`, which gives 3.832 and 5.107.
#[test]
fn hedges_as_they_ship_keep_the_law() {
    let quantile = HedgeAfter::Quantile(0.95);
    let free = run(EXPONENTIAL, 1.0, &hedged(quantile, 1.0));
    // At the very first only the quick ones have been answered, and without an allowance many are hedged.
    assert_near(load(&free), 0.05, 0.005);
    assert_near(free.latency.p99, 3.800, 0.02);
    assert_near(free.latency.p999, 4.952, 0.05);
    let shipped = Policy {
        hedge: Some(Hedge::default()),
        // A thousand of them take a second each, and none is to wait.
        max_in_flight: None,
        ..Policy::store("shipped", immediate(0))
    };
    let outcome = run(EXPONENTIAL, 1.0, &shipped);
    assert!(load(&outcome) < 0.05, "{}", load(&outcome));
    assert_near(outcome.latency.p99, 3.832, 0.06);
    assert_near(outcome.latency.p999, 5.107, 0.4);
}

/// The same for latencies as services have them, simulated before: 204 to 133 ms, 427 to 187 ms.
/// Here the delay is a live quantile.
#[test]
fn a_live_quantile_does_as_well() {
    let plain = run(LOG_NORMAL, 1.0, &Policy::new("plain", immediate(0)));
    assert_near(plain.latency.p99, 0.2048, 0.003);
    assert_near(plain.latency.p999, 0.4396, 0.015);
    let outcome = run(LOG_NORMAL, 1.0, &hedged(HedgeAfter::Quantile(0.95), 1.0));
    assert_near(load(&outcome), 0.05, 0.004);
    assert_near(outcome.latency.p99, 0.133, 0.003);
    assert_near(outcome.latency.p999, 0.187, 0.006);
}

/// Closed form: with a fixed delay a service that is 2 or 5 times slower gets 17 % or 49 % more
/// requests when it can bear them least. A live quantile keeps to 5 %, and so does an allowance; where
/// half of the requests are overdue, it is the service that is slow, and with an allowance nothing is
/// hedged at all.
#[test]
fn a_fixed_delay_is_a_load_when_a_service_slows_down() {
    let at = HedgeAfter::Fixed(Duration::from_micros(103_600));
    for (slowness, fixed, allowed) in [(2.0, 0.171, 0.05), (5.0, 0.486, 0.0)] {
        assert_near(
            load(&run(LOG_NORMAL, slowness, &hedged(at, 1.0))),
            fixed,
            0.003,
        );
        let live = hedged(HedgeAfter::Quantile(0.95), 1.0);
        assert_near(load(&run(LOG_NORMAL, slowness, &live)), 0.05, 0.004);
        assert_near(
            load(&run(LOG_NORMAL, slowness, &hedged(at, 0.05))),
            allowed,
            0.001,
        );
    }
}

/// Tail: of 100 leaves that are slow in one of 100 cases, one is slow in 63 % of the cases
/// (`1 - 0.99^100`). With a second request to each it is 1 %.
#[test]
fn a_fan_out_meets_the_tail_of_its_leaves() {
    let is_slow = |policy: &Policy| {
        let slow = (0..3000).map(|seed| {
            let scenario = Scenario {
                clients: Clients {
                    arrivals: Arrivals::together(100),
                    processes: 1,
                },
                service: Service {
                    latency: EXPONENTIAL,
                    ..Service::default()
                },
                duration: Duration::from_secs(100),
                seed,
                ..Scenario::default()
            };
            // Slow: above the 99th percentile of a leaf.
            f64::from(u8::from(scenario.run(policy).latency.max > 100.0_f64.ln()))
        });
        mean(slow)
    };
    assert_near(is_slow(&Policy::new("plain", immediate(0))), 0.634, 0.03);
    let immediately = hedged(HedgeAfter::Fixed(Duration::ZERO), 1.0);
    assert_near(is_slow(&immediately), 0.01, 0.007);
}
