//! The drivers: everything that reads a clock, sleeps, logs or draws randomness.
//!
//! There is one loop body, [`Call`](call::Call), and three ways to go round it:
//!
//! ```text
//!              ┌───────────── begin ◄───────────┐
//!              ▼                                │
//!        poll the attempt ── cut by a limit     │ waited
//!          │          │            │            │
//!       success     failure ◄──────┘            │
//!          ▼          ▼                         │
//!      succeeded    judge ── RetryState ── Retry ┘
//!                     └────── Stop: the caller's error
//! ```
//!
//! [`future`] is the hand-written future behind `with_retry` and [`Retry`](builder::Retry),
//! [`session`] hands the steps to a loop of the caller's own (`#[retry]` expands to one),
//! [`blocking`] runs them on the caller's thread.

pub mod blocking;
pub(crate) mod builder;
mod call;
pub(crate) mod context;
pub(crate) mod entropy;
mod future;
mod log;
mod metrics;
#[cfg(feature = "tokio")]
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod timer;
#[cfg(feature = "tokio")]
pub(crate) mod with_retry;
