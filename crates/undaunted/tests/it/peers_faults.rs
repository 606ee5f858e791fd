//! Faults that were found in other retry libraries, each shown absent here. Named after the
//! library (backon 1.6, tokio-retry 0.3, tokio-retry2 0.9, tryhard 0.5, backoff 0.4,
//! reqwest-retry 0.9, tower 0.5, tower-resilience 0.13, relentless 0.18, again 0.1).

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout};
use undaunted::{
    AttemptOutcome, Decision, Jitter, Retry, RetryBudget, RetryConfig, RetryState, StopReason,
    StorageError, StorageErrorKind, Verdict, parse_retry_after, with_retry,
};

use crate::support::{Flaky, plain, reset, secs};

const FAILS: fn() -> std::future::Ready<io::Result<()>> = || std::future::ready(Err(reset()));

fn throttled(retry_after: Option<Duration>) -> StorageError {
    StorageError::new(StorageErrorKind::RateLimited { retry_after })
}

/// The delays of a call that always fails.
async fn delays(config: &RetryConfig) -> Vec<Duration> {
    let (_, report) = Retry::new(FAILS).config(config).run_with_report().await;
    report.delays().to_vec()
}

// Server hints.

#[tokio::test(start_paused = true)]
async fn backon_a_date_as_hint_neither_waits_zero_nor_defeats_the_limit() {
    let hint = parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", SystemTime::now());
    assert_eq!(hint, None, "long past");
    let attempts = Cell::new(0);
    let start = Instant::now();
    let call = || {
        attempts.set(attempts.get() + 1);
        async move { Err::<(), _>(throttled(hint)) }
    };
    with_retry(call, &plain().build().unwrap())
        .await
        .unwrap_err();
    assert_eq!((attempts.get(), start.elapsed()), (4, secs(7)));
}

#[tokio::test(start_paused = true)]
async fn tokio_retry2_and_relentless_and_reqwest_retry_a_hint_is_obeyed() {
    let start = Instant::now();
    let config = plain().max_retries(1).build().unwrap();
    let call = || async { Err::<(), _>(throttled(Some(secs(60)))) };
    with_retry(call, &config).await.unwrap_err();
    assert!(start.elapsed() >= secs(60));
}

#[tokio::test(start_paused = true)]
async fn backoff_a_hint_does_not_bypass_the_deadline() {
    let config = plain()
        .max_retries(1000)
        .total_timeout(Some(secs(10)))
        .build()
        .unwrap();
    let start = Instant::now();
    let call = || async { Err::<(), _>(throttled(Some(secs(60)))) };
    with_retry(call, &config).await.unwrap_err();
    assert_eq!(
        start.elapsed(),
        secs(0),
        "waiting could only have delayed the error"
    );
}

// Caps and arithmetic.

#[tokio::test(start_paused = true)]
async fn backon_and_backoff_and_tower_resilience_max_delay_is_a_maximum() {
    for jitter in [
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
        Jitter::None,
    ] {
        let config = RetryConfig::builder()
            .max_retries(200)
            .base_delay(secs(100))
            .max_delay(secs(60))
            .jitter(jitter)
            .build()
            .unwrap();
        let longest = delays(&config).await.into_iter().max();
        assert!(longest <= Some(secs(60)), "{jitter:?}: {longest:?}");
    }
}

#[test]
fn relentless_the_order_of_setters_changes_nothing() {
    let cap_first = RetryConfig::builder()
        .max_delay(secs(1))
        .jitter(Jitter::Full);
    let jitter_first = RetryConfig::builder()
        .jitter(Jitter::Full)
        .max_delay(secs(1));
    assert_eq!(cap_first.build(), jitter_first.build());
}

#[tokio::test(start_paused = true)]
async fn backon_and_tokio_retry_and_again_the_longest_times_neither_panic_nor_end_retrying() {
    let config = RetryConfig::builder()
        .base_delay(Duration::MAX)
        .max_delay(Duration::MAX)
        .total_timeout(Some(Duration::MAX))
        .attempt_timeout(Some(Duration::MAX))
        .build()
        .unwrap();
    let flaky = Flaky::failing(1);
    let call = with_retry(|| async { flaky.call() }, &config);
    // It waits for hundreds of years, which is what was asked for, and does not give up.
    timeout(secs(3600), call).await.unwrap_err();
    assert_eq!(flaky.attempts(), 1);
}

