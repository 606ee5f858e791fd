//! The metrics, as a recorder sees them.
#![cfg(all(feature = "metrics", feature = "tokio"))]
#![allow(clippy::unwrap_used)]

use std::io;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use undaunted::{
    Jitter, Pacer, RetryBudget, RetryConfig, StorageError, StorageErrorKind, blocking::Retry,
};

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

#[tokio::test(start_paused = true)]
async fn the_queue_and_the_pace_are_recorded_until_throttling_ends() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    let throttled = StorageError::new(StorageErrorKind::RateLimited { retry_after: None });
    let mut outcomes = vec![Ok(()), Ok(()), Err(throttled)];
    let mut pace = Vec::new();
    let mut queued = Vec::new();
    for wait in [0, 60] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let call = undaunted::Retry::new(|| std::future::ready(outcomes.pop().unwrap()))
            .config(&config)
            .pacer(&pacer);
        call.run().await.unwrap();
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            match (key.key().name(), value) {
                ("undaunted_pace_requests_per_second", DebugValue::Gauge(rate)) => pace.push(*rate),
                ("undaunted_queue_seconds", DebugValue::Histogram(waits)) => {
                    queued.push(waits.len());
                }
                _ => {}
            }
        }
    }
    assert!(pace[0] >= 20.0, "{pace:?}");
    assert!(pace[1].abs() < f64::EPSILON, "{pace:?}");
    assert_eq!(queued[0], 1, "{queued:?}");
}
