//! What holds for any policy, any failures and any clock.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use undaunted::{
    Decision, Jitter, RetryBudget, RetryConfig, RetryState, StopReason, Verdict, parse_retry_after,
};

fn jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0.0..=1.0).prop_map(Jitter::Proportional),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0..10_u64.pow(15)).prop_map(Duration::from_nanos),
        any::<u64>().prop_map(Duration::from_nanos),
    ]
}

fn config() -> impl Strategy<Value = RetryConfig> {
    (
        0..50_u32,
        duration(),
        proptest::option::of(duration()),
        duration(),
        prop_oneof![1.0..4.0, Just(1.0), Just(1e300)],
        jitter(),
        proptest::option::of(duration()),
    )
        .prop_map(|(retries, base, throttled, cap, growth, jitter, total)| {
            RetryConfig::builder()
                .max_retries(retries)
                .base_delay(base)
                .throttled_base_delay(throttled)
                .max_delay(cap)
                .exponential_base(growth)
                .jitter(jitter)
                .total_timeout(total.filter(|total| !total.is_zero()))
                .build()
                .unwrap()
        })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let hint = || proptest::option::of(duration());
    prop_oneof![
        1 => Just(Verdict::Permanent),
        4 => hint().prop_map(|retry_after| Verdict::Transient { retry_after }),
        4 => hint().prop_map(|retry_after| Verdict::Throttled { retry_after }),
    ]
}

/// Runs a call whose attempts take no time; returns its delays and why it stopped.
fn run(
    config: &RetryConfig,
    verdicts: &[Verdict],
    seed: u64,
    start: Instant,
) -> (Vec<Duration>, Option<StopReason>) {
    let mut state = RetryState::new(Some(start), seed);
    let mut now = start;
    let mut delays = Vec::new();
    for verdict in verdicts {
        match state.on_failure(config, Some(now), *verdict, None) {
            Decision::Retry { delay } => {
                delays.push(delay);
                now = now.checked_add(delay).unwrap_or(now);
            }
            Decision::Stop(reason) => return (delays, Some(reason)),
        }
    }
    (delays, None)
}

proptest! {
    #[test]
    fn attempts_never_exceed_retries_and_one(
        config in config(),
        verdicts in proptest::collection::vec(verdict(), 60),
        seed: u64,
    ) {
        let (delays, _) = run(&config, &verdicts, seed, Instant::now());
        prop_assert!(delays.len() <= config.max_retries() as usize);
    }

    #[test]
    fn delays_stay_within_their_bounds(
        config in config(),
        verdicts in proptest::collection::vec(verdict(), 60),
        seed: u64,
    ) {
        let (delays, _) = run(&config, &verdicts, seed, Instant::now());
        let spread = match config.jitter() {
            Jitter::Proportional(fraction) => 1.0 + fraction,
            _ => 1.0,
        };
        let cap = config.max_delay().as_secs_f64() * spread;
        for (delay, verdict) in delays.iter().zip(&verdicts) {
            let hint = verdict.retry_after().unwrap_or_default();
            prop_assert!(*delay >= hint, "{delay:?} is below the hint {hint:?}");
            let most = if hint.is_zero() { cap } else { 1.25 * cap.max(hint.as_secs_f64()) };
            // Room for one rounding of a double.
            prop_assert!(delay.as_secs_f64() <= most * (1.0 + 1e-12) + 1e-9);
        }
    }

    #[test]
    fn no_wait_ends_at_or_after_the_deadline(
        config in config(),
        verdicts in proptest::collection::vec(verdict(), 60),
        seed: u64,
    ) {
        let (delays, _) = run(&config, &verdicts, seed, Instant::now());
        if let Some(total) = config.total_timeout() {
            let waited = delays.iter().fold(Duration::ZERO, |sum, d| sum.saturating_add(*d));
            prop_assert!(waited < total || delays.is_empty());
        }
    }

    #[test]
    fn a_seed_repeats_a_call(
        config in config(),
        verdicts in proptest::collection::vec(verdict(), 60),
        seed: u64,
    ) {
        let start = Instant::now();
        prop_assert_eq!(
            run(&config, &verdicts, seed, start),
            run(&config, &verdicts, seed, start)
        );
    }

    #[test]
    fn nominal_delays_never_shrink_and_never_pass_the_cap(config in config(), n in 0..u32::MAX) {
        prop_assert!(config.delay(n) <= config.delay(n.saturating_add(1)));
        prop_assert!(config.delay(n) <= config.max_delay());
    }

    #[test]
    fn a_budget_is_never_overdrawn_nor_overfull(
        capacity: u16,
        refill: u16,
        steps in proptest::collection::vec((verdict(), 0..5000_u64, any::<bool>()), 100),
    ) {
        let budget = RetryBudget::with_capacity_and_refill(capacity, refill);
        let config = RetryConfig::builder().max_retries(u32::MAX).build().unwrap();
        let mut now = Instant::now();
        let mut state = RetryState::new(None, 0);
        for (verdict, millis, succeeds) in steps {
            now += Duration::from_millis(millis);
            let before = budget.tokens();
            if succeeds {
                state.on_success(Some(&budget));
                prop_assert!(budget.tokens() >= before);
            } else {
                state.on_failure(&config, Some(now), verdict, Some(&budget));
                state.on_attempt(&config, Some(now));
            }
            prop_assert!(budget.tokens() <= capacity);
        }
    }

    #[test]
    fn any_header_value_is_read_without_panic(value in ".{0,40}") {
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        if let Some(wait) = parse_retry_after(&value, epoch) {
            prop_assert!(!wait.is_zero() || value.trim().bytes().all(|b| b == b'0'));
        }
    }
}
