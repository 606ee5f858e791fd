//! The metrics, as a recorder sees them. One test, since a recorder is the thread's.
#![cfg(all(feature = "metrics", feature = "tokio"))]
#![allow(clippy::unwrap_used)]

use std::io;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use undaunted::{Jitter, RetryBudget, RetryConfig, blocking::Retry};

#[test]
fn every_metric_is_recorded_under_its_documented_name() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let budget = RetryBudget::with_capacity_and_refill(100, 0);
        let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
        let call = |outcomes: &[Option<io::ErrorKind>]| {
            let mut outcomes = outcomes.iter();
            let _ = Retry::new(|_| match outcomes.next().copied().flatten() {
                Some(kind) => Err(io::Error::from(kind)),
                None => Ok(()),
            })
            .config(&config)
            .budget(&budget)
            .name("upload")
            .sleep_with(|_| ())
            .run();
        };
        call(&[None]);
        call(&[Some(io::ErrorKind::TimedOut), None]);
        call(&[Some(io::ErrorKind::NotFound)]);
    });

    let mut seen: Vec<String> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<String> = key
                .key()
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            let value = match value {
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Gauge(level) => level.to_string(),
                DebugValue::Histogram(samples) => format!("{samples:?}"),
            };
            format!("{} {{{}}} {value}", key.key().name(), labels.join(","))
        })
        .collect();
    seen.sort();
    let second = Duration::from_secs(1).as_secs_f64();
    assert_eq!(
        seen,
        [
            "undaunted_attempts_total {operation=upload} 4".to_owned(),
            "undaunted_budget_tokens {} 100".to_owned(),
            format!("undaunted_delay_seconds {{operation=upload}} [{second:?}]"),
            "undaunted_failures_total {operation=upload,reason=permanent} 1".to_owned(),
            "undaunted_retries_total {operation=upload,verdict=transient} 1".to_owned(),
            "undaunted_successes_total {operation=upload} 2".to_owned(),
        ]
    );
}
