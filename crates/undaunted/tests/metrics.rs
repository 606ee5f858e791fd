//! The metrics, as a recorder sees them.
#![cfg(all(feature = "metrics", feature = "tokio"))]
// Tests read paused clocks and unwrap.
#![allow(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used)]

use std::io;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use undaunted::{
    Jitter, MetricValue, MetricsInProcess, Pacer, RetryBudget, RetryConfig, Retryable, Rules,
    Session, StorageError, StorageErrorKind, TimedOut, Verdict, blocking::Retry, metric,
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

    let snapshot = snapshotter.snapshot().into_vec();
    assert!(
        snapshot
            .iter()
            .all(|(_, unit, help, _)| unit.is_some() && help.is_some()),
        "a recorder is told what they are"
    );
    let mut seen: Vec<String> = snapshot
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
                // How long they took is not known beforehand.
                DebugValue::Histogram(samples) if key.key().name().ends_with("duration") => {
                    format!("of {}", samples.len())
                }
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
            "undaunted.attempt.duration {operation=upload} of 4".to_owned(),
            "undaunted.attempts {operation=upload} 4".to_owned(),
            "undaunted.budget.tokens {} 100".to_owned(),
            "undaunted.call.duration {operation=upload} of 3".to_owned(),
            "undaunted.calls {operation=upload} 3".to_owned(),
            format!("undaunted.delay {{operation=upload}} [{second:?}]"),
            "undaunted.errors {operation=upload,error_type=not_found,verdict=permanent} 1"
                .to_owned(),
            "undaunted.errors {operation=upload,error_type=timeout,verdict=transient} 1".to_owned(),
            "undaunted.failures {operation=upload,reason=permanent} 1".to_owned(),
            "undaunted.recoveries {operation=upload} 1".to_owned(),
            "undaunted.retries {operation=upload,verdict=transient} 1".to_owned(),
            "undaunted.successes {operation=upload} 2".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn durations_are_those_of_attempts_and_calls() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
    let mut seconds = 0;
    let call = undaunted::Retry::new(|| {
        seconds += 2;
        let is_last = seconds == 4;
        async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            if is_last {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::TimedOut))
            }
        }
    });
    call.config(&config).run().await.unwrap();
    let mut seen = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        if let DebugValue::Histogram(samples) = value {
            let samples = samples.iter().map(|sample| sample.round().to_string());
            seen.push(format!(
                "{} {}",
                key.key().name(),
                samples.collect::<Vec<_>>().join(" ")
            ));
        }
    }
    seen.sort();
    let expected = [
        "undaunted.attempt.duration 2 4",
        "undaunted.call.duration 7",
        "undaunted.delay 1",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn the_duration_of_an_attempt_ends_before_what_follows_is_found_out() {
    let recorder = MetricsInProcess::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let config = RetryConfig::DEFAULT;
    let mut session = Session::<io::Error>::new(&config);
    let second = Duration::from_secs(1);
    let lost = async {
        tokio::time::sleep(second).await;
        Err::<(), _>(io::ErrorKind::TimedOut.into())
    };
    let error = session.attempt(lost).await.unwrap_err();
    session.attempt_failed(&error, Verdict::Permanent);
    tokio::time::sleep(second * 10).await;
    session.succeed();
    let took = |metric| {
        let mut samples = recorder.samples().into_iter();
        let sample = samples.find(|sample| sample.metric == metric).unwrap();
        match sample.value {
            MetricValue::Histogram { count: 1, sum, .. } => sum.round(),
            other => panic!("{other:?}"),
        }
    };
    let durations = [metric::ATTEMPT_DURATION, metric::CALL_DURATION].map(took);
    assert_eq!(format!("{durations:?}"), "[1.0, 11.0]");
}

/// What a caller counts itself, such as a store whose call has several parts, is not counted twice.
#[tokio::test(start_paused = true)]
async fn a_part_of_a_call_is_no_call() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let config = RetryConfig::DEFAULT;
    for is_part in [true, false, true] {
        let session = Session::<io::Error>::new(&config).name("get");
        let mut session = if is_part {
            session.part_of_a_call()
        } else {
            session
        };
        let attempt = std::future::ready(Ok(()));
        session.attempt(attempt).await.unwrap();
    }
    let counted = snapshotter.snapshot().into_vec().into_iter();
    let counted = counted.filter_map(|(key, _, _, value)| match (key.key().name(), value) {
        (name @ ("undaunted.calls" | "undaunted.attempts"), DebugValue::Counter(count)) => {
            Some((name.to_owned(), count))
        }
        _ => None,
    });
    let mut counted: Vec<(String, u64)> = counted.collect();
    counted.sort();
    let expected = [("undaunted.attempts", 3), ("undaunted.calls", 1)];
    assert_eq!(
        counted,
        expected.map(|(name, count)| (name.to_owned(), count))
    );
}

