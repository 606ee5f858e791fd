//! How many attempts, and when.

use std::io;
use std::time::Duration;

use tokio::time::Instant;
use undaunted::retry;

use crate::{Flaky, assert_millis};

#[retry]
async fn by_default(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry()]
async fn with_brackets(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(
    max_retries = 5,
    base_delay = "500ms",
    max_delay = "3s",
    exponential_base = 3,
    jitter = "none"
)]
async fn chosen(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 2, base_delay = 0.25, jitter = false)]
async fn in_seconds(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 0)]
async fn once(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[tokio::test(start_paused = true)]
async fn the_default_is_three_retries_over_seven_seconds() {
    let start = Instant::now();
    let flaky = Flaky::new(3);
    assert_eq!(by_default(&flaky).await.unwrap(), 4);
    let seconds = start.elapsed().as_secs_f64();
    assert!((5.25..8.76).contains(&seconds), "{seconds}");

    let flaky = Flaky::new(4);
    let error = with_brackets(&flaky).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(flaky.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_options_are_the_schedule() {
    let start = Instant::now();
    let flaky = Flaky::new(9);
    chosen(&flaky).await.unwrap_err();
    assert_eq!(flaky.calls(), 6);
    // 500 ms, 1.5 s, then the cap three times.
    assert_millis(start.elapsed(), 500 + 1500 + 3 * 3000);

    let start = Instant::now();
    assert_eq!(in_seconds(&Flaky::new(2)).await.unwrap(), 3);
    assert_millis(start.elapsed(), 250 + 500);
}

#[tokio::test(start_paused = true)]
async fn no_retries_means_one_attempt() {
    let start = Instant::now();
    let flaky = Flaky::new(1);
    once(&flaky).await.unwrap_err();
    assert_eq!(flaky.calls(), 1);
    assert_millis(start.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_makes_no_more_attempts() {
    let flaky = Flaky::new(u32::MAX);
    let limit = Duration::from_secs(4);
    let call = tokio::time::timeout(limit, chosen(&flaky));
    assert!(call.await.is_err());
    // At 0 s, 0.5 s and 2 s; the next would be at 5 s.
    assert_eq!(flaky.calls(), 3);
}
