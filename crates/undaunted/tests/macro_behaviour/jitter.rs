//! `jitter`, in all its forms.

use std::io;

use tokio::time::Instant;
use undaunted::retry;

use crate::Flaky;

#[retry(max_retries = 1, base_delay = 10, jitter = "full")]
async fn full(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 1, base_delay = 10, jitter = "equal")]
async fn equal(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 1, base_delay = 10, jitter = "decorrelated")]
async fn decorrelated(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 1, base_delay = 10, jitter = 0.5)]
async fn half(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[retry(max_retries = 1, base_delay = 10, jitter = true)]
async fn on(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[tokio::test(start_paused = true)]
async fn each_kind_keeps_to_its_range() {
    macro_rules! assert_within {
        ($call:ident, $range:expr) => {
            for _ in 0..20 {
                let start = Instant::now();
                $call(&Flaky::new(1)).await.unwrap();
                let seconds = start.elapsed().as_secs_f64();
                assert!(
                    $range.contains(&seconds),
                    "{}: {seconds}",
                    stringify!($call)
                );
            }
        };
    }
    assert_within!(full, 0.0..=10.002);
    assert_within!(equal, 5.0..=10.002);
    assert_within!(decorrelated, 10.0..=30.002);
    assert_within!(half, 5.0..=15.002);
    assert_within!(on, 7.5..=12.502);
}