/// However a call was told to judge its errors, they are named as what they are.
#[test]
fn every_way_to_judge_an_error_keeps_its_type() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let rules = Rules::builder().permanent_status(423).build().unwrap();
    let limit = |limit: TimedOut| StorageError::timed_out(limit);
    metrics::with_local_recorder(&recorder, || {
        let reset = || Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset));
        let _ = Retry::new(|_| reset()).when(|_| false).name("when").run();
        let _ = Retry::new(|_| reset()).rules(&rules).name("rules").run();
        let denied = || Err::<(), _>(StorageError::new(StorageErrorKind::PermissionDenied));
        let by_functions = Retry::new(|_| denied()).classify(|_| Verdict::Permanent, limit);
        let _ = by_functions.name("classify").run();
    });
    let mut seen: Vec<String> = snapshotter
        .snapshot()
        .into_vec()
        .iter()
        .filter(|(key, ..)| key.key().name() == "undaunted.errors")
        .map(|(key, ..)| {
            let labels = key.key().labels().map(metrics::Label::value);
            labels.collect::<Vec<_>>().join(" ")
        })
        .collect();
    seen.sort();
    assert_eq!(seen.len(), 3, "{seen:?}");
    // The verdict is a function's, and nothing is known of the error but its type.
    assert_eq!(
        seen[0],
        "classify undaunted::errors::storage::StorageError permanent"
    );
    assert!(seen[1].starts_with("rules connection_reset "), "{seen:?}");
    assert_eq!(seen[2], "when connection_reset permanent");
}

#[test]
fn a_success_without_a_retry_is_no_recovery() {
    let recorder = MetricsInProcess::default();
    metrics::with_local_recorder(&recorder, || {
        let call = Retry::new(|_| Ok::<_, io::Error>(()));
        call.name("upload").run().unwrap();
    });
    let samples = recorder.samples();
    let counted: Vec<_> = samples.iter().map(|sample| sample.metric).collect();
    assert!(counted.contains(&metric::SUCCESSES), "{counted:?}");
    assert!(!counted.contains(&metric::RECOVERIES), "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn the_queue_and_the_pace_are_recorded_until_throttling_ends() {
    let recorder = MetricsInProcess::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let value = |metric| {
        let mut samples = recorder.samples().into_iter();
        samples
            .find(|sample| sample.metric == metric)
            .unwrap()
            .value
    };
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    let throttled = StorageError::new(StorageErrorKind::RateLimited { retry_after: None });
    let mut outcomes = vec![Ok(()), Ok(()), Err(throttled)];
    let mut pace = Vec::new();
    for wait in [0, 60] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let call = undaunted::Retry::new(|| std::future::ready(outcomes.pop().unwrap()))
            .config(&config)
            .pacer(&pacer);
        call.run().await.unwrap();
        pace.push(value(metric::PACE));
    }
    let [MetricValue::Gauge(during), MetricValue::Gauge(after)] = pace[..] else {
        panic!("{pace:?}");
    };
    assert!(during >= 20.0, "{pace:?}");
    assert!(after.abs() < f64::EPSILON, "{pace:?}");
    let queued = value(metric::QUEUE);
    assert!(
        matches!(queued, MetricValue::Histogram { count: 1, .. }),
        "{queued:?}"
    );
}
