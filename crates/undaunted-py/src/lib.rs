//! `_undaunted`: what the Python package `undaunted` has in Rust. The decisions of a retried
//! call, and the stores.
//!
//! Nothing starts at import: no thread, no runtime. See `process.rs` for when one does.

use pyo3::prelude::*;

mod budget;
mod config;
mod errors;
mod events;
mod key;
mod listing;
mod opened;
mod operation;
mod payload;
mod pending;
mod process;
mod reader;
mod seconds;
mod state;
mod store;
mod stored;
mod switch;
mod upload;

#[pymodule(gil_used = false)]
mod _undaunted {
    #[pymodule_export]
    #[allow(non_upper_case_globals)] // Python's name for it
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use super::budget::RetryBudget;
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::events::drain_events;
    #[pymodule_export]
    use super::listing::Listing;
    #[pymodule_export]
    use super::pending::{Mailbox, Pending, in_flight};
    #[pymodule_export]
    use super::process::{after_fork, has_runtime};
    #[pymodule_export]
    use super::reader::Reader;
    #[pymodule_export]
    use super::state::State;
    #[pymodule_export]
    use super::store::Store;
    #[pymodule_export]
    use super::switch::{set_switch, switch};
    #[pymodule_export]
    use super::upload::Upload;
}
