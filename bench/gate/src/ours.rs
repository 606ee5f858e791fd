//! The variants of undaunted, with the bare future and a hand-written loop to compare.

use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use undaunted::{Jitter, Retry, RetryBudget, RetryConfig, Session, retry, with_retry};

use crate::{Failure, Variant, Way, drive, repeat, ways};

pub const SUCCESS: &[Way] = ways! { success:
    "raw", Failure, () => |policy, op| { let () = policy; op() };
    "loop by hand", Failure, 3 => |policy, op| by_hand(policy, op);
    "undaunted with_retry", Failure, RetryConfig::default() => |policy, op| with_retry(op, &policy);
    "undaunted Session", Failure, RetryConfig::default() => |policy, op| session(&policy, op);
    "undaunted Retry, budget", Failure, (RetryConfig::default(), RetryBudget::new()) => |policy, op|
        Retry::new(op).config(&policy.0).budget(&policy.1).run();
};

/// `#[retry]` has no closure: its body is the operation.
pub const ATTRIBUTE: Variant = Variant {
    name: "undaunted #[retry]",
    run: |count| repeat(count, |n, _| drive(pin!(annotated(n)))),
};

#[retry(max_retries = 3)]
async fn annotated(n: u64) -> Result<u64, Failure> {
    Ok(black_box(n))
}

pub const FAIL2: &[Variant] = ways! { fail2:
    "raw, 3 calls", Failure, () => |policy, op| {
        let () = policy;
        async move { let _ = op().await; let _ = op().await; op().await }
    };
    "loop by hand, yields", Failure, 3 => |policy, op| by_hand(policy, op);
    "undaunted, no jitter", Failure, zero() => |policy, op|
        Retry::new(op).config(&policy).sleep_with(|_| ready(())).run();
    "undaunted, jitter drawn", Failure, drawn() => |policy, op|
        Retry::new(op).config(&policy).sleep_with(|_| ready(())).run();
    "undaunted with_retry, jitter drawn", Failure, drawn() => |policy, op| with_retry(op, &policy);
    "undaunted, waits of a microsecond", Failure, microsecond() => |policy, op|
        Retry::new(op).config(&policy).sleep_with(|_| ready(())).run();
};

/// A delay of zero, and so a jitter of zero that is not drawn.
fn zero() -> RetryConfig {
    policy(
        RetryConfig::builder()
            .base_delay(Duration::ZERO)
            .jitter(Jitter::None),
    )
}

/// Full jitter on a nanosecond: it is drawn and rounds to zero, so the wait is skipped too.
fn drawn() -> RetryConfig {
    let nano = Duration::from_nanos(1);
    policy(
        RetryConfig::builder()
            .base_delay(nano)
            .max_delay(nano)
            .jitter(Jitter::Full),
    )
}

/// Delays that use the timer.
fn microsecond() -> RetryConfig {
    policy(RetryConfig::builder().base_delay(Duration::from_micros(1)))
}

fn policy(builder: undaunted::RetryConfigBuilder) -> RetryConfig {
    builder.build().expect("a valid policy")
}

async fn by_hand<Op, Fut, T, E>(max_retries: u32, op: Op) -> Result<T, E>
where
    Op: Fn() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut retries = 0;
    loop {
        match op().await {
            Ok(value) => return Ok(value),
            Err(error) if retries == max_retries => return Err(error),
            Err(_) => {
                retries += 1;
                yield_now().await;
            }
        }
    }
}

async fn session<Op, Fut>(config: &RetryConfig, op: Op) -> Result<u64, Failure>
where
    Op: Fn() -> Fut,
    Fut: Future<Output = Result<u64, Failure>>,
{
    let mut session = Session::new(config).name("session");
    loop {
        match session.attempt(op()).await {
            Ok(value) => return Ok(value),
            Err(error) => session.failed(error).await?,
        }
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
