//! `_undaunted`: the Rust part of the Python package `undaunted`. The decisions of a retried call,
//! and the stores.
//!
//! The import starts no thread and no runtime. `process.rs` starts them when they are needed.

use pyo3::prelude::*;

mod budget;
mod cleanup;
mod config;
mod errors;
mod events;
mod folder;
mod foreign;
mod hedge;
mod key;
mod left_out;
mod listing;
mod numbers;
mod open_store;
mod pacer;
mod payload;
mod pending;
mod pieces;
mod process;
mod read_options;
mod reader;
mod rules;
mod scope;
mod seconds;
mod signing;
mod sim;
mod slot;
mod state;
mod store;
mod stored_file;
mod upload;

// Its tests have not run without a GIL. Until then a free-threaded Python switches its GIL on, and warns.
#[pymodule(gil_used = true)]
mod _undaunted {
    #[pymodule_export]
    #[allow(non_upper_case_globals)] // Python's name for it
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use super::budget::RetryBudget;
    #[pymodule_export]
    use super::cleanup::finish_cleanups;
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::events::drain_events;
    #[pymodule_export]
    use super::foreign::{class_verdict, judge, judge_by_rules};
    #[pymodule_export]
    use super::hedge::check_hedge;
    #[pymodule_export]
    use super::listing::Listing;
    #[pymodule_export]
    use super::numbers::{metric_labels, metric_text, metric_values};
    #[pymodule_export]
    use super::pacer::Pacer;
    #[pymodule_export]
    use super::pending::{Mailbox, Pending, in_flight};
    #[pymodule_export]
    use super::process::{after_fork, has_runtime};
    #[pymodule_export]
    use super::reader::Reader;
    #[pymodule_export]
    use super::scope::Scope;
    #[pymodule_export]
    use super::sim::{Page, Planned, Policy, Scenario, builtin_scenarios, tick_columns};
    #[pymodule_export]
    use super::state::{State, set_switch, switch};
    #[pymodule_export]
    use super::store::Store;
    #[pymodule_export]
    use super::upload::Upload;
}
