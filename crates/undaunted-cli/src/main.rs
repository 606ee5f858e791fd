//! The `undaunted` command: copies files and objects, and lists them, through transient failure;
//! and serves them with failures on purpose.

mod args;
mod chaos;
mod copy;
mod endpoint;
mod error;
mod failure;
mod location;
mod log;
mod ls;
mod options;
mod plan;
mod progress;
mod report;
mod serve;
mod shown;
mod signals;
mod stats;
mod tree;
mod value;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use args::{Cli, Command};
use clap::Parser;
use error::CliError;
use tokio::runtime::Builder;
use undaunted_object_store::full_text;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version come this way too, and go to stdout with status 0.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(error::USAGE));
        }
    };
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: no runtime: {error}");
            return ExitCode::from(error::FAILED);
        }
    };
    let ended = runtime.block_on(run(cli));
    // A write to a local file that was given up runs to its end on its own thread, and takes
    // its staging file away: it must not be cut in the middle.
    runtime.shutdown_timeout(LAST_WRITES);
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: {}",
                shown::line(&full_text(&error))
            );
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<u8, CliError> {
    match cli.command {
        Command::Cp(args) => copy::run(options::Copy::from_args(args)?).await,
        Command::Ls(args) => ls::run(options::List::from_args(args)?).await,
        Command::Serve(args) => serve::run(*args).await,
    }
}

/// Far more than writing one part takes, and bounded, because a disk that hangs must not keep
/// the command from ending.
const LAST_WRITES: Duration = Duration::from_secs(10);
