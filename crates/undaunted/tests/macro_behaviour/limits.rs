//! Time limits and hints.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use undaunted::{Retryable, StorageError, StorageErrorKind, TimedOut, Verdict, retry};

use crate::{Flaky, assert_millis};

#[retry(attempt_timeout = "2s", max_retries = 1, jitter = "none")]
async fn slow(attempts: &AtomicU32) -> io::Result<()> {
    attempts.fetch_add(1, Ordering::Relaxed);
    pending().await
}

#[retry(total_timeout = "5s", max_retries = 100, jitter = "none")]
async fn hopeless(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(throttled_base_delay = "8s", max_retries = 1, jitter = "none")]
async fn throttled() -> Result<(), StorageError> {
    Err(StorageError::new(StorageErrorKind::RateLimited {
        retry_after: None,
    }))
}

#[retry(max_retry_after = "1m", max_retries = 1)]
async fn told_to_wait(calls: &AtomicU32, hint: Duration) -> Result<(), Busy> {
    calls.fetch_add(1, Ordering::Relaxed);
    Err(Busy(hint))
}

#[derive(Debug)]
struct Busy(Duration);

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("busy")
    }
}

impl Retryable for Busy {
    fn verdict(&self) -> Verdict {
        Verdict::THROTTLED.with_retry_after(Some(self.0))
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self(timed_out.limit())
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_cut() {
    let start = Instant::now();
    let attempts = AtomicU32::new(0);
    let error = slow(&attempts).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(attempts.into_inner(), 2);
    assert_millis(start.elapsed(), 2000 + 1000 + 2000);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_time() {
    let start = Instant::now();
    let flaky = Flaky::new(u32::MAX);
    let error = hopeless(&flaky).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    // After 1 s and 2 s a wait of 4 s would end too late.
    assert_millis(start.elapsed(), 3000);
    assert_eq!(flaky.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_has_its_own_base() {
    let start = Instant::now();
    throttled().await.unwrap_err();
    assert_millis(start.elapsed(), 8000);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_obeyed_up_to_its_limit() {
    let calls = AtomicU32::new(0);
    told_to_wait(&calls, Duration::from_secs(60))
        .await
        .unwrap_err();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 2);
    told_to_wait(&calls, Duration::from_secs(61))
        .await
        .unwrap_err();
    assert_eq!(calls.into_inner(), 1);
}
