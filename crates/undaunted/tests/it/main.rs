//! What the crate promises, from the outside. What goes where:
//!
//! - `attempts`: how often, how long, what comes back
//! - `budget`: the shared allowance, end to end and in numbers
//! - `cancellation`: dropping a call at every await
//! - `events`: what listeners and reports are told
//! - `golden`: schedules that every language must reproduce
//! - `limits`: deadlines and attempt timeouts
//! - `pace_figures`: the rate of a pacer, in the figures of its documentation
//! - `pacer`: turns, and what holds for any schedule
//! - `pacer_simulated`: a service that throttles, in virtual time
//! - `parity`: async, session, blocking and bare state decide the same
//! - `peers_faults`: faults found in other retry libraries, each shown absent here
//! - `presets`: what each preset rides out
//! - `properties`: what holds for any input
//! - `rules`: verdicts of the caller's own, and who hears of them
//! - `scope`: deadlines of the caller, and one attempt for all calls within
//! - `shapes`: closures, borrows and `Send`
#![cfg(feature = "tokio")]
// Tests read clocks and unwrap; what they test does neither.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

mod attempts;
mod budget;
mod cancellation;
mod events;
#[cfg(feature = "serde")]
mod golden;
mod limits;
mod pace_figures;
mod paced;
mod pacer;
mod pacer_simulated;
mod parity;
mod peers_faults;
mod presets;
mod properties;
mod rules;
mod scope;
mod shapes;
mod support;
