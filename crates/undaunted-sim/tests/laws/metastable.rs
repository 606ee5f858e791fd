//! Overload that keeps itself going.

use std::time::Duration;

use undaunted::{Jitter, RetryConfig};
use undaunted_sim::{
    Arrivals, Budget, Clients, Effect, Expired, Fault, Latency, Outcome, PeerBudget, Policy,
    Scenario, Service,
};

use crate::support::assert_near;

/// Requests a second that the service works off.
const CAPACITY: f64 = 200.0;

/// Attempts of at most a second.
fn policy(retries: u32, base: f64, jitter: Jitter) -> Policy {
    let config = RetryConfig::builder()
        .max_retries(retries)
        .base_delay(Duration::from_secs_f64(base))
        .jitter(jitter)
        .attempt_timeout(Some(Duration::from_secs(1)))
        .build()
        .unwrap();
    Policy::new("p", config)
}

fn stalled(rho: f64, stall: f64, seed: u64) -> Scenario {
    Scenario {
        clients: Clients {
            arrivals: Arrivals::open(rho * CAPACITY),
            processes: 1,
        },
        service: Service {
            capacity: Some(CAPACITY),
            ..Service::default()
        },
        faults: vec![Fault::new(
            Effect::Stall,
            Duration::from_secs(20),
            Duration::from_secs_f64(stall),
        )],
        duration: Duration::from_secs(200),
        step: Some(Duration::from_secs(1)),
        seed,
    }
}

/// Successes a second at the end.
fn late_goodput(outcome: &Outcome) -> f64 {
    outcome.goodput(Duration::from_secs(150), Duration::from_secs(200))
}

const UTILIZATIONS: [f64; 4] = [0.3, 0.5, 0.7, 0.85];

/// Closed form, with the model of *Metastable failures in distributed systems* (HotOS'21): a service
/// that was overloaded once stays so if, and only if, `(1 + r) rho > 1`. Its hidden capacity is a half,
/// a third and a quarter with 1, 2 and 3 retries.
#[test]
fn a_service_is_vulnerable_iff_its_retries_can_overload_it() {
    for (retries, rho) in [
        (1, 0.46),
        (1, 0.56),
        (2, 0.293),
        (2, 0.393),
        (3, 0.21),
        (3, 0.31),
    ] {
        let is_vulnerable = f64::from(1 + retries) * rho > 1.0;
        for seed in 1..=3 {
            let outcome = stalled(rho, 8.0, seed).run(&policy(retries, 0.1, Jitter::Full));
            let recovers = outcome.recovery.is_some();
            assert_eq!(
                recovers, !is_vulnerable,
                "{retries} retries, {rho}, seed {seed}"
            );
            // Stuck means that nothing at all arrives in time.
            assert!(recovers || late_goodput(&outcome) < 0.01);
        }
    }
}

/// Brooker, *Backoff is not a substitute for a good retry policy*: with 3 retries, and whatever delay
/// and jitter, the load is 4 times that of the calls for ever.
#[test]
fn neither_backoff_nor_jitter_cures_it() {
    for rho in UTILIZATIONS {
        for (base, jitter) in [
            (0.0, Jitter::None),
            (1.0, Jitter::None),
            (1.0, Jitter::Proportional(0.25)),
            (1.0, Jitter::Full),
            (1.0, Jitter::Decorrelated),
        ] {
            let outcome = stalled(rho, 5.0, 1).run(&policy(3, base, jitter));
            assert!(late_goodput(&outcome) < 0.01, "{rho} {jitter:?}");
            let (from, until) = (Duration::from_secs(100), Duration::from_secs(190));
            let load = outcome.rate(from, until, |tick| tick.requests);
            let calls = outcome.rate(from, until, |tick| tick.calls);
            assert_near(load / calls, 4.0, 0.06);
        }
    }
}

/// Closed form: without retries successes return when the wait is below the timeout, after
/// `(lambda d - mu tau) / (mu - lambda)`. With a budget it takes little longer.
#[test]
fn a_budget_cures_it() {
    for rho in UTILIZATIONS {
        let lambda = rho * CAPACITY;
        let expected = (lambda * 5.0 - CAPACITY) / (CAPACITY - lambda);
        let full = || policy(3, 1.0, Jitter::Full);
        let ten_percent = Budget::Peer(PeerBudget::PerCall {
            credit: 0.1,
            at_start: false,
            capacity: 10.0,
        });
        let aws = Budget::Peer(PeerBudget::Aws {
            capacity: 500.0,
            cost: 5.0,
        });
        for (policy, later) in [
            (policy(0, 1.0, Jitter::Full), 1.5),
            (full().with_budget(Budget::SHIPPED), 5.0),
            (full().with_budget(ten_percent), 5.0),
            (full().with_budget(aws), 14.0),
        ] {
            let recovery = stalled(rho, 5.0, 1).run(&policy).recovery.unwrap();
            let range = expected - 1.5..=expected + later;
            assert!(
                range.contains(&recovery),
                "{rho} {:?}: {recovery}",
                policy.budget
            );
        }
    }
}

