//! The command line of `simulate`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use undaunted_sim::Threshold;

use crate::value;

/// Run clients and a service in virtual time, and see what a retry policy does to both.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct SimulateArgs {
    /// A scenario file, which ends in .toml, or the name of a built-in one (see --list).
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["list", "from"])]
    pub(super) scenario: Option<String>,

    /// Take arrivals, latencies and faults from a recording of serve (--record), in the place of a
    /// scenario. With --print it becomes a file.
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "scenario")]
    pub(super) from: Option<PathBuf>,

    /// Run the scenario for real, too, and show what was measured over what was predicted, as explained
    /// above.
    #[arg(long, value_name = "serve", value_enum)]
    pub(super) against: Option<Against>,

    /// A policy to run in the place of the scenario's own: the name of one of these, or default,
    /// interactive, background or storage, or a TOML file (repeatable).
    #[arg(long, value_name = "NAME|FILE.toml")]
    pub(super) policy: Vec<String>,

    /// The seed that everything random comes from, in the place of the scenario's.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// For how long the clients and the service are looked at, in the place of the scenario's.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(super) duration: Option<Duration>,

    /// Fail with status 1 if this is true of any policy, such as 'lost > 0.1%' (repeatable).
    ///
    /// The quantities are lost (the share of calls, from 0 to 1 or in percent; those that should have had a
    /// result at the end count), amplification (requests for each call), recovery (the time after the last
    /// fault; without a fault nothing is true of it), p50, p95, p99, p999 and max (how long calls take that
    /// succeed; for ever if none does), peak (the most requests a second) and queue (the time to work it off).
    #[arg(long, value_name = "CONDITION")]
    pub(super) fail_if: Vec<Threshold>,

    /// Write a page for a browser, too: the result in words, tables and plots in one file.
    #[arg(long, value_name = "FILE.html", value_parser = value::file)]
    pub(super) html: Option<PathBuf>,

    /// Print JSON: what each policy did, with every step of the time axis.
    #[arg(long, conflicts_with = "csv")]
    pub(super) json: bool,

    /// Print CSV: a line for each policy and step of the time axis.
    #[arg(long)]
    pub(super) csv: bool,

    /// Print the table and no plots.
    #[arg(long)]
    pub(super) no_plots: bool,

    /// Print errors only (and --json or --csv, if given).
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// List the built-in scenarios.
    #[arg(long)]
    pub(super) list: bool,

    /// Print the scenario as a file, to be copied and changed, with what --seed, --duration and --policy
    /// change.
    #[arg(long)]
    pub(super) print: bool,
}

impl SimulateArgs {
    /// The files that are read, and other names.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let scenario = self.scenario.as_deref().map(Path::new);
        let policies = self.policy.iter().map(Path::new);
        scenario
            .into_iter()
            .chain(self.from.as_deref())
            .chain(policies)
    }
}

/// What a scenario is run against.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Against {
    /// The S3 server of `undaunted serve`.
    Serve,
}

const ABOUT: &str = concat!(
    include_str!("about.txt"),
    include_str!("against.txt"),
    "A scenario file:\n\n",
    include_str!("example.toml"),
    include_str!("schema.txt"),
    "\
Exit status: 0; 1 if a condition of --fail-if is true; 2 for a mistake on the command line or in a
file; 130 or 143 if stopped by Ctrl-C or SIGTERM, after what there is until then is printed (no
condition is checked then)."
);

const EXAMPLES: &str = "\
Examples:
  undaunted simulate --list
  undaunted simulate outage
  undaunted simulate metastable --policy storage --policy mine.toml
  undaunted simulate outage --print > mine.toml        a file to change
  undaunted simulate outage --html outage.html         with plots for a browser
  undaunted simulate mine.toml --seed 7 --csv > steps.csv
  undaunted simulate outage --policy storage --against serve
  undaunted simulate --from requests.jsonl             what if the clients had another policy?
  undaunted simulate mine.toml --fail-if 'lost > 0.1%' --fail-if 'recovery > 30s'";

#[cfg(test)]
mod tests {
    use undaunted_sim::{Effect, ScenarioFile};

    #[test]
    fn the_example_in_the_help_parses() {
        let text = include_str!("example.toml");
        let file: ScenarioFile = text.parse().unwrap();
        assert_eq!(file.scenario.faults[0].effect, Effect::BrownOut(0.5));
        assert_eq!(file.policies[0].config.max_retries(), 5);
        // The other kind of clients.
        let closed: Vec<&str> = text
            .lines()
            .filter(|line| !line.contains("per_second") && !line.contains("regular"))
            .map(|line| line.trim_start_matches("# "))
            .collect();
        let closed = closed.join("\n");
        assert!(closed.parse::<ScenarioFile>().is_ok(), "{closed}");
    }
}
