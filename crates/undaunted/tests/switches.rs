//! The switches for tests, which hold for the whole process: hence one test, in a process of its own.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::io;
use std::time::{Duration, Instant};

use undaunted::testing::{self, Script};
use undaunted::{Pacer, RetryBudget, RetryConfig, StopReason, Turn, blocking};

#[test]
fn switches_hold_until_they_are_dropped() {
    let config = RetryConfig::background();
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let mut waited = Vec::new();
    // Attempts, and how the call ended.
    let mut call = || {
        let script = Script::new((0..12).map(|_| Err::<(), _>(io::ErrorKind::TimedOut)));
        assert_eq!(script.attempts(), 0);
        let (_, report) = blocking::Retry::new(|_| script.next().map_err(io::Error::from))
            .config(&config)
            .budget(&budget)
            .sleep_with(|delay| waited.push(delay))
            .run_with_report();
        assert_eq!(
            script.attempts(),
            usize::try_from(report.attempts()).unwrap()
        );
        budget_is_refilled(&budget);
        (report.attempts(), report.stop_reason())
    };
    let exhausted = Some(StopReason::RetriesExhausted);
    let of_budget = Some(StopReason::BudgetExhausted);
    assert_eq!(call(), (8, of_budget));
    let without_waits = testing::without_waits();
    assert_eq!(call(), (8, of_budget));
    {
        let _at_most = testing::at_most(3);
        assert_eq!(call(), (3, exhausted));
        {
            let _off = testing::without_retries();
            assert_eq!(call(), (1, exhausted));
        }
        assert_eq!(call(), (3, exhausted));
    }
    assert_eq!(call(), (8, of_budget));
    drop(without_waits);
    assert_eq!(call(), (8, of_budget));
    let waits = waited.iter().filter(|delay| **delay > Duration::ZERO);
    assert_eq!(waits.count(), 14, "of the first and the last call only");

    // The wait for a turn at a pacer is one too.
    let pacer = throttled_pacer();
    let turns_waited = || {
        let mut waited = 0;
        blocking::Retry::new(|_| Ok::<_, io::Error>(()))
            .pacer(&pacer)
            .sleep_with(|delay| {
                waited += 1;
                std::thread::sleep(delay);
            })
            .run()
            .unwrap();
        waited
    };
    let without_waits = testing::without_waits();
    assert_eq!(turns_waited(), 0);
    drop(without_waits);
    assert!(turns_waited() > 0);
}

/// The pacer of a service that has refused so much that the next turn is not now.
fn throttled_pacer() -> Pacer {
    let pacer = Pacer::new();
    for _ in 0..20 {
        Turn::new(&pacer).throttled(Instant::now());
    }
    pacer
}

/// A retry that a switch forbids is given back, so a call of one attempt costs nothing.
fn budget_is_refilled(budget: &RetryBudget) {
    let calls = budget.capacity() - budget.tokens();
    assert_eq!(calls % 14, 0, "{calls}");
    for _ in 0..calls {
        blocking::Retry::new(|_| Ok::<_, io::Error>(()))
            .budget(budget)
            .run()
            .unwrap();
    }
}
