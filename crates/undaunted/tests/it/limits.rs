//! Deadlines and attempt timeouts.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use undaunted::{
    Retry, RetryConfig, Retryable, Session, StopReason, StorageError, StorageErrorKind, TimedOut,
    blocking, with_retry,
};

use crate::support::{plain, reset, secs};

fn in_all(seconds: u64) -> RetryConfig {
    plain().total_timeout(Some(secs(seconds))).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_end_after_the_deadline_is_not_begun() {
    let config = in_all(5);
    let (result, report) = Retry::new(|| async { Err::<(), _>(reset()) })
        .config(&config)
        .run_with_report()
        .await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    // 1 s and 2 s fit; 4 s more would end at 7 s.
    assert_eq!(report.elapsed(), secs(3));
    assert_eq!(report.stop_reason(), Some(StopReason::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_includes_attempts() {
    let config = in_all(5);
    let (_, report) = Retry::new(|| async {
        sleep(secs(3)).await;
        Err::<(), _>(reset())
    })
    .config(&config)
    .run_with_report()
    .await;
    // 3 s of attempt, 1 s of wait, and the second attempt is cut after 1 s.
    assert_eq!(report.elapsed(), secs(5));
    assert_eq!(report.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_running_attempt_is_cut_at_the_deadline() {
    let start = Instant::now();
    let config = in_all(5);
    let result: io::Result<()> = with_retry(pending, &config).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<TimedOut>());
    assert_eq!(cause, Some(&TimedOut::Total { limit: secs(5) }));
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_the_deadline_after_a_failure_is_that_failure() {
    let first = Cell::new(true);
    let config = in_all(5);
    let result: io::Result<()> = with_retry(
        || {
            let fails = first.replace(false);
            async move { if fails { Err(reset()) } else { pending().await } }
        },
        &config,
    )
    .await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_slow_attempt_is_cut_and_tried_again() {
    let config = plain().attempt_timeout(Some(secs(2))).build().unwrap();
    let attempts = Cell::new(0);
    let start = Instant::now();
    let result = with_retry(
        || async {
            attempts.set(attempts.get() + 1);
            let takes = if attempts.get() == 1 {
                secs(60)
            } else {
                secs(1)
            };
            sleep(takes).await;
            Ok::<_, io::Error>("done")
        },
        &config,
    )
    .await;
    assert_eq!(result.unwrap(), "done");
    // Cut after 2 s, 1 s of wait, 1 s of success.
    assert_eq!((attempts.get(), start.elapsed()), (2, secs(4)));
}

#[tokio::test(start_paused = true)]
async fn attempt_timeouts_end_in_the_callers_error_type() {
    let config = plain().attempt_timeout(Some(secs(2))).build().unwrap();
    let result: Result<(), StorageError> = with_retry(pending, &config).await;
    assert_eq!(result.unwrap_err().kind(), StorageErrorKind::Timeout);
    let result: Result<(), Box<dyn std::error::Error + Send + Sync>> =
        with_retry(pending, &config).await;
    assert!(result.unwrap_err().is::<TimedOut>());
    let result: Result<(), String> = Retry::new(pending)
        .config(&config)
        .classify(
            |_: &String| undaunted::Verdict::Permanent,
            |timed_out| timed_out.to_string(),
        )
        .run()
        .await;
    assert_eq!(result.unwrap_err(), "attempt timed out after 2s");
}

#[tokio::test(start_paused = true)]
async fn a_session_honours_the_same_limits() {
    let config = plain()
        .attempt_timeout(Some(secs(2)))
        .total_timeout(Some(secs(4)))
        .build()
        .unwrap();
    let start = Instant::now();
    let mut session = Session::<io::Error>::new(&config);
    let error = loop {
        match session.attempt(pending::<io::Result<()>>()).await {
            Ok(()) => unreachable!("pending never ends"),
            Err(error) => {
                if let Err(error) = session.failed(error).await {
                    break error;
                }
            }
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // Cut after 2 s, 1 s of wait, cut by the deadline 1 s later.
    assert_eq!(start.elapsed(), secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_clock_can_start_at_the_first_failure() {
    let config = in_all(5);
    let start = Instant::now();
    let mut session = Session::<io::Error>::new(&config).clock_starts_at_failure();
    let slow_failure = async {
        sleep(secs(100)).await;
        Err::<(), _>(reset())
    };
    let error = session.attempt(slow_failure).await.unwrap_err();
    session.failed(error).await.unwrap();
    let error = session
        .attempt(pending::<io::Result<()>>())
        .await
        .unwrap_err();
    session.failed(error).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(105));
}

#[test]
fn a_blocking_attempt_is_told_the_time_left_and_refused_after_it() {
    // Real time: a thread cannot be paused. Of a slow machine only this holds: the time left gets less
    // from attempt to attempt, until it is none.
    let config = RetryConfig::builder()
        .max_retries(1000)
        .base_delay(Duration::ZERO)
        .total_timeout(Some(Duration::from_millis(50)))
        .build()
        .unwrap();
    let mut left = Vec::new();
    let (result, report) = blocking::Retry::new(|attempt| {
        left.push(attempt.time_left().unwrap());
        std::thread::sleep(Duration::from_millis(10));
        Err::<(), _>(reset())
    })
    .config(&config)
    .run_with_report();
    result.unwrap_err();
    assert_eq!(report.stop_reason(), Some(StopReason::DeadlineExceeded));
    assert!(left[0] <= Duration::from_millis(50), "{left:?}");
    let gets_less = |pair: &[Duration]| pair[1] < pair[0] || pair[1].is_zero();
    assert!(left.windows(2).all(gets_less), "{left:?}");
    assert!(report.attempts() <= 6, "{report:?}");
}

#[test]
fn a_limit_that_a_blocking_call_cannot_honour_is_refused_before_the_first_attempt() {
    let config = plain().attempt_timeout(Some(secs(1))).build().unwrap();
    let attempts = Cell::new(0);
    let result: io::Result<()> = blocking::with_retry(
        || {
            attempts.set(attempts.get() + 1);
            Ok(())
        },
        &config,
    );
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("blocking::Retry::new(|attempt| ..)"),
        "{message}"
    );
    assert_eq!(attempts.get(), 0);
    assert!(
        io::Error::timed_out(TimedOut::CannotCut { limit: secs(1) })
            .to_string()
            .contains("1s")
    );
}
