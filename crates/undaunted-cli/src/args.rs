//! The command line, as clap parses it, and the help.

use std::ffi::OsString;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use undaunted::{Jitter, RetryConfig};

use crate::chaos::Chaos;
use crate::copy::CpArgs;
use crate::plan::PlanArgs;
use crate::rules::RuleArgs;
use crate::serve::ServeArgs;
use crate::simulate::SimulateArgs;
use crate::value::{self, KeyValue, TimeLimit};

/// Copy and list files and objects, with retries through transient failures; serve them as S3 with
/// injected faults; and see what a retry policy does before it ships.
#[derive(Debug, Parser)]
#[command(name = "undaunted", version, propagate_version = true)]
#[command(max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cp(Box<CpArgs>),
    Ls(Box<LsArgs>),
    Serve(Box<ServeArgs>),
    Plan(Box<PlanArgs>),
    Simulate(Box<SimulateArgs>),
}

/// List files and objects: size, last modified, name.
#[derive(Args, Debug)]
#[command(long_about = LS_ABOUT)]
pub(crate) struct LsArgs {
    /// What to list: a path or a URL.
    #[arg(value_name = "URL")]
    pub(crate) url: OsString,

    /// List everything below, not only what is directly below.
    #[arg(short, long)]
    pub(crate) recursive: bool,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Flags of every command that copies or lists.
#[derive(Args, Debug)]
pub(crate) struct CommonArgs {
    /// Print JSON: cp one summary at the end (on stderr if DST is -), ls one line per entry.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print errors only (and --json, if given).
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log retries to stderr as they happen; -vv logs more.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Option of the store, by object_store's names, such as aws_region=eu-west-1 (repeatable).
    ///
    /// Environment variables that object_store reads apply too, and are the place for secrets:
    /// other users can see command lines. Local files and memory have no options.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) option: Vec<KeyValue>,

    /// Inject faults: flaky, throttled, lossy or blackout, and key=value pairs, such as
    /// flaky,seed=7,rate=0.5; or the path of a chaos file, which ends in .toml.
    #[arg(long, value_name = "SPEC|FILE.toml", value_parser = Chaos::parse_for_store, help_heading = FAULTS)]
    pub(crate) chaos: Option<Chaos>,

    #[command(flatten)]
    pub(crate) retry: RetryArgs,

    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// A flag for each setting of a retry policy.
#[derive(Args, Debug)]
#[command(next_help_heading = "Retries (durations are written 500ms, 2m, or 1.5 for seconds)")]
pub(crate) struct RetryArgs {
    /// The policy to start from; the flags below override its settings.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) preset: Preset,

    /// Retries after the first attempt of an operation; 0 is a single attempt.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_retries: Option<u32>,

    /// The delay before the first retry.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) base_delay: Option<Duration>,

    /// The delay before the first retry of a throttled operation.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) throttled_base_delay: Option<Duration>,

    /// The longest delay.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) max_delay: Option<Duration>,

    /// The factor from each delay to the next, at least 1.
    #[arg(long, value_name = "NUMBER", value_parser = value::exponential_base, allow_negative_numbers = true)]
    pub(crate) exponential_base: Option<f64>,

    /// The randomness of delays: none, full, equal, decorrelated, or a fraction such as 0.25.
    #[arg(long, value_name = "KIND", value_parser = value::jitter, allow_negative_numbers = true)]
    pub(crate) jitter: Option<Jitter>,

    /// The time after which an operation that keeps failing is given up, or none.
    #[arg(long, value_name = "DURATION", value_parser = value::limit, allow_negative_numbers = true)]
    pub(crate) total_timeout: Option<TimeLimit>,

    /// The time after which an attempt times out, or none.
    #[arg(long, value_name = "DURATION", value_parser = value::limit, allow_negative_numbers = true)]
    pub(crate) attempt_timeout: Option<TimeLimit>,

    /// The longest delay that a service may request; a longer one ends the operation.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) max_retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Preset {
    /// 3 retries from 1 s, at most 60 s, ±25 %.
    Default,
    /// 1 retry after 500 ms, 5 s in all.
    Interactive,
    /// 10 retries from 5 s, at most 60 s, ±25 %.
    Background,
    /// 10 retries from 100 ms (1 s when throttled), at most 20 s, full jitter, 3 min in all.
    #[default]
    Storage,
}

impl Preset {
    pub(crate) fn config(self) -> RetryConfig {
        match self {
            Self::Default => RetryConfig::default(),
            Self::Interactive => RetryConfig::interactive(),
            Self::Background => RetryConfig::background(),
            Self::Storage => RetryConfig::storage(),
        }
    }
}

/// Headings of the help.
pub(crate) const STORES: &str = "Stores";
pub(crate) const FAULTS: &str = "Faults";

const LS_ABOUT: &str = "\
List files and objects: size, last modified, name.

URL is a plain path or a file://, memory://, s3://, gs://, az:// or http(s):// URL (a web server
must support WebDAV). If it names an object, that object is listed. Otherwise everything directly
below it is listed, sorted by name, with a slash after directories and common prefixes; or, with
--recursive, everything below it, in the order of the store, with names relative to URL.

A local directory cannot be listed if a name below it cannot be that of an object (see cp --help),
or if a link below it leads to a directory that contains it. Names that end in # and a number are
left out.

A key that no path can hold (see cp --help) is left out, and an error names it (status 1).

An empty directory or bucket gives an empty list. A URL with neither an object nor anything below
it is an error (status 1).

With --json every entry is one line: {\"name\", \"type\", \"size\", \"last_modified\", \"e_tag\"}.";
