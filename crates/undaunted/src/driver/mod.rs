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

mod aside;
pub mod blocking;
mod builder;
mod call;
mod entropy;
mod extras;
mod future;
mod judge;
mod log;
mod metrics;
mod name;
mod report;
mod settings;
pub mod testing;
mod timer;

#[cfg(feature = "tokio")]
mod session;
#[cfg(feature = "tokio")]
mod tokio;

pub use builder::Retry;
pub use entropy::{reseed, seed};
pub use report::{FailedAttempt, RetryReport};

#[cfg(feature = "tokio")]
pub use session::Session;
#[cfg(feature = "tokio")]
pub use tokio::{with_retry, with_retry_mut};
