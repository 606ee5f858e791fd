//! Runs an engine beside itself: with its own store and retries, and with those of undaunted, on
//! `undaunted serve --chaos`, and prints what became of both.

mod cell;
mod command;
mod directory;
mod server;
mod table;

use std::fmt::Debug;
use std::future::Future;

pub use anyhow::{Context, Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// An engine and what it does here.
///
/// Every step is a process of its own, so that a panic or a hang of one is a cell of the table.
/// A step returns what it has seen, line by line; that of a run without faults is what is right.
pub trait Engine {
    /// Its name and version.
    const NAME: &'static str;
    /// Its own store and retries, for the table.
    const OWN: &'static str;

    /// Writes what the run needs. There are no faults, and it is done once.
    fn prepare(service: Service) -> impl Future<Output = Result<()>> + Send;

    /// The measured part, through faults.
    fn run(service: Service, store: Store) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Reads what the run has left behind, without faults and with the engine's own store.
    fn verify(service: Service) -> impl Future<Output = Result<Vec<String>>> + Send;
}

/// Which store and retries the engine uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// The engine's own, with its defaults.
    Own,
    /// The one of undaunted, with the engine's retries off.
    Undaunted,
}

/// How to reach the server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Service {
    pub endpoint: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub region: String,
}

impl Service {
    /// The options of `object_store`, which `undaunted_object_store::open_with` takes too.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        [
            ("aws_endpoint", &self.endpoint),
            ("aws_access_key_id", &self.access_key_id),
            ("aws_secret_access_key", &self.secret_access_key),
            ("aws_region", &self.region),
            ("aws_allow_http", &"true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .to_vec()
    }
}

/// The `main` of every engine: the table, or one step of it in a process of its own.
///
/// # Errors
///
/// If there can be no table. What goes wrong in a run is in the table.
pub fn main<E: Engine>() -> Result<()> {
    command::run::<E>()
}

/// The text of an error and its causes, once each: some repeat those below them in their own text.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The bucket of all objects. The server creates it.
pub const BUCKET: &str = "bucket";
