//! Two failures and a success with delays of zero on a real runtime: the cost of the timer for a
//! delay of zero. Microseconds, not nanoseconds.

use std::cell::Cell;
use std::time::{Duration, Instant};

use backon::Retryable as _;
use gate::measure::median;
use gate::{Failure, fail_twice};
use tokio_retry2::RetryError;
use undaunted::{RetryConfig, with_retry};

pub fn report() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(async {
        let config = RetryConfig::builder().base_delay(Duration::ZERO).build();
        let config = config.expect("a valid policy");
        let ours = micros(async |calls| {
            with_retry(|| fail_twice::<Failure>(calls), &config)
                .await
                .is_ok()
        });
        line("undaunted with_retry", ours.await);
        let backon = micros(async |calls| {
            let policy = backon::ConstantBuilder::default().with_delay(Duration::ZERO);
            (|| fail_twice::<Failure>(calls))
                .retry(policy)
                .await
                .is_ok()
        });
        line("backon", backon.await);
        let delays = [Duration::ZERO; 3];
        let tokio_retry = micros(async |calls| {
            let op = || fail_twice::<Failure>(calls);
            tokio_retry::Retry::start(delays, op).await.is_ok()
        });
        line("tokio-retry", tokio_retry.await);
        let tokio_retry2 = micros(async |calls| {
            let op = || fail_twice::<RetryError<Failure>>(calls);
            tokio_retry2::Retry::spawn(delays, op).await.is_ok()
        });
        line("tokio-retry2", tokio_retry2.await);
        let tryhard = micros(async |calls| {
            let op = || fail_twice::<Failure>(calls);
            tryhard::retry_fn(op).retries(3).await.is_ok()
        });
        line("tryhard", tryhard.await);
    });
}

fn line(name: &str, micros: f64) {
    println!("| two failures, then success, zero delay on tokio, µs | {name} | {micros:.1} | | |");
}

async fn micros<Call>(call: Call) -> f64
where
    Call: for<'c> AsyncFn(&'c Cell<u32>) -> bool,
{
    let mut samples = Vec::new();
    for _ in 0..50 {
        let calls = Cell::new(0);
        let start = Instant::now();
        assert!(call(&calls).await);
        samples.push(start.elapsed().as_nanos() as f64 / 1000.0);
    }
    median(samples)
}
