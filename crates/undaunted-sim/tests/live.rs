//! A scenario in real time: the same arrivals, the same service, the same counting.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use undaunted::RetryConfig;
use undaunted_sim::{
    Arrivals, Builtin, Effect, Fault, Latency, Live, LiveResult, Policy, Scenario,
};

fn none() -> Policy {
    let config = RetryConfig::builder().max_retries(0).build().unwrap();
    Policy::new("none", config)
}

/// Calls without retries, by the hand of a client that takes no time.
fn by_hand(scenario: &Scenario) -> undaunted_sim::Outcome {
    let live = Live::new(scenario, &none());
    while let Some(at) = live.next_arrival() {
        live.call_begins(at);
        let response = live.request(at);
        let result = match response.result {
            LiveResult::Success => Ok(()),
            _ => Err(None),
        };
        live.call_ends(at, at, result);
    }
    live.finish(scenario.duration)
}

#[test]
fn what_needs_no_time_is_what_was_simulated() {
    let scenario = Scenario {
        faults: vec![Fault::new(
            Effect::Outage,
            Duration::from_secs(60),
            Duration::from_secs(20),
        )],
        ..Scenario::default()
    };
    let (measured, predicted) = (by_hand(&scenario), scenario.run(&none()));
    assert_eq!(measured.totals, predicted.totals);
    assert_eq!(measured.ticks, predicted.ticks);
    assert_eq!(measured.recovery, predicted.recovery);
}

#[test]
fn a_queue_is_waited_in_and_a_limit_is_kept() {
    let overload = Builtin::find("overload").unwrap().file().unwrap().scenario;
    let (measured, predicted) = (by_hand(&overload), overload.run(&none()));
    assert_eq!(measured.totals.throttled, predicted.totals.throttled);
    let queue = |outcome: &undaunted_sim::Outcome| outcome.ticks[90].queue;
    assert!(
        (queue(&measured) - 0.5).abs() < 0.05,
        "{}",
        queue(&measured)
    );
    assert!((queue(&measured) - queue(&predicted)).abs() < 1e-9);
}

/// Threads see times in an order of their own.
#[test]
fn times_that_go_back_do_no_harm() {
    let scenario = Builtin::find("throttle").unwrap().file().unwrap().scenario;
    let live = Live::new(&scenario, &none());
    assert_eq!(live.next_arrival(), None);
    for milliseconds in [500, 400, 3000, 0, 500_000, 1] {
        let now = Duration::from_millis(milliseconds);
        live.call_begins(now);
        let _ = live.request(now);
        live.gauges(now, Some(3.0), None);
        live.call_ends(now, now, Ok(()));
    }
    let outcome = live.finish(Duration::ZERO);
    assert_eq!((outcome.totals.calls, outcome.totals.requests), (6, 6));
    // Clients go on for a moment after it was counted, which takes no memory.
    let _ = live.request(Duration::from_secs(1_000_000));
    live.call_begins(Duration::MAX);
    assert_eq!(live.finish(Duration::MAX).ticks, []);
}

#[test]
fn a_smaller_scenario_has_the_same_shares() {
    let mut scenario = Builtin::find("overload").unwrap().file().unwrap().scenario;
    let lost = |scenario: &Scenario| scenario.run(&none()).totals.lost_share();
    let whole = lost(&scenario);
    let small = scenario.scaled(0.3);
    assert_eq!(small.service.capacity, Some(45.0));
    assert!((lost(&small) - whole).abs() < 0.03, "{whole}");
    scenario.clients.arrivals = Arrivals::Closed {
        clients: 2,
        think: Latency::ZERO,
        calls: Some(1),
    };
    assert_eq!(scenario.scaled(0.001).clients.processes, 1);
}
