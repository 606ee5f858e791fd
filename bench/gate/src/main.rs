//! Small programs whose instructions are counted: `gate VARIANT COUNT` makes COUNT calls.
//!
//! Each future is pinned on the stack and polled through an opaque `&mut dyn Future`, as an
//! executor does, so that the optimiser cannot see through it.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use undaunted::{
    Jitter, Retry, RetryBudget, RetryConfig, Retryable, TimedOut, Verdict, retry, with_retry,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let variant = arguments.next().unwrap_or_default();
    let count: u64 = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    let config = RetryConfig::default();
    let zero = RetryConfig::builder()
        .base_delay(Duration::ZERO)
        .jitter(Jitter::None);
    let zero = zero.build().expect("a valid policy");
    // Full jitter on a nanosecond is drawn and comes to nothing, so the wait is skipped too.
    let nano = Duration::from_nanos(1);
    let drawn = RetryConfig::builder()
        .base_delay(nano)
        .max_delay(nano)
        .jitter(Jitter::Full);
    let drawn = drawn.build().expect("a valid policy");
    let budget = RetryBudget::new();
    let no_wait = |_| ready(());

    match variant.as_str() {
        "raw_ok" => repeat(count, |n, _| drive(pin!(succeed(n)))),
        "hand_ok" => repeat(count, |n, _| {
            drive(pin!(async {
                let mut retries = 0;
                loop {
                    match succeed(n).await {
                        Ok(value) => return Ok(value),
                        Err(error) if retries == 3 => return Err(error),
                        Err(_) => {
                            retries += 1;
                            yield_now().await;
                        }
                    }
                }
            }))
        }),
        "with_retry_ok" => repeat(count, |n, _| {
            drive(pin!(with_retry(|| succeed(n), &config)))
        }),
        "macro_ok" => repeat(count, |n, _| drive(pin!(annotated(n)))),
        "budget_ok" => repeat(count, |n, _| {
            drive(pin!(
                Retry::new(|| succeed(n))
                    .config(&config)
                    .budget(&budget)
                    .run()
            ))
        }),
        "raw_fail2" => repeat(count, |_, calls| {
            drive(pin!(async {
                let _ = fail_twice(calls).await;
                let _ = fail_twice(calls).await;
                fail_twice(calls).await
            }))
        }),
        "hand_fail2" => repeat(count, |_, calls| {
            drive(pin!(async {
                let mut retries = 0;
                loop {
                    match fail_twice(calls).await {
                        Ok(value) => return Ok(value),
                        Err(error) if retries == 3 => return Err(error),
                        Err(_) => {
                            retries += 1;
                            yield_now().await;
                        }
                    }
                }
            }))
        }),
        "fail2_plain" => repeat(count, |_, calls| {
            drive(pin!(
                Retry::new(|| fail_twice(calls))
                    .config(&zero)
                    .sleep_with(no_wait)
                    .run()
            ))
        }),
        "fail2_jitter" => repeat(count, |_, calls| {
            drive(pin!(
                Retry::new(|| fail_twice(calls))
                    .config(&drawn)
                    .sleep_with(no_wait)
                    .run()
            ))
        }),
        other => {
            eprintln!("{other:?} is no variant");
            std::process::exit(2);
        }
    }
}

fn repeat(count: u64, mut call: impl FnMut(u64, &Cell<u32>) -> Result<u64, Failure>) {
    for n in 0..count {
        let calls = Cell::new(0);
        let _ = black_box(call(n, &calls));
    }
}

#[inline(never)]
fn drive<T>(future: Pin<&mut dyn Future<Output = T>>) -> T {
    let mut future = black_box(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
    }
}

async fn succeed(n: u64) -> Result<u64, Failure> {
    Ok(black_box(n))
}

#[retry]
async fn annotated(n: u64) -> Result<u64, Failure> {
    Ok(black_box(n))
}

async fn fail_twice(calls: &Cell<u32>) -> Result<u64, Failure> {
    calls.set(calls.get() + 1);
    if calls.get() <= 2 {
        Err(Failure)
    } else {
        Ok(1)
    }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failure")
    }
}

impl Retryable for Failure {
    fn verdict(&self) -> Verdict {
        Verdict::TRANSIENT
    }

    fn timed_out(_: TimedOut) -> Self {
        Self
    }
}
