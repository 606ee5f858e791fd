//! What a policy does, before it ships: plans and simulations of `undaunted-sim`.

mod outcome;
mod page;
mod plan;
mod policy;
mod run;
mod scenario;

pub(crate) use outcome::tick_columns;
pub(crate) use page::Page;
pub(crate) use plan::Planned;
pub(crate) use policy::Policy;
pub(crate) use scenario::{Scenario, builtin_scenarios};
