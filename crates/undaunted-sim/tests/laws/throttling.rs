//! The client-side throttle of the SRE book.

use std::time::Duration;

use undaunted_sim::{
    Arrivals, Budget, Clients, Effect, Fault, PeerBudget, Policy, RateLimit, Scenario, Service,
};

use crate::support::{assert_near, immediate, mean};

fn throttle(k: f64, window: u64, counts_rejected: bool) -> Policy {
    Policy::new("throttle", immediate(0)).with_budget(Budget::Peer(PeerBudget::AdaptiveThrottle {
        k,
        window: Duration::from_secs(window),
        counts_rejected,
    }))
}

fn limited(demand: f64, limit: f64, seconds: u64) -> Scenario {
    Scenario {
        clients: Clients {
            arrivals: Arrivals::Open {
                per_second: demand,
                is_random: true,
            },
            processes: 1,
        },
        service: Service {
            rate_limit: Some(RateLimit {
                per_second: limit,
                burst: limit,
            }),
            ..Service::default()
        },
        duration: Duration::from_secs(seconds),
        ..Scenario::default()
    }
}

/// SRE, closed form: with a demand above `K C`, `K C` requests a second are sent. Where rejected
/// requests do not count (failsafe-go), it is `sqrt(K C D)`, and so grows with the demand.
#[test]
fn a_throttle_sends_k_times_the_capacity() {
    for (k, counts_rejected, expected) in
        [(2.0, true, 200.0), (1.1, true, 110.0), (2.0, false, 447.2)]
    {
        let outcome = limited(1000.0, 100.0, 900).run(&throttle(k, 120, counts_rejected));
        let (from, until) = (Duration::from_secs(500), Duration::from_secs(900));
        let sent = outcome.rate(from, until, |tick| tick.requests);
        assert_near(sent / expected, 1.0, 0.015);
    }
}

/// Closed form: in a total outage about `H(n)` of `n` requests are sent, 7.49 of 1,000.
#[test]
fn an_outage_is_met_with_a_logarithm_of_requests() {
    let sent = (0..300).map(|seed| {
        let scenario = Scenario {
            faults: vec![Fault::new(
                Effect::Outage,
                Duration::ZERO,
                Duration::from_secs(100),
            )],
            duration: Duration::from_secs(1),
            seed,
            ..limited(1000.0, 1e6, 1)
        };
        scenario.run(&throttle(2.0, 120, true)).totals.requests as f64
    });
    assert_near(mean(sent), 7.49, 0.6);
}

/// Closed form: after an outage the rate grows by `e^x` each window, with `x = K (1 - e^-x)`: 4.92 for
/// `K = 2`, and 1.21 for `K = 1.1`.
#[test]
fn a_throttle_recovers_window_by_window() {
    for (k, expected, tolerance) in [(2.0, 4.92, 0.5), (1.1, 1.21, 0.05)] {
        let window = 30;
        let scenario = Scenario {
            // A service that takes 1 % of the demand for long, and then everything.
            faults: vec![Fault::new(
                Effect::BrownOut(0.005),
                Duration::ZERO,
                Duration::from_secs(120),
            )],
            duration: Duration::from_secs(if k > 1.5 { 190 } else { 300 }),
            step: Some(Duration::from_secs(1)),
            ..limited(20_000.0, 40_000.0, 1)
        };
        let outcome = scenario.run(&throttle(k, window, true));
        let rate = |from: u64| {
            let from = Duration::from_secs(from);
            outcome.rate(from, from + Duration::from_secs(3), |tick| tick.requests)
        };
        let from = if k > 1.5 { 130 } else { 180 };
        assert_near(rate(from + window) / rate(from), expected, tolerance);
    }
}
