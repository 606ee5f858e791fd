//! The survival matrix: what S3 clients do in failure scenarios of S3, and in crowds on a service
//! that throttles. The report goes to standard output, progress to standard error.

mod call;
mod cell;
mod clients;
mod content;
mod crowd;
mod folder;
mod many;
mod provider;
mod report;
mod request;
mod scenario;
mod scenarios;
mod schedule;
mod traffic;
mod verdict;
mod versions;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use clients::Client;
use provider::Provider;
use report::Matrix;

/// Runs S3 clients against a server that injects faults, and reports the result of each call.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only scenarios whose name contains this.
    #[arg(long, default_value = "")]
    scenario: String,
    /// Only clients of these names (repeatable).
    #[arg(long)]
    client: Vec<String>,
    /// Write every result to this file too, as a line of JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fail if undaunted is wrong anywhere, or if it needs more requests or bytes than the best
    /// client that survives and the scenario has no reason for it.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Crowd(crowd::Args),
    /// A part of `crowd`: one process of several.
    #[command(hide = true)]
    CrowdProcess(crowd::demand::Demand),
}

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    match args.command {
        None => matrix(args).await,
        Some(Command::Crowd(crowd)) => {
            crowd::run(crowd, &target()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::CrowdProcess(demand)) => {
            crowd::demand::process(demand).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn matrix(args: Args) -> io::Result<ExitCode> {
    let mut scenarios = scenarios::all();
    scenarios.retain(|one| one.name.contains(&args.scenario));
    let wanted = |name: &str| match &args.client[..] {
        // Not a column of its own.
        [] => name != clients::undaunted::THROUGH_013,
        named => named.iter().any(|one| one == name),
    };
    let provider = Arc::new(Provider::start().await?);
    let clients = clients::all(&target()?, &provider, wanted).await;
    let clients: Vec<Arc<dyn Client>> = clients.into_iter().map(Arc::from).collect();
    if scenarios.is_empty() || clients.is_empty() {
        eprintln!("no scenario or no client matches");
        return Ok(ExitCode::FAILURE);
    }
    for client in &clients {
        if let Some(why) = client.missing() {
            eprintln!("{} is not installed: {why}", client.name());
        }
    }

    let installed = clients.iter().filter(|one| one.missing().is_none());
    let all = installed.count() * scenarios.len();
    let mut done = 0;
    let cells = schedule::run(&clients, &scenarios, &provider, |cell| {
        done += 1;
        let mark = if cell.right { "ok" } else { "WRONG" };
        eprintln!("{done}/{all} {mark} {}: {}", cell.client, cell.scenario);
    })
    .await?;
    let matrix = Matrix {
        clients,
        scenarios,
        cells,
    };
    if let Some(path) = args.json {
        let mut file = BufWriter::new(File::create(path)?);
        for cell in &matrix.cells {
            writeln!(file, "{}", serde_json::to_string(cell)?)?;
        }
        file.flush()?;
    }
    print!("{matrix}");

    Ok(if args.check && !matrix.passes() {
        eprintln!("undaunted is wrong, or needs more than the best client: see the report");
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The target folder that this program was built in.
fn target() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(|release| release.parent());
    target
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("the program has no folder"))
}
