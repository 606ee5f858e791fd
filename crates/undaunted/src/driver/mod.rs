//! The drivers: everything that reads a clock, sleeps, logs or draws randomness.
//!
//! All three make their attempts through one [`Call`](call::Call), which asks the
//! [`RetryState`](crate::state::RetryState) and emits the events:
//!
//! ```text
//!  with_retry   builder    #[retry]    with_retry_mut    blocking
//!        \       /               \     /                  │
//!         future                 session                  │
//!              \                    │                    /
//!               └─────────────► call::Call ◄────────────┘
//!          context (name, budget, listener), scope, timer, log, spans, metrics, entropy
//! ```
//!
//! [`future`] polls attempts and waits, [`session`] offers the steps to a loop that the caller
//! writes, [`blocking`] runs them on the caller's thread.

pub mod blocking;
pub(crate) mod builder;
mod call;
#[cfg(feature = "http1")]
pub(crate) mod check_status;
pub(crate) mod context;
pub(crate) mod entropy;
mod future;
#[cfg(feature = "metrics")]
pub(crate) mod in_process;
mod log;
pub(crate) mod metrics;
pub(crate) mod pace;
pub(crate) mod scope;
#[cfg(feature = "tokio")]
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod spans;
pub(crate) mod timer;
#[cfg(feature = "tokio")]
pub(crate) mod with_retry;
