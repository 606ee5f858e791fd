//! The command line: the table of an engine, or one step in a process of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::cell::{Cell, Schedule};
use crate::{Engine, Service, Store, chain, table};

/// Runs the engine with its own store and with undaunted's, through faults, and prints the table.
#[derive(Debug, Parser)]
struct Command {
    /// Faults of the server: clean, or a profile of `undaunted serve` (repeatable).
    #[arg(long, default_values = PROFILES)]
    profile: Vec<String>,
    /// Seeds of the faults; each is a run (repeatable).
    #[arg(long, default_values_t = [11, 12, 13])]
    seed: Vec<u64>,
    /// How often each is run.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// The stores to run with.
    #[arg(long, value_enum, default_values = ["own", "undaunted"])]
    store: Vec<Store>,
    /// Seconds after which a run is ended, and told as such.
    #[arg(long, default_value_t = 240)]
    limit: u64,
    /// Appends each run to this file, as a line of JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Keeps the record of requests and what the steps print here.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// The command to serve with.
    #[arg(long, env = "UNDAUNTED", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../target/release/undaunted"))]
    undaunted: PathBuf,
    #[command(subcommand)]
    step: Option<Step>,
}

/// One step, against the server that the environment variable `ENGINE_SERVICE` names.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Step {
    /// Writes what the run needs.
    Prepare,
    /// The measured part.
    Run { store: Store },
    /// Reads what the run has left behind.
    Verify,
}

/// What a step prints as the last line of its output.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StepResult {
    pub(crate) seconds: f64,
    pub(crate) seen: Vec<String>,
    pub(crate) error: Option<String>,
}

pub(crate) fn run<E: Engine>() -> Result<()> {
    let command = Command::parse();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    match command.step {
        Some(step) => runtime.block_on(run_step::<E>(step)),
        None => runtime.block_on(run_table::<E>(command)),
    }
}

impl Step {
    /// The arguments that make a process of this program run the step.
    pub(crate) fn arguments(self) -> Vec<String> {
        match self {
            Self::Prepare => vec!["prepare".to_owned()],
            Self::Run { store } => {
                let store = store.to_possible_value().map(|v| v.get_name().to_owned());
                vec!["run".to_owned(), store.unwrap_or_default()]
            }
            Self::Verify => vec!["verify".to_owned()],
        }
    }
}

async fn run_step<E: Engine>(step: Step) -> Result<()> {
    let service = std::env::var(SERVICE).with_context(|| format!("{SERVICE} is not set"))?;
    let service: Service = serde_json::from_str(&service)?;
    let begun = Instant::now();
    let seen = match step {
        Step::Prepare => E::prepare(service).await.map(|()| Vec::new()),
        Step::Run { store } => E::run(service, store).await,
        Step::Verify => E::verify(service).await,
    };
    let seconds = begun.elapsed().as_secs_f64();
    let (seen, error) = match seen {
        Ok(seen) => (seen, None),
        Err(error) => (Vec::new(), Some(chain(error.as_ref()))),
    };
    let result = StepResult {
        seconds,
        seen,
        error,
    };
    println!("{}", serde_json::to_string(&result)?);
    Ok(())
}

async fn run_table<E: Engine>(command: Command) -> Result<()> {
    let schedule = Schedule {
        undaunted: command.undaunted,
        limit: Duration::from_secs(command.limit),
        keep: command.keep,
    };
    let prepared = schedule.prepare().await?;
    let right = schedule.right(&prepared).await?;
    eprintln!("right: {right:?}");
    let mut cells: Vec<Cell> = Vec::new();
    for profile in &command.profile {
        // Without faults there is nothing that a seed changes.
        let seeds = if profile == CLEAN {
            1
        } else {
            command.seed.len()
        };
        for seed in command.seed.iter().take(seeds) {
            for store in (0..command.runs).flat_map(|_| &command.store) {
                let cell = schedule
                    .cell(&prepared, &right, profile, *seed, *store)
                    .await?;
                eprintln!("{}", serde_json::to_string(&cell)?);
                if let Some(path) = &command.json {
                    table::append_json(path, E::NAME, &cell)?;
                }
                cells.push(cell);
            }
        }
    }
    print!("{}", table::markdown(E::NAME, E::OWN, &cells));
    Ok(())
}

/// The profile without faults.
pub(crate) const CLEAN: &str = "clean";
/// The last is without `Retry-After`, which undaunted obeys and the stores of the engines do not read.
const PROFILES: [&str; 5] = [
    CLEAN,
    "flaky",
    "lossy",
    "throttled",
    "throttled,retry_after=0s",
];
/// The environment variable that tells a step where the server is.
pub(crate) const SERVICE: &str = "ENGINE_SERVICE";
