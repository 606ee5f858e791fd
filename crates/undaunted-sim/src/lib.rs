//! What a retry policy does to its callers and to a service, in virtual time.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and times are far below 2^53, indices are within their tables, and floats \
              saturate where they become numbers"
)]

mod clients;
mod engine;
mod fault;
mod hedge;
mod latency;
mod outcome;
mod peers;
mod policy;
mod queue;
mod random;
mod scenario;
mod service;
mod time;

pub use clients::{Arrivals, Clients};
pub use fault::{Effect, Fault};
pub use hedge::{Hedge, HedgeAfter};
pub use latency::Latency;
pub use outcome::{Outcome, Quantiles, Tick, Totals};
pub use peers::PeerBudget;
pub use policy::{Budget, Policy};
pub use scenario::Scenario;
pub use service::{Expired, RateLimit, Service};
