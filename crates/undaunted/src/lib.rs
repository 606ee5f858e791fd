//! Retries that make operations survive transient failure: one decision core, async and
//! blocking, and an attribute.
//!
//! ```
//! use undaunted::{RetryConfig, StorageError, retry, with_retry};
//!
//! # async fn put(_: &str, _: &[u8]) -> Result<(), StorageError> { Ok(()) }
//! #[retry] // 3 retries, waiting 1 s, 2 s and 4 s, each ±25 %
//! async fn upload(key: &str, data: &[u8]) -> Result<(), StorageError> {
//!     put(key, data).await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), StorageError> {
//! upload("avatars/1.jpg", b"image").await?;
//!
//! let config = RetryConfig::interactive();
//! with_retry(|| put("avatars/2.jpg", b"image"), &config).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! - [`RetryConfig`] is the policy: plain, validated data, with presets.
//! - [`Retryable`] gives the [`Verdict`] on an error: permanent, transient or throttled. It is
//!   implemented for [`std::io::Error`], boxed errors and [`StorageError`], and for your own
//!   error by you.
//! - [`with_retry`] makes a call. [`Retry`] takes more settings: a name, a predicate, a
//!   [`RetryBudget`], a listener. [`retry`](macro@retry) is an attribute for a function.
//!   [`Rules`] say what failures mean with a service of your own, [`with_deadline`] bounds all calls
//!   in a future.
//!   [`Session`] offers the steps for a loop that you write. [`blocking`] has the same without a
//!   runtime.
//! - [`RetryState`] decides: pure, without a clock, the same for all of them.
//! - [`Event`] is the end of an attempt; logs, metrics, listeners and reports are all made from
//!   it.
//!
//! The [`guide`] has a page on each question: [when to retry](guide::when_to_retry),
//! [rules of your own](guide::rules),
//! [what may be repeated](guide::idempotency), [limits on time](guide::timeouts),
//! [who waits](guide::people_and_machines), [nested retries](guide::nested_retries),
//! [monitoring](guide::monitoring), [wrapping a store](guide::wrapping_a_store),
//! [errors of other clients](guide::other_clients) and [testing](guide::testing).
//!
//! # What it does not do
//!
//! It does not know whether your operation may be repeated: you do. It has no circuit breaker:
//! a budget limits the load of retries, and first attempts are the caller's. It hedges no calls of
//! functions: [`Hedger`] decides when a read is sent twice, and the stores of `undaunted-object-store`
//! do so.
//!
//! # Cost
//!
//! A call that succeeds at its first attempt allocates nothing, draws no randomness, and reads
//! no clock unless it has a time limit or a listener.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | [`#[retry]`](macro@retry) |
//! | `tokio` | yes | [`with_retry`], [`Session`], and tokio's timer for [`Retry`] |
//! | `tracing` | yes | log lines, target `undaunted::retry` |
//! | `spans` | no | a span for each operation and each attempt, through `tracing` |
//! | `metrics` | no | [metrics](metric) through the facade of that name |
//! | `serde` | no | [`RetryConfig`], [`Rules`] and [`RetrySettings`] in configuration files |
//! | `object_store014` | no | [`Retryable`] for object_store 0.14's error |
//! | `object_store013` | no | [`Retryable`] for object_store 0.13's error |
//! | `anyhow1`, `aws_smithy1`, `hyper1`, `hyper_util01`, `opendal059`, `reqwest012`, `reqwest013`, `tonic014` | no | [`Retryable`] for the errors of these clients, see [the guide](guide::other_clients) |
//! | `http1` | no | `HttpFailure::from_response` and `CheckStatus`, for responses of clients of HTTP |

mod backoff;
mod budget;
mod config;
mod counters;
mod driver;
mod errors;
mod event;
pub mod guide;
mod hedge;
pub mod metric;
mod pacer;
mod report;
mod rules;
mod state;
pub mod testing;
mod verdict;
mod window;

pub use budget::RetryBudget;
pub use config::{
    ConfigError, Hedge, HedgeAfter, Jitter, ParseConfigError, RetryConfig, RetryConfigBuilder,
    parse_duration,
};
pub use counters::RetryMetrics;
pub use driver::blocking;
pub use driver::builder::Retry;
#[cfg(feature = "http1")]
pub use driver::check_status::CheckStatus;
#[cfg(feature = "metrics")]
pub use driver::in_process::{MetricSample, MetricValue, MetricsInProcess};
pub use driver::scope::{current_deadline, one_attempt, with_deadline, without_deadline};
#[cfg(feature = "tokio")]
pub use driver::session::Session;
#[cfg(feature = "spans")]
pub use driver::spans::OperationSpan;
#[cfg(feature = "tokio")]
pub use driver::with_retry::{with_retry, with_retry_mut};
pub use errors::error_type::error_type;
pub use errors::http::HttpFailure;
pub use errors::retry_after::parse_retry_after;
pub use errors::storage::{StorageError, StorageErrorKind};
pub use event::{AttemptOutcome, Event};
pub use hedge::{HedgedResponse, Hedger};
pub use pacer::{Admission, Pacer, Turn};
pub use report::{FailedAttempt, RetryReport};
pub use rules::{Judgement, RetrySettings, Rules, RulesBuilder, Statuses};
pub use state::{Cut, Decision, RetryState, StopReason};
pub use verdict::{FailedResponse, Retryable, TimedOut, Verdict};
pub use window::Window;

#[cfg(feature = "macros")]
pub use undaunted_macros::retry;

/// The types that [`Retry`] and [`blocking::Retry`] have as parameters, for code that must write
/// a builder's type. The builders' methods choose them.
pub mod builder {
    pub use crate::driver::context::{
        AsError, Boxed, ByFunctions, ByTrait, Classify, Ruled, Typed, When,
    };
    pub use crate::driver::pace::{Pace, Paced, Unpaced};
    pub use crate::driver::settings::{Listener, NoListener, OnEvent};
    pub use crate::driver::timer::{DefaultTimer, SleepWith, Timer};
}

/// For the expansion of `#[retry]` and for bindings to other languages only; not covered by
/// semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::blocking::with_named_retry;
    pub use crate::driver::entropy::{reseed, seed};
    #[cfg(feature = "metrics")]
    pub use crate::driver::metrics::record_call;
    pub use crate::driver::pace::throttled;
    pub use crate::testing::switched;
    #[cfg(feature = "spans")]
    pub use tracing::Span;
}
