//! The command line of `plan`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use undaunted_sim::Usage;

use crate::policies::PolicyArgs;
use crate::value;

/// Say what a retry policy does, before it ships.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,

    /// Calls of a process that fail together.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,

    /// The bytes that a call sends, such as 1MB.
    #[arg(long, value_name = "SIZE", default_value = "1MB", value_parser = value::bytes)]
    put_size: u64,

    /// After how long the caller stops waiting.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    caller_timeout: Option<Duration>,

    /// A person waits for the result.
    #[arg(long)]
    person_waits: bool,

    /// How often other layers retry, above or below: an SDK, a proxy, a job (repeatable, or with commas).
    #[arg(long, value_name = "N", value_delimiter = ',')]
    other_retries: Vec<u32>,

    /// How long an attempt takes until it fails.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration, allow_negative_numbers = true)]
    attempt_takes: Duration,

    /// Show another policy beside it: default, interactive, background, storage, or a TOML file.
    ///
    /// Its base delay is changed so that both policies wait equally long on average: then what differs
    /// is how they wait. Where none makes that so, it is shown as it is.
    #[arg(long, value_name = "POLICY|FILE.toml")]
    pub(super) compare: Option<String>,

    /// Write a page for a browser, too: the sentences, tables and plots in one file.
    #[arg(long, value_name = "FILE.html", value_parser = value::file)]
    pub(super) html: Option<PathBuf>,

    /// Print JSON: the plan with its schedule, the sentences and the warnings.
    #[arg(long)]
    pub(super) json: bool,
}

impl PlanArgs {
    /// The files that are read, and other names.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let compared = self.compare.as_deref().map(Path::new);
        self.policy.file().into_iter().chain(compared)
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            person_waits: self.person_waits,
            caller_timeout: self.caller_timeout,
            other_layers: self.other_retries.clone(),
            crowd: self.clients,
            payload: self.put_size,
            failing_takes: self.attempt_takes,
        }
    }
}

const ABOUT: &str = "\
Say what a retry policy does, before it ships.

First in sentences: how long an outage it rides out, what it costs the service at worst, and how
clients that fail together come back. Then the delays, as a table and over time. Then what of it
will hurt, and what to do about that.

Nothing is sent anywhere. The figures are found by running the retry code itself, thousands of
times.

The policy is that of open() and its stores unless it is named: by --preset, by a file (--policy)
or by environment variables (--env). The flags under \"Retries\" override its settings.

Exit status: 0, also if there are warnings; 2 for a mistake on the command line or in a file.";

const EXAMPLES: &str = "\
Examples:
  undaunted plan                                       what a store of open() does
  undaunted plan --preset default --clients 200        #[retry] without arguments, in 200 calls
  undaunted plan --preset default --caller-timeout 5s --person-waits
  undaunted plan --policy app.toml --other-retries 3   below an SDK that retries, too
  undaunted plan --env MY_APP_RETRY --json
  undaunted plan --preset default --compare storage --html plan.html";
