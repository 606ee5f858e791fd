//! What a retry policy does to its callers and to a service, before it ships.
//!
//! ```
//! use std::time::Duration;
//! use undaunted::RetryConfig;
//! use undaunted_sim::{Budget, Effect, Fault, Policy, Scenario};
//!
//! // 100 calls a second, and the service is down for 20 s.
//! let scenario = Scenario {
//!     faults: vec![Fault::new(Effect::Outage, Duration::from_secs(60), Duration::from_secs(20))],
//!     ..Scenario::default()
//! };
//! let default = scenario.run(&Policy::new("default", RetryConfig::default()));
//! let storage = scenario.run(&Policy::new("storage", RetryConfig::storage()));
//! println!("{} and {} calls are lost", default.totals.lost, storage.totals.lost);
//! assert!(storage.totals.lost < default.totals.lost / 10);
//! ```
//!
//! # Overview
//!
//! - A [`Policy`] is what a client does about failures: the configuration, budget, pacer and
//!   hedges of `undaunted`.
//! - A [`Plan`] says what a policy does by itself: what it rides out, what it costs at worst, how a
//!   crowd comes back, and what of it will hurt.
//! - A [`Scenario`] is who calls a service, what the service does, and what goes wrong. It is run
//!   with a policy, and gives an [`Outcome`]: totals, latencies, and everything on one time axis.
//! - A [`ScenarioFile`] is both as TOML. Some come with the library: [`Builtin`].
//! - A [`Live`] scenario is one in real time, for clients and servers that are no simulation.
//! - A [`Threshold`] makes an outcome a check; [`to_json`] and [`to_csv`] are for other programs.
//! - With the feature `report`, a `Report` is a page for a browser, with plots.
//!
//! # It is the code that ships
//!
//! Calls are driven by the same [`RetryState`](undaunted::RetryState),
//! [`RetryBudget`](undaunted::RetryBudget), [`Pacer`](undaunted::Pacer),
//! [`Window`](undaunted::Window) and [`Hedger`](undaunted::Hedger) that production runs, in virtual time. There is no copy of a formula
//! here: if the core changes, so do the results. The budgets of other libraries, [`PeerBudget`], are
//! there to compare with.
//!
//! The laws of retries that the literature knows are tests of this crate (`tests/laws`): what a quota
//! allows in an outage, where overload keeps itself going, how crowds come back, what hedges save.
//!
//! # What it leaves out
//!
//! - Connections: a request costs nothing but its place in the service's queue.
//! - Bodies: a request succeeds or fails as a whole.
//! - Permanent failures. Nothing can be done about those.
//!
//! A scenario is deterministic: the same seed gives the same outcome. Policies with the same seed meet
//! the same arrivals.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and times are far below 2^53, indices are within their tables, and floats \
              saturate where they become numbers"
)]

mod clients;
mod engine;
mod export;
mod fault;
mod latency;
mod live;
mod outcome;
mod peers;
mod plan;
mod policy;
mod queue;
mod random;
#[cfg(feature = "report")]
mod report;
mod run;
mod scenario;
mod service;
#[doc(hidden)]
pub mod text;
mod threshold;
mod time;

pub use clients::{Arrivals, Clients};
pub use export::{to_csv, to_json};
pub use fault::{Effect, Fault};
pub use latency::Latency;
pub use live::{Live, LiveResponse, LiveResult};
pub use outcome::{Outcome, Quantiles, Tick, Totals};
pub use peers::PeerBudget;
pub use plan::{
    Comparison, ComparisonRow, Crowd, Endurance, Plan, PlannedRetry, Spread, Usage, Warning, Wave,
};
pub use policy::{Budget, Policy};
#[cfg(feature = "report")]
pub use report::Report;
pub use scenario::Scenario;
pub use scenario::builtin::Builtin;
pub use scenario::file::{ScenarioError, ScenarioFile};
pub use service::{Expired, RateLimit, Service};
pub use threshold::{Threshold, ThresholdError};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
