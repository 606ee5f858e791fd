//! The other crates, each as its documentation shows it, with 3 retries and exponential delays.
//!
//! Failures are measured if the crate allows another timer: one that is ready immediately. The cost
//! of tokio's timer for a delay of zero is measured in `zero`.

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::iter::Take;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use gate::{Failure, Variant, Way, ways};
use relentless::wait::Wait as _;
use relentless::{AsyncClock, Clock, RetryPolicy, stop, wait};
use tokio_retry2::RetryError;
use tower::retry::Policy;
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{Service as _, service_fn};

pub const SUCCESS: &[Way] = ways! { success:
    "tokio-retry", Failure, tokio_retry_delays() => |policy, op|
        tokio_retry::Retry::start(policy.clone(), op);
    "tokio-retry2", RetryError<Failure>, tokio_retry2_delays() => |policy, op|
        tokio_retry2::Retry::spawn(policy.clone(), op);
    "tryhard", Failure, tryhard_policy() => |policy, op|
        tryhard::retry_fn(op).with_config(policy);
    "backon", Failure, ExponentialBuilder::default() => |policy, op| op.retry(policy);
    "backon, no-op sleep", Failure, ExponentialBuilder::default() => |policy, op|
        op.retry(policy).sleep(no_sleep);
    "backoff", backoff::Error<Failure>, backoff::ExponentialBackoff::default() => |policy, op|
        backoff::future::retry(policy.clone(), op);
    "relentless, no-op clock", Failure, relentless_policy(SECOND) => |policy, op|
        policy.retry_async(|_| op()).clock(NoClock).call();
    "tower, policy by hand without delays", Failure, Attempts(3) => |policy, op|
        tower_call(policy, op);
    "tower, policy by hand with jittered delays", Failure, Delays::new() => |policy, op|
        tower_call(policy, op);
    "tower, TpsBudget", Failure, Budgeted::new() => |policy, op| tower_call(policy.shared(), op);
};

pub const FAIL2: &[Variant] = ways! { fail2:
    "backon, no jitter", Failure, backon_policy() => |policy, op| op.retry(policy).sleep(no_sleep);
    "backon, jitter drawn", Failure, backon_policy().with_jitter() => |policy, op|
        op.retry(policy).sleep(no_sleep);
    "backoff, jitter drawn, reads a clock", backoff::Error<Failure>, backoff::ExponentialBackoff::default() => |policy, op|
        backoff::future::Retry::new(NoSleeper, policy.clone(), ignore, op);
    "relentless, no jitter", Failure, relentless_policy(Duration::ZERO) => |policy, op|
        policy.retry_async(|_| op()).clock(NoClock).call();
    "relentless, jitter drawn", Failure, relentless_jitter() => |policy, op|
        policy.retry_async(|_| op()).clock(NoClock).call();
    "tower, policy by hand without delays", Failure, Attempts(3) => |policy, op|
        tower_call(policy, op);
    "tower, policy by hand with jittered delays", Failure, Delays::new() => |policy, op|
        tower_call(policy, op);
    "tower, TpsBudget, no delays", Failure, Budgeted::new() => |policy, op|
        tower_call(policy.shared(), op);
};

pub const SECOND: Duration = Duration::from_secs(1);

fn tokio_retry_delays() -> Take<tokio_retry::strategy::ExponentialBackoff> {
    tokio_retry_endless().take(3)
}

pub fn tokio_retry_endless() -> tokio_retry::strategy::ExponentialBackoff {
    tokio_retry::strategy::ExponentialBackoff::from_millis(2)
        .factor(500)
        .max_delay(Duration::from_secs(60))
}

fn tokio_retry2_delays() -> Take<tokio_retry2::strategy::ExponentialBackoff> {
    tokio_retry2_endless().take(3)
}

pub fn tokio_retry2_endless() -> tokio_retry2::strategy::ExponentialBackoff {
    tokio_retry2::strategy::ExponentialBackoff::from_millis(2)
        .factor(500)
        .max_delay(Duration::from_secs(60))
}

