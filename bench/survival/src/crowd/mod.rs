//! Crowds: many calls at the same time on a service that throttles. The table goes to standard
//! output, progress to standard error.

pub mod demand;
mod pace;
mod report;
mod timeline;
mod wave;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::clients;
use crate::provider::Provider;
use pace::{Pace, Row};
use report::Report;
use wave::Wave;

/// Runs crowds of calls on a service that admits 100 requests a second, by each client, and what
/// only undaunted is measured for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only clients of these names (repeatable).
    #[arg(long)]
    client: Vec<String>,
    /// Only crowds whose name contains this.
    #[arg(long, default_value = "")]
    crowd: String,
    /// Only rows of undaunted whose name contains this; "none" for no rows.
    #[arg(long, default_value = "")]
    row: String,
    /// Write every result to this file too, as a line of JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Measures one result after the other, so that none disturbs another.
pub async fn run(args: Args, target: &Path) -> io::Result<()> {
    let mut report = Report::default();
    let waves = Wave::ALL.into_iter();
    let waves: Vec<_> = waves
        .filter(|wave| wave.to_string().contains(&args.crowd))
        .collect();
    if !waves.is_empty() {
        let wanted =
            |name: &str| args.client.is_empty() || args.client.iter().any(|one| one == name);
        let provider = Provider::start().await?;
        for client in clients::crowd(target, &provider, wanted).await {
            if let Some(why) = client.missing() {
                eprintln!("{} is not installed: {why}", client.name());
                continue;
            }
            report.versions.push((client.name(), client.version()));
            for &wave in &waves {
                let figures = wave.run(&*client, wave::throttled(), None).await?;
                eprintln!("{}, {wave}: {figures}", client.name());
                report.figures.push(figures);
            }
        }
    }
    for pace in Pace::ALL {
        if pace.name().contains(&args.row) {
            let row: Row = pace.measure().await?;
            eprintln!("{}: {}", row.name, row.measured);
            report.rows.push(row);
        }
    }
    if let Some(path) = args.json {
        let mut file = BufWriter::new(File::create(path)?);
        for figures in &report.figures {
            writeln!(file, "{}", serde_json::to_string(figures)?)?;
        }
        for row in &report.rows {
            writeln!(file, "{}", serde_json::to_string(row)?)?;
        }
        file.flush()?;
    }
    print!("{report}");
    Ok(())
}
