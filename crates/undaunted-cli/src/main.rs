//! The `undaunted` command: copies and lists files and objects, with retries through transient
//! failures, serves them as S3 with injected faults, and says what a retry policy does.

mod args;
mod chaos;
mod copy;
mod endpoint;
mod error;
mod html;
mod location;
mod log;
mod ls;
mod plan;
mod plot;
mod policies;
mod progress;
mod replace;
mod report;
mod request;
mod resume;
mod rules;
mod selection;
mod serve;
mod settings;
mod signals;
mod simulate;
mod slots;
mod stats;
mod store_identity;
mod store_kind;
mod terminal;
mod text;
mod tree;
mod update;
mod value;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use args::{Cli, Command};
use clap::Parser;
use error::CliError;
use settings::{CopySettings, ListSettings};
use tokio::runtime::Builder;
use undaunted_object_store::full_text;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are such errors too; they go to stdout with exit status 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(error::USAGE));
        }
    };
    let mut builder = match cli.command {
        // One thread for all connections: handing what arrives to another thread costs half as
        // much again as receiving it. Files are read and written on threads of their own.
        Command::Cp(_) | Command::Ls(_) | Command::Plan(_) => Builder::new_current_thread(),
        Command::Serve(_) | Command::Simulate(_) => Builder::new_multi_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: the async runtime cannot start: {}",
                full_text(&error)
            );
            return ExitCode::from(error::FAILED);
        }
    };
    let ended = runtime.block_on(run(cli));
    // A cancelled write to a local file still runs to its end on a thread of its own, and then
    // removes its staging file: it must not be cut off.
    runtime.shutdown_timeout(LAST_WRITES);
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", error.message());
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<u8, CliError> {
    match cli.command {
        Command::Cp(args) => copy::run(CopySettings::from_args(args)?).await,
        Command::Ls(args) => ls::run(ListSettings::from_args(args)?).await,
        Command::Serve(args) => serve::run(*args).await,
        Command::Plan(args) => plan::run(&args),
        Command::Simulate(args) => simulate::run(*args).await,
    }
}

/// Far longer than writing one part takes, but bounded: a hanging disk must not keep the command
/// from ending.
const LAST_WRITES: Duration = Duration::from_secs(10);