type TryhardPolicy =
    tryhard::RetryFutureConfig<tryhard::backoff_strategies::ExponentialBackoff, tryhard::NoOnRetry>;

fn tryhard_policy() -> TryhardPolicy {
    tryhard::RetryFutureConfig::new(3)
        .exponential_backoff(SECOND)
        .max_delay(Duration::from_secs(60))
}

/// The delays are computed, and skipped by the sleep, which is ready immediately.
fn backon_policy() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(Duration::from_nanos(1))
}

fn no_sleep(_: Duration) -> Ready<()> {
    ready(())
}

fn ignore<E>(_: E, _: Duration) {}

struct NoSleeper;

impl backoff::future::Sleeper for NoSleeper {
    type Sleep = Ready<()>;

    fn sleep(&self, _: Duration) -> Ready<()> {
        ready(())
    }
}

type RelentlessPolicy<W> = RetryPolicy<stop::StopAfterAttempts, W, relentless::DefaultClassifier>;

fn relentless_policy(first: Duration) -> RelentlessPolicy<impl relentless::Wait> {
    RetryPolicy::new()
        .stop(stop::attempts(4))
        .wait(wait::exponential(first))
}

fn relentless_jitter() -> RelentlessPolicy<impl relentless::Wait> {
    let nano = Duration::from_nanos(1);
    RetryPolicy::new()
        .stop(stop::attempts(4))
        .wait(wait::exponential(nano).full_jitter())
}

struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl AsyncClock for NoClock {
    type Wait = Ready<()>;

    fn wait_async(&self, _: Duration) -> Ready<()> {
        ready(())
    }
}

/// `call` only: a `service_fn` is always ready.
fn tower_call<P, Op, Fut>(policy: P, op: Op) -> impl Future<Output = Result<u64, Failure>>
where
    P: Policy<(), u64, Failure> + Clone,
    Op: Fn() -> Fut + Clone,
    Fut: Future<Output = Result<u64, Failure>>,
{
    tower::retry::Retry::new(policy, service_fn(move |()| op())).call(())
}

#[derive(Clone, Copy)]
struct Attempts(u32);

impl Policy<(), u64, Failure> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut (), result: &mut Result<u64, Failure>) -> Option<Ready<()>> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

/// Doubling delays with jitter from an xorshift generator; the sleep is ready immediately.
#[derive(Clone, Copy)]
struct Delays {
    left: Attempts,
    nanos: u64,
    random: u64,
}

impl Delays {
    fn new() -> Self {
        Self {
            left: Attempts(3),
            nanos: 1_000_000_000,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }
}

impl Policy<(), u64, Failure> for Delays {
    type Future = Ready<()>;

    fn retry(&mut self, request: &mut (), result: &mut Result<u64, Failure>) -> Option<Ready<()>> {
        let () = self.left.retry(request, result)?.into_inner();
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let jitter = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        let delay = self.nanos as f64 * (0.75 + jitter / 2.0);
        self.nanos = (self.nanos * 2).min(60_000_000_000);
        Some(no_sleep(black_box(Duration::from_nanos(delay as u64))))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

struct Budgeted(TpsBudget);

impl Budgeted {
    fn new() -> Self {
        // So large that it never runs out.
        Self(TpsBudget::new(Duration::from_secs(10), 1_000_000, 2.0))
    }

    fn shared(&self) -> SharedBudget<'_> {
        SharedBudget {
            left: Attempts(3),
            budget: &self.0,
        }
    }
}

#[derive(Clone)]
struct SharedBudget<'b> {
    left: Attempts,
    budget: &'b TpsBudget,
}

impl Policy<(), u64, Failure> for SharedBudget<'_> {
    type Future = Ready<()>;

    fn retry(&mut self, request: &mut (), result: &mut Result<u64, Failure>) -> Option<Ready<()>> {
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        self.budget.withdraw().then_some(())?;
        self.left.retry(request, result)
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}
