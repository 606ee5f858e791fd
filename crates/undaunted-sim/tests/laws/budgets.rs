//! Budgets: the shipped one, and those of other libraries.

use std::time::Duration;

use undaunted::{RetryBudget, Verdict};
use undaunted_sim::{
    Arrivals, Budget, Clients, Effect, Fault, Latency, PeerBudget, Policy, RateLimit, Scenario,
    Service,
};

use crate::support::{amplification, assert_near, immediate, sequence};

/// Two retries, as the AWS SDKs have by default, and a budget.
fn two_retries(budget: Budget) -> Policy {
    Policy::new("two", immediate(2)).with_budget(budget)
}

const NO_REFILL: Budget = Budget::Shipped {
    capacity: 500,
    per_second: 0,
};

const fn aws(cost: f64) -> Budget {
    Budget::Peer(PeerBudget::Aws {
        capacity: 500.0,
        cost,
    })
}

const GRPC: Budget = Budget::Peer(PeerBudget::Grpc {
    most: 10.0,
    ratio: 0.1,
});

/// AWS: a full bucket of 500 allows `floor(500 / cost)` retries in a total outage: 100 where the
/// service throttles, 50 of timeouts before 2026, 35 of transient failures since. The shipped
/// budget has no cost of its own for timeouts.
#[test]
fn an_outage_is_met_with_100_50_or_35_retries() {
    for (budget, retries) in [
        (NO_REFILL, 35),
        (aws(14.0), 35),
        (aws(10.0), 50),
        (aws(5.0), 100),
    ] {
        let outcome = sequence(10_000, 1.0, &two_retries(budget));
        assert_eq!(outcome.totals.retries, retries, "{budget:?}");
    }
    let throttling = Scenario {
        service: Service {
            rate_limit: Some(RateLimit {
                per_second: 0.0,
                burst: 0.0,
            }),
            ..Service::default()
        },
        ..Scenario::default()
    };
    assert_eq!(throttling.run(&two_retries(NO_REFILL)).totals.retries, 100);
}

/// The shipped budget refills by a token a second, unlike that of AWS: one retry each 14 s more.
#[test]
fn the_shipped_budget_adds_a_retry_each_14_seconds() {
    let hour = Duration::from_secs(3600);
    let outage = Scenario {
        clients: Clients {
            arrivals: Arrivals::Open {
                per_second: 100.0,
                is_random: false,
            },
            processes: 1,
        },
        faults: vec![Fault::new(Effect::Outage, Duration::ZERO, hour)],
        duration: hour,
        ..Scenario::default()
    };
    let retries = outage.run(&two_retries(Budget::SHIPPED)).totals.retries;
    assert_near(retries as f64, (500.0 + 3600.0) / 14.0, 1.0);
}

/// AWS, closed form: with failures of probability `p` and 3 attempts, a call makes
/// `min((1 - p^3) / (1 - p), 1 + (1 - p) / (p c))` requests. The knee is where `c p^2 (1 + p) = 1 - p`:
/// 0.3207 for a cost of 5, and 0.2149 for one of 14, with 1.424 and 1.261 requests, never 3.
#[test]
fn amplification_has_its_knee_at_0_32_and_0_21() {
    for (verdict, cost, knee, most) in [
        (Verdict::THROTTLED, 5.0, 0.3207, 1.424),
        (Verdict::TRANSIENT, 14.0, 0.2149, 1.261),
    ] {
        let measure = |p| {
            let budget = RetryBudget::with_capacity_and_refill(500, 0);
            amplification(400_000, p, verdict, &immediate(2), &budget)
        };
        let expected = |p: f64| ((1.0 - p.powi(3)) / (1.0 - p)).min(1.0 + (1.0 - p) / (p * cost));
        for p in [0.1, knee - 0.03, knee + 0.03, 0.5, 0.9] {
            // The full bucket at the beginning adds up to 100 retries in 400,000 calls.
            assert_near(measure(p), expected(p), 0.004);
        }
        // At the knee itself the bucket is empty now and then, by chance.
        assert_near(measure(knee), most, 0.01);
        assert!(measure(knee - 0.05) < most && measure(knee + 0.05) < most);
    }
}

/// AWS, closed form: 1.200 at a cost of 5 and 1.0714 at 14, where half of the attempts fail.
#[test]
fn half_of_the_attempts_failing_costs_7_percent() {
    for (budget, expected) in [(aws(5.0), 1.2), (aws(14.0), 1.0714), (NO_REFILL, 1.0714)] {
        let totals = sequence(400_000, 0.5, &two_retries(budget)).totals;
        assert_near(totals.amplification(), expected, 0.003);
    }
}

/// A6 with 10 tokens and 0.1, closed form: the knee is `ratio / (1 + ratio)` = 0.0909. Below it there
/// are all retries, above it nearly none; an outage is met with 4, and after a long one the first
/// retry comes when there are more than half of the tokens, after 51 successes.
#[test]
fn grpc_retries_below_a_failure_rate_of_9_percent_only() {
    let four = Policy::new("grpc", immediate(4)).with_budget(GRPC);
    for (p, expected, tolerance) in [(0.05, 1.052, 0.003), (0.2, 1.0, 0.004), (0.5, 1.0, 0.001)] {
        let totals = sequence(400_000, p, &four).totals;
        assert_near(totals.amplification(), expected, tolerance);
    }
    assert_eq!(sequence(10_000, 1.0, &four).totals.retries, 4);
    let retries_at = |p: f64| sequence(400_000, p, &four).totals.retries as f64 / (400_000.0 * p);
    // The share of the failed calls that is retried falls at the knee.
    assert!(retries_at(0.06) > 0.95 && retries_at(0.13) < 0.35);
}

