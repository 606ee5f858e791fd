//! The other crates, each as its documentation shows it.
//!
//! Where a crate lets the wait be replaced it is replaced by one that is over at once; where it
//! does not, there are no figures for failures here, since they would be tokio's timer's.

use std::future::{Ready, ready};
use std::time::Duration;

use backon::Retryable as _;
use gate::{Failure, Fails, Size, Variant, ways};
use relentless::{AsyncClock, Clock, RetryPolicy, stop, wait};
use tokio_retry2::RetryError;
use tower::Service as _;
use tower::retry::Policy;
use tower::retry::budget::{Budget as _, TpsBudget};
use undaunted::Retryable as _;

pub const SUCCESS: &[Variant] = ways! { success:
    "tokio-retry", Failure, tokio_retry_delays() => |policy, op| tokio_retry::Retry::spawn(policy.clone(), op);
    "tokio-retry2", ForTokioRetry2, tokio_retry2_delays() => |policy, op| tokio_retry2::Retry::spawn(policy.clone(), op);
    "tryhard", Failure, tryhard_policy() => |policy, op| tryhard::retry_fn(op).with_config(policy);
    "backon", Failure, backon_policy() => |policy, op| op.retry(policy.clone());
    "backon, no-op sleep", Failure, backon_policy() => |policy, op| op.retry(policy.clone()).sleep(no_sleep);
    "backoff", backoff::Error<Failure>, backoff_policy() => |policy, op| backoff::future::retry(policy.clone(), op);
    "relentless, no-op clock", Failure, relentless_policy!() => |policy, op| policy.retry_async(|_| op()).clock(NoClock).call();
    "tower, no budget", Failure, () => |policy, op| { let () = policy; tower_call(Attempts::of(3), op) };
    "tower, TpsBudget", Failure, budget() => |policy, op| tower_call(Budgeted { left: 3, budget: &policy }, op);
};
