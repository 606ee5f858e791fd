//! The shared allowance, end to end and in numbers.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use undaunted::{Decision, Retry, RetryBudget, RetryConfig, RetryState, StopReason, Verdict};

use crate::support::{plain, reset};

/// Retries that a total outage is met with, from a full bucket and before any refill.
fn retries_in_an_outage(verdict: Verdict) -> u32 {
    let budget = RetryBudget::new();
    let config = plain().max_retries(u32::MAX).build().unwrap();
    let now = Some(Instant::now());
    let mut state = RetryState::new(now, 0);
    while matches!(
        state.on_failure(&config, now, verdict, Some(&budget)),
        Decision::Retry { .. }
    ) {
        state.on_attempt(&config, now);
    }
    state.retries()
}

#[test]
fn an_outage_is_met_with_35_retries_or_100_where_it_throttles() {
    assert_eq!(retries_in_an_outage(Verdict::TRANSIENT), 35);
    assert_eq!(retries_in_an_outage(Verdict::THROTTLED), 100);
}

#[test]
fn the_caller_gets_its_own_error_when_the_budget_is_empty() {
    let budget = RetryBudget::with_capacity_and_refill(20, 0);
    let call = || {
        undaunted::blocking::Retry::new(|_| Err::<(), _>(reset()))
            .budget(&budget)
            .sleep_with(|_| ())
            .run_with_report()
    };
    let (result, report) = call();
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(report.attempts(), 2);
    assert_eq!(report.stop_reason(), Some(StopReason::BudgetExhausted));
    assert_eq!(call().1.attempts(), 1);
}

#[test]
fn an_idle_bucket_comes_back_to_life() {
    let budget = RetryBudget::new();
    let config = plain().max_retries(u32::MAX).build().unwrap();
    let start = Instant::now();
    let mut state = RetryState::new(None, 0);
    let mut retry_after = |seconds| {
        let now = Some(start + Duration::from_secs(seconds));
        let decision = state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget));
        state.on_attempt(&config, now);
        matches!(decision, Decision::Retry { .. })
    };
    while retry_after(0) {}
    assert!(
        !retry_after(3),
        "500 - 35 * 14 = 10 tokens are left, and 3 more are too few"
    );
    assert!(retry_after(4));
    assert!(!retry_after(17));
    // A thousand years idle fill it once, and cost no more than a second idle.
    assert!(retry_after(1000 * 365 * 86_400));
    assert_eq!(budget.tokens(), 500 - 14);
}

/// Attempts per call where each attempt fails with probability `p`, at most twice retried.
fn amplification(p: f64) -> f64 {
    let budget = RetryBudget::with_capacity_and_refill(500, 0);
    let config = plain().max_retries(2).build().unwrap();
    let now = Some(Instant::now());
    let mut random = 42_u64;
    let mut fails = || {
        // xorshift: the test needs chance of its own, not the library's.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        #[allow(clippy::cast_precision_loss)]
        let unit = (random >> 11) as f64 / (1_u64 << 53) as f64;
        unit < p
    };
    let calls = 400_000;
    let mut attempts = 0_u32;
    for _ in 0..calls {
        let mut state = RetryState::new(now, 0);
        loop {
            attempts += 1;
            if !fails() {
                state.on_success(Some(&budget));
                break;
            }
            match state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget)) {
                Decision::Retry { .. } => state.on_attempt(&config, now),
                Decision::Stop(_) => break,
            };
        }
    }
    f64::from(attempts) / f64::from(calls)
}

/// Without a budget, a call makes `(1 - p^3) / (1 - p)` attempts; with one, successes at the
/// first attempt pay for `(1 - p) / 14` retries a call, of which a share of `p` is lost.
fn expected(p: f64) -> f64 {
    let unlimited = (1.0 - p.powi(3)) / (1.0 - p);
    let paid_for = 1.0 + (1.0 - p) / (p * 14.0);
    unlimited.min(paid_for)
}

#[test]
fn steady_failure_is_amplified_as_the_closed_form_says() {
    for p in [0.05, 0.1, 0.2, 0.3, 0.5, 0.8] {
        let measured = amplification(p);
        assert!(
            (measured / expected(p) - 1.0).abs() < 0.02,
            "p = {p}: {measured} instead of {}",
            expected(p)
        );
    }
}

#[test]
fn the_budget_bites_beyond_its_knee() {
    let unlimited = |p: f64| (1.0 - p.powi(3)) / (1.0 - p);
    // The knee is at p = 0.215: 14 p^2 (1 + p) = 1 - p.
    assert!((amplification(0.2) / unlimited(0.2) - 1.0).abs() < 0.02);
    assert!(amplification(0.3) < 0.86 * unlimited(0.3));
}

#[test]
fn callers_at_once_cannot_overspend() {
    let budget = Arc::new(RetryBudget::with_capacity_and_refill(500, 0));
    let granted: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let budget = Arc::clone(&budget);
                scope.spawn(move || {
                    let config = plain().max_retries(u32::MAX).build().unwrap();
                    let now = Some(Instant::now());
                    let mut state = RetryState::new(None, 0);
                    while let Decision::Retry { .. } =
                        state.on_failure(&config, now, Verdict::THROTTLED, Some(&budget))
                    {
                        state.on_attempt(&config, now);
                    }
                    state.retries()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 100);
    assert_eq!(budget.tokens(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_success_after_a_retry_gives_that_retry_back() {
    let budget = RetryBudget::with_capacity_and_refill(500, 0);
    let flaky = crate::support::Flaky::failing(2);
    let config = RetryConfig::default();
    let call = Retry::new(|| async { flaky.call() })
        .config(&config)
        .budget(&budget);
    call.run().await.unwrap();
    assert_eq!(budget.tokens(), 500 - 14);
    for _ in 0..20 {
        let call = Retry::new(|| async { Ok::<_, io::Error>(()) }).budget(&budget);
        call.run().await.unwrap();
    }
    assert_eq!(
        budget.tokens(),
        500,
        "twenty successes at the first attempt fill it up"
    );
}