/// A6: 50 successes bring an empty bucket of 10 to half, and one more above it. The failure that is
/// to be retried takes a token first, so it is 61 before it.
#[test]
fn grpc_needs_61_successes_after_an_outage() {
    // 1,000 calls fail, then the service is back for a number of calls, then one fails.
    let retries = |successes: u64| {
        let (from, lasts) = (
            Duration::from_millis(1000 + successes),
            Duration::from_millis(100),
        );
        let scenario = Scenario {
            clients: Clients {
                arrivals: Arrivals::Open {
                    per_second: 1000.0,
                    is_random: false,
                },
                processes: 1,
            },
            faults: vec![
                Fault::new(
                    Effect::Outage,
                    Duration::ZERO,
                    Duration::from_micros(1_000_500),
                ),
                Fault::new(Effect::Outage, from + Duration::from_micros(500), lasts),
            ],
            duration: from + lasts,
            ..Scenario::default()
        };
        let policy = Policy::new("grpc", immediate(1)).with_budget(GRPC);
        scenario.run(&policy).totals.retries
    };
    // Two calls with one retry each leave 6 tokens, and the third failure half of them.
    assert_eq!((retries(60), retries(61)), (2, 3));
}

/// Finagle's defaults, from its source: in a long outage of `n` requests a second
/// `1 + 0.2 + 10 / n` requests a call. Budgets that successes pay for go down to 1.
#[test]
fn a_budget_of_requests_stays_at_120_percent_in_an_outage() {
    let finagle = Budget::Peer(PeerBudget::Window {
        share: 0.2,
        per_second: 10.0,
        ttl: Duration::from_secs(10),
    });
    let outage = |per_second: f64, budget| {
        let scenario = Scenario {
            clients: Clients {
                arrivals: Arrivals::open(per_second),
                processes: 1,
            },
            faults: vec![Fault::new(
                Effect::Outage,
                Duration::ZERO,
                Duration::from_secs(1200),
            )],
            duration: Duration::from_secs(1200),
            ..Scenario::default()
        };
        scenario.run(&Policy::new("b", immediate(3)).with_budget(budget))
    };
    let late = |per_second, budget| {
        let outcome = outage(per_second, budget);
        let (from, until) = (Duration::from_secs(600), Duration::from_secs(1200));
        outcome.rate(from, until, |tick| tick.requests)
            / outcome.rate(from, until, |tick| tick.calls)
    };
    assert_near(late(1000.0, finagle), 1.21, 0.005);
    // The floor doubles the load of a small client.
    assert_near(late(10.0, finagle), 2.2, 0.03);
    for budget in [NO_REFILL, aws(14.0), GRPC] {
        assert_near(late(1000.0, budget), 1.0, 1e-9);
    }
    assert_near(late(1000.0, Budget::SHIPPED), 1.0, 0.001);
    // Burst: credits of 10 s, `ttl (0.2 n + 10)`. The outage begins with the first request, so that
    // the first second has only its own share and the floor.
    let first = outage(1000.0, finagle).rate(Duration::ZERO, Duration::from_secs(10), |tick| {
        tick.requests - tick.calls
    });
    assert_near(first * 10.0, 2100.0, 60.0);
}

/// Envoy and failsafe-go, closed form: where 20 % of the requests in flight may be retries, retries
/// counted in, an outage of slow failures has `1 / (1 - 0.2)` = 1.25 requests a call.
#[test]
fn a_share_of_concurrency_allows_25_percent() {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::open(1000.0),
            processes: 1,
        },
        service: Service {
            latency: Latency::constant(Duration::from_secs(1)),
            ..Service::default()
        },
        faults: vec![Fault::new(
            Effect::Outage,
            Duration::ZERO,
            Duration::from_secs(300),
        )],
        duration: Duration::from_secs(300),
        ..Scenario::default()
    };
    let budget = Budget::Peer(PeerBudget::Concurrency {
        share: 0.2,
        least: 3,
    });
    let outcome = scenario.run(&Policy::new("envoy", immediate(3)).with_budget(budget));
    let (from, until) = (Duration::from_secs(100), Duration::from_secs(300));
    let requests = outcome.rate(from, until, |tick| tick.requests);
    assert_near(
        requests / outcome.rate(from, until, |tick| tick.calls),
        1.25,
        0.01,
    );
}

/// Brooker's adaptive bucket with a credit of 0.1, closed form: paid for by successes,
/// `R = b (1 - p) / (1 - b (1 - p))` retries a call. His code pays when a call begins, and so has 0.1
/// whatever `p`.
#[test]
fn brookers_text_and_brookers_code_are_two_budgets() {
    let budget = |at_start| {
        Budget::Peer(PeerBudget::PerCall {
            credit: 0.1,
            at_start,
            capacity: 10.0,
        })
    };
    for (p, at_start, expected) in [
        (0.5, false, 1.0526),
        (0.9, false, 1.0101),
        (0.5, true, 1.1),
        (0.9, true, 1.1),
    ] {
        let policy = Policy::new("brooker", immediate(3)).with_budget(budget(at_start));
        let totals = sequence(400_000, p, &policy).totals;
        assert_near(totals.amplification(), expected, 0.001);
    }
}