#[test]
fn backon_and_tokio_retry2_what_makes_no_sense_is_refused() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0, -2.0] {
        assert!(
            RetryConfig::builder()
                .exponential_base(bad)
                .build()
                .is_err()
        );
    }
    for bad in [f64::NAN, -0.5, 1.5, 4.0] {
        let jitter = Jitter::Proportional(bad);
        assert!(RetryConfig::builder().jitter(jitter).build().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn reqwest_retry_a_base_of_zero_with_jitter_does_not_panic() {
    for jitter in [
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
        Jitter::Proportional(1.0),
    ] {
        let config = RetryConfig::builder()
            .base_delay(secs(0))
            .jitter(jitter)
            .build()
            .unwrap();
        let delays = delays(&config).await;
        assert!(
            delays.iter().all(Duration::is_zero),
            "{jitter:?}: {delays:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tokio_retry_the_base_is_a_delay_and_not_the_growth() {
    let config = plain()
        .base_delay(Duration::from_millis(500))
        .build()
        .unwrap();
    assert_eq!(
        delays(&config).await,
        [500, 1000, 2000].map(Duration::from_millis)
    );
}

// Jitter.

#[tokio::test(start_paused = true)]
async fn tower_and_backon_no_two_calls_share_a_jitter_stream() {
    let config = RetryConfig::default();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        assert!(seen.insert(delays(&config).await), "two calls waited alike");
    }
}

#[tokio::test(start_paused = true)]
async fn tokio_retry2_jitter_is_drawn_for_each_retry() {
    let config = RetryConfig::builder()
        .max_retries(10)
        .exponential_base(1.0)
        .build()
        .unwrap();
    let distinct: HashSet<_> = delays(&config).await.into_iter().collect();
    assert_eq!(distinct.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn tower_and_again_jitter_is_not_cut_to_whole_seconds_or_milliseconds() {
    let config = RetryConfig::builder().max_retries(20).build().unwrap();
    let fractions = delays(&config).await;
    assert!(
        fractions
            .iter()
            .all(|delay| delay.subsec_nanos() % 1_000_000 != 0)
    );
}

#[test]
fn tryhard_and_relentless_jitter_is_on_by_default() {
    assert_eq!(RetryConfig::default().jitter(), Jitter::Proportional(0.25));
}

// Deadlines.

#[tokio::test(start_paused = true)]
async fn backon_and_relentless_the_deadline_counts_attempts_and_cuts_them() {
    let config = plain().total_timeout(Some(secs(12))).build().unwrap();
    let start = Instant::now();
    let slow = || async {
        tokio::time::sleep(secs(10)).await;
        Err::<(), _>(reset())
    };
    with_retry(slow, &config).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(12));
}

#[tokio::test(start_paused = true)]
async fn reqwest_retry_a_wait_that_passes_the_deadline_is_not_begun() {
    let config = plain()
        .base_delay(secs(1800))
        .max_delay(secs(1800))
        .total_timeout(Some(secs(1)))
        .build()
        .unwrap();
    let start = Instant::now();
    with_retry(FAILS, &config).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn tokio_retry2_the_clock_starts_with_the_call_and_not_with_its_making() {
    let config = plain().total_timeout(Some(secs(5))).build().unwrap();
    let flaky = Flaky::failing(1);
    let call = with_retry(|| async { flaky.call() }, &config);
    tokio::time::advance(secs(3600)).await;
    assert_eq!(call.await.unwrap(), 2);
}

// Calling the operation.

#[tokio::test(start_paused = true)]
async fn tokio_retry_nothing_is_called_before_the_first_poll() {
    let flaky = Flaky::failing(0);
    let config = RetryConfig::default();
    let call = with_retry(
        || {
            let result = flaky.call();
            async { result }
        },
        &config,
    );
    assert_eq!(flaky.attempts(), 0);
    call.await.unwrap();
    assert_eq!(flaky.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn backoff_the_operation_is_called_after_the_wait_and_not_before() {
    let calls = RefCell::new(Vec::new());
    let start = Instant::now();
    let call = || {
        calls.borrow_mut().push(start.elapsed());
        FAILS()
    };
    with_retry(call, &plain().build().unwrap())
        .await
        .unwrap_err();
    assert_eq!(*calls.borrow(), [0, 1, 3, 7].map(secs));
}

#[tokio::test]
async fn backon_a_zero_delay_does_not_starve_what_runs_beside_it() {
    // Real time: what is tested is that a timer beside the call fires at all.
    let config = plain()
        .max_retries(u32::MAX)
        .base_delay(secs(0))
        .build()
        .unwrap();
    let attempts = Cell::new(0_u64);
    let call = with_retry(
        || {
            attempts.set(attempts.get() + 1);
            FAILS()
        },
        &config,
    );
    assert!(timeout(Duration::from_millis(20), call).await.is_err());
    assert!(attempts.get() > 0);
}

#[tokio::test(start_paused = true)]
async fn tokio_retry_a_million_retries_do_not_recurse() {
    let config = plain()
        .max_retries(1_000_000)
        .base_delay(secs(0))
        .build()
        .unwrap();
    let flaky = Flaky::failing(1_000_000);
    let attempts = with_retry(|| async { flaky.call() }, &config)
        .await
        .unwrap();
    assert_eq!(attempts, 1_000_001);
}

#[tokio::test(start_paused = true)]
async fn reqwest_retry_the_failed_answer_is_not_held_through_the_wait() {
    let held = Rc::new(());
    let config = plain().max_retries(1).build().unwrap();
    let seen_while_waiting = Cell::new(usize::MAX);
    let call = Retry::new(|| {
        let connection = Rc::clone(&held);
        async move {
            let result = Err::<(), _>(reset());
            drop(connection.clone());
            result
        }
    })
    .config(&config)
    .sleep_with(|_| {
        seen_while_waiting.set(Rc::strong_count(&held));
        std::future::ready(())
    })
    .run();
    call.await.unwrap_err();
    assert_eq!(seen_while_waiting.get(), 1, "only the test's own");
}

// Errors.

#[tokio::test(start_paused = true)]
async fn reqwest_retry_and_relentless_the_error_is_the_callers_own_type() {
    async fn calls() -> io::Result<()> {
        with_retry(FAILS, &RetryConfig::default()).await?;
        Ok(())
    }
    assert_eq!(
        calls().await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}

#[tokio::test(start_paused = true)]
async fn tower_resilience_and_relentless_zero_retries_are_one_attempt_and_no_panic() {
    let flaky = Flaky::failing(9);
    let config = plain().max_retries(0).build().unwrap();
    with_retry(|| async { flaky.call() }, &config)
        .await
        .unwrap_err();
    assert_eq!(flaky.attempts(), 1);
}

#[test]
fn tokio_retry_and_backoff_there_is_a_limit_without_asking_for_one() {
    assert_eq!(RetryConfig::default().max_retries(), 3);
}

// Hooks.

#[tokio::test(start_paused = true)]
async fn tokio_retry2_and_tryhard_and_reqwest_retry_a_hook_is_told_the_truth() {
    let told = RefCell::new(Vec::new());
    let (result, report) = Retry::new(FAILS)
        .on_event(|event| {
            let delay = match event.outcome {
                AttemptOutcome::Retrying { delay, .. } => Some(delay),
                AttemptOutcome::Stopped { .. } | AttemptOutcome::Succeeded => None,
                _ => unreachable!("there are no others"),
            };
            told.borrow_mut().push((event.attempt, delay));
        })
        .run_with_report()
        .await;
    result.unwrap_err();
    // The next wait each time, retries counted from 1, one end, and all of it told by now.
    let waits = report.delays().iter().map(|delay| Some(*delay));
    let expected: Vec<_> = (1..).zip(waits.chain([None])).collect();
    assert_eq!(*told.borrow(), expected);
    assert_eq!(expected.len(), 4);
}

// Budgets.

#[test]
fn tower_and_tower_resilience_a_success_pays_a_fourteenth_of_a_retry_exactly() {
    let budget = RetryBudget::with_capacity_and_refill(14, 0);
    let config = plain().max_retries(u32::MAX).build().unwrap();
    let now = Some(std::time::Instant::now());
    let retry = || {
        let mut state = RetryState::new(now, 0);
        let decision = state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget));
        state.on_attempt(&config, now);
        matches!(decision, Decision::Retry { .. })
    };
    assert!(retry());
    for _ in 0..10 {
        for _ in 0..13 {
            RetryState::new(now, 0).on_success(Some(&budget));
            assert!(!retry());
        }
        RetryState::new(now, 0).on_success(Some(&budget));
        assert!(retry(), "fourteen successes pay for one retry");
    }
}

#[tokio::test(start_paused = true)]
async fn tower_resilience_tokens_of_a_dropped_call_come_back() {
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    for _ in 0..50 {
        let call = Retry::new(FAILS).budget(&budget).run();
        timeout(Duration::from_millis(1), call).await.unwrap_err();
    }
    assert_eq!(budget.tokens(), 100);
}

#[tokio::test(start_paused = true)]
async fn failsafe_go_an_empty_budget_gives_the_callers_error_and_does_not_wait_for_it() {
    let budget = RetryBudget::with_capacity_and_refill(0, 0);
    let start = Instant::now();
    let (result, report) = Retry::new(FAILS).budget(&budget).run_with_report().await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(report.stop_reason(), Some(StopReason::BudgetExhausted));
    assert_eq!(start.elapsed(), secs(0));
}