/// Closed form: attempts of 1 s within 2 s are two, so a deadline moves the threshold to a half, and
/// does not remove it.
#[test]
fn a_deadline_moves_the_threshold() {
    let mut deadline = policy(3, 0.0, Jitter::None);
    let builder = deadline.config.to_builder();
    deadline.config = builder
        .total_timeout(Some(Duration::from_secs(2)))
        .build()
        .unwrap();
    assert!(stalled(0.3, 5.0, 1).run(&deadline).recovery.is_some());
    for rho in [0.55, 0.7, 0.85] {
        assert!(
            late_goodput(&stalled(rho, 5.0, 1).run(&deadline)) < 0.01,
            "{rho}"
        );
    }
}

/// Simulated before: a service whose queue holds half a second recovers immediately, and so does one that
/// drops what it cannot finish in time. One that drops what has expired when its turn comes does not:
/// its queue stays at just the timeout.
#[test]
fn a_short_queue_cures_it_and_dropping_the_expired_does_not() {
    for rho in UTILIZATIONS {
        let run = |longest_queue, expired| {
            let mut scenario = stalled(rho, 5.0, 1);
            scenario.service.longest_queue = longest_queue;
            scenario.service.expired = expired;
            scenario.run(&policy(3, 1.0, Jitter::Full))
        };
        let bounded = run(Some(Duration::from_millis(500)), Expired::Executed);
        assert!(bounded.recovery.unwrap() <= 1.0);
        assert!(run(None, Expired::DroppedIfLate).recovery.unwrap() <= 1.0);
        let expired = run(None, Expired::DroppedIfExpired);
        if rho >= 0.7 {
            let share = late_goodput(&expired) / (rho * CAPACITY);
            assert!((0.02..=0.13).contains(&share), "{rho}: {share}");
        }
    }
}

/// Simulated before: the SRE book's throttle with K = 2 and a window of 30 s recovers, but slowly: 50 s
/// at 0.3 and 110 s at 0.5.
#[test]
fn a_client_side_throttle_cures_it_slowly() {
    let throttle = Budget::Peer(PeerBudget::AdaptiveThrottle {
        k: 2.0,
        window: Duration::from_secs(30),
        counts_rejected: true,
    });
    let recovery = |rho| {
        let policy = policy(3, 1.0, Jitter::Full).with_budget(throttle);
        stalled(rho, 5.0, 1).run(&policy).recovery
    };
    assert_near(recovery(0.3).unwrap(), 50.0, 10.0);
    assert_near(recovery(0.5).unwrap(), 110.0, 20.0);
    assert_eq!(recovery(0.7), None);
}

/// Simulated before, by phase diagram: the higher the load, the shorter the stall that is enough.
#[test]
fn the_trigger_is_smaller_at_a_higher_load() {
    let stalls = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];
    let needed = |rho: f64| {
        let policy = policy(3, 0.0, Jitter::None);
        let is_enough = |stall: &f64| stalled(rho, *stall, 1).run(&policy).recovery.is_none();
        stalls.into_iter().find(is_enough).unwrap()
    };
    for (rho, expected) in [
        (0.26, 3.0..=5.0),
        (0.4, 2.0..=3.0),
        (0.5, 1.5..=2.0),
        (0.9, 1.0..=1.5),
    ] {
        let needed = needed(rho);
        assert!(expected.contains(&needed), "{rho}: {needed}");
    }
}

/// Clients that wait for their own calls send less when these take long: among them backoff does
/// relieve a service. A simulator without open arrivals would prove that it cures overload.
#[test]
fn backoff_relieves_a_service_of_clients_that_wait() {
    let load = |arrivals, base: f64| {
        let mut scenario = stalled(0.5, 5.0, 1);
        scenario.clients.arrivals = arrivals;
        let outcome = scenario.run(&policy(3, base, Jitter::None));
        let (from, until) = (Duration::from_secs(100), Duration::from_secs(190));
        outcome.rate(from, until, |tick| tick.requests)
    };
    let closed = Arrivals::Closed {
        clients: 400,
        think: Latency::Exponential(Duration::from_secs(4)),
        calls: None,
    };
    // They keep the service busy without a delay, and half as busy with 4, 8 and 16 s.
    assert_near(load(closed, 0.0), CAPACITY, 5.0);
    assert!(load(closed, 4.0) < 0.55 * CAPACITY);
    for base in [0.0, 4.0] {
        assert_near(load(Arrivals::open(100.0), base), 400.0, 12.0);
    }
}
