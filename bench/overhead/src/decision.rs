//! One decision: a fifth of a sequence of five.

use std::hint::black_box;

use backon::BackoffBuilder as _;
use undaunted::{RetryConfig, RetryState, Verdict};

use crate::peers;
use crate::timing::medians_of;

type Run = (&'static str, fn(u64));

pub fn report() {
    let runs: [Run; 5] = [
        (
            "undaunted on_failure, the whole decision, jitter drawn",
            ours,
        ),
        ("relentless, the delay alone, full jitter", relentless),
        ("tokio-retry, the delay alone, jitter", tokio_retry),
        ("tokio-retry2, the delay alone, no jitter", tokio_retry2),
        ("backon, the delay alone, jitter", backon),
    ];
    let nanos = medians_of(&runs.map(|(_, run)| run));
    for ((name, _), ns) in runs.iter().zip(&nanos) {
        let (ns, ratio) = (ns / 5.0, ns / nanos[0]);
        println!("| one decision, ns | {name} | {ns:.1} | {ratio:.2} x | |");
    }
}

fn ours(count: u64) {
    let config = RetryConfig::builder().max_retries(5).build();
    let config = config.expect("a valid policy");
    for seed in 0..count {
        let mut state = RetryState::new(None, seed);
        for _ in 0..5 {
            black_box(state.on_failure(black_box(&config), None, Verdict::TRANSIENT, None));
        }
    }
}

fn relentless(count: u64) {
    use relentless::Wait as _;
    let wait = relentless::wait::exponential(peers::SECOND).full_jitter();
    for _ in 0..count {
        for attempt in 1..=5 {
            let state = relentless::RetryState::for_attempt(attempt);
            black_box(black_box(&wait).next_wait(&state));
        }
    }
}

fn tokio_retry(count: u64) {
    let delays = peers::tokio_retry_endless();
    for _ in 0..count {
        let delays = black_box(&delays).clone();
        for delay in delays.map(tokio_retry::strategy::jitter).take(5) {
            black_box(delay);
        }
    }
}

fn tokio_retry2(count: u64) {
    let delays = peers::tokio_retry2_endless();
    for _ in 0..count {
        for delay in black_box(&delays).clone().take(5) {
            black_box(delay);
        }
    }
}

fn backon(count: u64) {
    let builder = backon::ExponentialBuilder::default()
        .with_jitter()
        .with_max_times(5);
    for _ in 0..count {
        for delay in black_box(&builder).build() {
            black_box(delay);
        }
    }
}
