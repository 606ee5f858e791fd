//! Decisions, with explicit clocks.

use super::*;
use crate::Jitter;

fn plain(max_retries: u32) -> crate::RetryConfigBuilder {
    RetryConfig::builder()
        .max_retries(max_retries)
        .jitter(Jitter::None)
}

fn retry(seconds: u64) -> Decision {
    Decision::Retry {
        delay: Duration::from_secs(seconds),
    }
}

fn hint(seconds: u64) -> Verdict {
    Verdict::Transient {
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

#[test]
fn the_documented_schedule_and_then_exhaustion() {
    let config = plain(8).build().unwrap();
    let mut state = RetryState::new(None, 0);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(
            state.on_failure(&config, None, Verdict::TRANSIENT, None),
            retry(seconds)
        );
    }
    assert_eq!(
        state.on_failure(&config, None, Verdict::TRANSIENT, None),
        Decision::Stop(StopReason::RetriesExhausted)
    );
}

#[test]
fn a_permanent_failure_stops_whatever_is_left() {
    let config = plain(100).build().unwrap();
    let mut state = RetryState::new(None, 0);
    assert_eq!(
        state.on_failure(&config, None, Verdict::Permanent, None),
        Decision::Stop(StopReason::Permanent)
    );
}

#[test]
fn throttled_failures_have_their_own_base() {
    let config = plain(9)
        .throttled_base_delay(Some(Duration::from_secs(10)))
        .build()
        .unwrap();
    let mut state = RetryState::new(None, 0);
    assert_eq!(
        state.on_failure(&config, None, Verdict::THROTTLED, None),
        retry(10)
    );
    assert_eq!(
        state.on_failure(&config, None, Verdict::TRANSIENT, None),
        retry(2)
    );
    assert_eq!(
        state.on_failure(&config, None, Verdict::THROTTLED, None),
        retry(40)
    );
}

#[test]
fn a_hint_is_a_floor_and_adds_no_attempts() {
    let config = plain(2).build().unwrap();
    let mut state = RetryState::new(None, 1);
    for _ in 0..2 {
        let Decision::Retry { delay } = state.on_failure(&config, None, hint(30), None) else {
            panic!("a retry was left");
        };
        assert!(delay >= Duration::from_secs(30) && delay <= Duration::from_millis(37_500));
    }
    assert_eq!(
        state.on_failure(&config, None, hint(30), None),
        Decision::Stop(StopReason::RetriesExhausted)
    );
}

#[test]
fn a_hint_below_the_backoff_does_not_shorten_it() {
    let config = plain(9)
        .base_delay(Duration::from_secs(20))
        .build()
        .unwrap();
    let mut state = RetryState::new(None, 1);
    let Decision::Retry { delay } = state.on_failure(&config, None, hint(1), None) else {
        panic!("a retry was left");
    };
    assert!(delay >= Duration::from_secs(20), "{delay:?}");
}

#[test]
fn a_hint_of_zero_is_ordinary_backoff() {
    let config = plain(9).build().unwrap();
    let mut state = RetryState::new(None, 1);
    assert_eq!(state.on_failure(&config, None, hint(0), None), retry(1));
}

#[test]
fn a_hint_beyond_the_limit_stops_at_once() {
    let config = plain(9).build().unwrap();
    let mut state = RetryState::new(None, 1);
    assert!(matches!(
        state.on_failure(&config, None, hint(300), None),
        Decision::Retry { .. }
    ));
    assert_eq!(
        state.on_failure(&config, None, hint(301), None),
        Decision::Stop(StopReason::RetryAfterTooLong)
    );
}

#[test]
fn no_wait_ends_after_the_deadline() {
    let start = instant();
    let config = plain(9)
        .total_timeout(Some(Duration::from_secs(4)))
        .build()
        .unwrap();
    let mut state = RetryState::new(Some(start), 0);
    let at = |seconds| Some(start + Duration::from_secs(seconds));
    assert_eq!(
        state.on_failure(&config, at(0), Verdict::TRANSIENT, None),
        retry(1)
    );
    // The next wait is 2 s and would end exactly at the deadline, with no time to try.
    assert_eq!(
        state.on_failure(&config, at(2), Verdict::TRANSIENT, None),
        Decision::Stop(StopReason::DeadlineExceeded)
    );
    assert_eq!(
        state.on_failure(&config, at(1), Verdict::TRANSIENT, None),
        retry(2)
    );
}

#[test]
fn a_hint_that_crosses_the_deadline_stops_at_once() {
    let start = instant();
    let config = plain(9)
        .total_timeout(Some(Duration::from_secs(10)))
        .build()
        .unwrap();
    let mut state = RetryState::new(Some(start), 0);
    assert_eq!(
        state.on_failure(&config, Some(start), hint(60), None),
        Decision::Stop(StopReason::DeadlineExceeded)
    );
}

#[test]
fn an_attempt_is_cut_by_the_nearer_limit() {
    let start = instant();
    let config = plain(9)
        .attempt_timeout(Some(Duration::from_secs(3)))
        .total_timeout(Some(Duration::from_secs(10)))
        .build()
        .unwrap();
    let mut state = RetryState::new(Some(start), 0);
    let mut cut = |seconds| {
        state
            .on_attempt(&config, Some(start + Duration::from_secs(seconds)))
            .unwrap()
    };
    assert_eq!(
        cut(0),
        Cut {
            after: Duration::from_secs(3),
            because: TimedOut::Attempt {
                limit: Duration::from_secs(3)
            }
        }
    );
    assert_eq!(cut(9).after, Duration::from_secs(1));
    assert_eq!(
        cut(9).because,
        TimedOut::Total {
            limit: Duration::from_secs(10)
        }
    );
    assert_eq!(cut(11).after, Duration::ZERO);
}

#[test]
fn a_deadline_beyond_all_time_is_none() {
    let config = plain(1).total_timeout(Some(Duration::MAX)).build().unwrap();
    let state = RetryState::new(Some(instant()), 0);
    assert_eq!(state.deadline(&config), None);
}

#[test]
fn a_retry_is_charged_and_the_success_after_it_refunds_the_last_one_only() {
    let config = plain(9).build().unwrap();
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let now = Some(instant());
    let mut state = RetryState::new(now, 0);
    for verdict in [Verdict::THROTTLED, Verdict::TRANSIENT] {
        state.on_failure(&config, now, verdict, Some(&budget));
        state.on_attempt(&config, now);
    }
    assert_eq!(budget.tokens(), 100 - 5 - 14);
    state.on_success(Some(&budget));
    assert_eq!(budget.tokens(), 100 - 5);
}

#[test]
fn a_call_dropped_before_its_retry_begins_gives_the_tokens_back() {
    let config = plain(9).build().unwrap();
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let now = Some(instant());
    let mut state = RetryState::new(now, 0);
    state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget));
    assert_eq!(budget.tokens(), 86);
    assert_eq!(state.retries(), 1);
    state.on_drop(Some(&budget));
    assert_eq!(budget.tokens(), 100);
    assert_eq!(state.retries(), 0, "it was not made");

    state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget));
    state.on_attempt(&config, now);
    state.on_drop(Some(&budget));
    assert_eq!(budget.tokens(), 86, "a retry that began is spent");
}

#[test]
fn nothing_is_charged_for_a_retry_that_another_limit_refuses() {
    let config = plain(0).build().unwrap();
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let now = Some(instant());
    let mut state = RetryState::new(now, 0);
    state.on_failure(&config, now, Verdict::TRANSIENT, Some(&budget));
    assert_eq!(budget.tokens(), 100);
}

#[allow(clippy::disallowed_methods)]
fn instant() -> Instant {
    Instant::now()
}
