//! The command line, as clap parses it, and the help.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use undaunted::{Jitter, RetryConfig};

use crate::chaos::Chaos;
use crate::plan::PlanArgs;
use crate::rules::RuleArgs;
use crate::simulate::SimulateArgs;
use crate::slots::Concurrency;
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

/// Copy files, directories and objects between any two stores.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
#[command(long_about = CP_ABOUT, after_long_help = CP_EXAMPLES)]
pub(crate) struct CpArgs {
    /// What to copy: a path, a URL, or - for stdin.
    #[arg(value_name = "SRC")]
    pub(crate) source: OsString,

    /// Where to copy it: a path, a URL, or - for stdout.
    #[arg(value_name = "DST")]
    pub(crate) destination: OsString,

    /// Copy everything below SRC to below DST, whether or not DST exists.
    #[arg(short, long)]
    pub(crate) recursive: bool,

    /// Skip objects that exist at the destination instead of overwriting them.
    ///
    /// An object of one part is written on condition that it does not exist. For a larger one the
    /// destination is checked before the upload begins, and a conflicting write during the upload
    /// is overwritten.
    #[arg(short, long)]
    pub(crate) no_clobber: bool,

    /// Skip objects whose content is at the destination already, by size, ETag, time and MD5 as
    /// explained below.
    #[arg(short, long, conflicts_with = "no_clobber")]
    pub(crate) update: bool,

    /// Say what would be done, and change nothing.
    ///
    /// There is a line for each object that would be copied, resumed or skipped, and a summary;
    /// with --json they are lines of JSON. Nothing is written, and no directory is made. The exit
    /// status is that of the copy, as far as it can be known.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Begin large objects anew, and leave nothing of them behind if they fail or are stopped.
    ///
    /// Without it they are resumed, as explained below.
    #[arg(long)]
    pub(crate) no_resume: bool,

    /// Where it is noted what has arrived of uploads [default: undaunted in $XDG_STATE_HOME, or
    /// ~/.local/state/undaunted; environment: UNDAUNTED_STATE_DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Read the destination again and compare it with what was read from the source.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Stop at the first object that fails instead of copying the others.
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Requests in flight to each store: auto, or a fixed number of requests and of objects.
    ///
    /// With auto there are 16 requests at first, more while that makes the copy faster (at most
    /// 256), and fewer while it does not or if the service throttles. Objects that wait for their
    /// next attempt do not count. Content in memory is bounded by 8 times the part size. With a
    /// number N there are at most N requests and N objects under way, those that wait for their
    /// next attempt included, and N times the part size in memory.
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = value::concurrency)]
    pub(crate) concurrency: Concurrency,

    /// Size of the parts that objects are read and written in, such as 16MiB.
    ///
    /// An object of at most this size is written in one request, a larger one by multipart
    /// upload. S3 and Google Cloud Storage require at least 5MiB. Parts are larger where an object
    /// would otherwise have more than 10,000.
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = value::size)]
    pub(crate) part_size: u64,

    /// Send a read a second time when its response takes longer than those of most others, at most
    /// 5 of 100, and take the response that is first.
    #[arg(long)]
    pub(crate) hedge: bool,

    /// Content type of the copies, instead of the source's.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// User metadata of the copies, added to the source's (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value)]
    pub(crate) metadata: Vec<KeyValue>,

    /// Option of the store of SRC; overrides --option (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) source_option: Vec<KeyValue>,

    /// Option of the store of DST; overrides --option (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) dest_option: Vec<KeyValue>,

    /// Write the metrics of the copy to this file at its end, as Prometheus reads them.
    ///
    /// They are those that --json has in short: calls, attempts, errors, durations, bytes and
    /// delays, by operation. A textfile collector takes them from there.
    #[arg(long, value_name = "FILE", value_parser = value::file)]
    pub(crate) metrics: Option<PathBuf>,

    /// Where --chaos injects faults.
    #[arg(long, value_enum, default_value_t, requires = "chaos", help_heading = FAULTS)]
    pub(crate) chaos_at: ChaosAt,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// List files and objects: name, size, last modified.
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

/// Serve a directory, or another S3 endpoint, as S3 with injected faults.
#[derive(Args, Debug)]
#[command(long_about = SERVE_ABOUT, after_long_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Directory of the objects, with a directory for each bucket. Created if it does not exist.
    ///
    /// Without it the objects are in a temporary directory, which is removed at the end.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// S3 endpoint to pass requests on to, instead of serving a directory, as explained below.
    #[arg(short, long, value_name = "URL", conflicts_with_all = ["dir", "bucket"])]
    pub(crate) upstream: Option<String>,

    /// Option of the upstream: its credentials and aws_region, by object_store's names
    /// (repeatable).
    ///
    /// The environment variables that object_store reads apply too, and are the place for secrets:
    /// other users can see command lines.
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value, requires = "upstream")]
    pub(crate) upstream_option: Vec<KeyValue>,

    /// Port to listen on; 0 chooses a free one.
    #[arg(short, long, value_name = "PORT", default_value_t = 9000)]
    pub(crate) port: u16,

    /// Address to listen on. The default is reachable from this machine only.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,

    /// Bucket to create if it does not exist (repeatable).
    #[arg(short, long, value_name = "NAME", default_value = "bucket")]
    pub(crate) bucket: Vec<String>,

    /// Inject faults: flaky, throttled, lossy or blackout, and key=value pairs, such as
    /// flaky,seed=7,rate=0.5; or the path of a chaos file, which ends in .toml.
    #[arg(short, long, value_name = "SPEC|FILE.toml", value_parser = Chaos::parse)]
    pub(crate) chaos: Option<Chaos>,

    /// A second address to listen on, such as 127.0.0.1:9001, where a test changes the faults and
    /// reads the requests, as explained below. Port 0 chooses a free one.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) control: Option<SocketAddr>,

    /// How long a request that gets no response is held before its connection is closed.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) hang: Duration,

    /// Append a line of JSON to this file for every request, at the request's end.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Print endpoint, credentials and settings as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print errors only (and --json, if given).
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print a line for every request to stderr.
    #[arg(short, long)]
    pub(crate) verbose: bool,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChaosAt {
    /// Reads of the source.
    Source,
    /// Writes to the destination, and its verification.
    Destination,
    /// Both ends.
    #[default]
    Both,
}

const STORES: &str = "Stores";
const FAULTS: &str = "Faults";

const CP_ABOUT: &str = concat!(
    "\
Copy files, directories and objects between any two stores.

SRC and DST are plain paths, file://, memory://, s3://, gs://, az:// or http(s):// URLs, or - for
stdin and stdout. In a URL, a space, ?, # or % within a name is written %20, %3F, %23 or %25.

Destination:
  - If DST has a trailing slash or is an existing local directory, SRC is copied into it under its
    own name. Otherwise DST is the name of the copy. Missing directories are created.
  - With --recursive, everything below SRC is copied to below DST: SRC/a/b becomes DST/a/b, whether
    or not DST exists, so that a second run has the same result. If SRC is a single file or object,
    it is copied as without --recursive.
  - Existing objects are overwritten unless --no-clobber or --update is given. A copy appears at its
    destination in one step, once it is complete.

What is copied:
  - The content. Every range is read on condition that the source is still the same object: if it
    is replaced or changed meanwhile, the copy fails and is never a mixture.
  - Content type, other HTTP attributes and user metadata, from store to store. Local files cannot
    store them, and web servers cannot store user metadata: there they are left out.
  - Permission bits, from local files to local files. Times and owners are not copied.
  - Symbolic links are followed, also in DST; a link below DST is replaced by the copy. A broken
    link, or one to a directory that contains it, is an error that names it; the rest of the tree
    is copied.
  - Empty directories, from local to local. Object stores have no directories: they are counted.
  - Not copied, with an error that names them: devices, pipes and sockets; local names that are not
    UTF-8 or contain control characters (such as newline); names that end in # and a number,
    which are reserved for files being written; and keys that no path can hold (with an empty part,
    . or .., or a control character). Empty objects that mark a folder are no objects.

",
    include_str!("copy/help.txt"),
    "\
Memory is bounded, see --concurrency, and does not grow with the size or the number of objects. An
object of at most one part takes one request to read, if it was found by a list, and one to write.
An object that waits for its next attempt occupies no request, and no more memory than its bytes.
The exception is an http(s):// destination, which is written in one request: the whole object is
held in memory. A web server without ranges is read once, in order.

Copies to the same destination at the same time are not coordinated: the last one wins.

Exit status: 0 if everything was copied, 1 if something failed, 2 for a mistake on the command line,
130 or 143 if stopped by Ctrl-C or SIGTERM (an unfinished upload is kept for the next run, or
aborted first if that cannot resume it; a second Ctrl-C exits immediately)."
);

const CP_EXAMPLES: &str = "\
Examples:
  undaunted cp report.csv s3://bucket/reports/         into reports/, as report.csv
  undaunted cp -r photos s3://bucket/photos            photos/a/b.jpg as photos/a/b.jpg
  undaunted cp -r s3://bucket/photos gs://other/photos
  undaunted cp -n -r photos backup/photos              only what does not exist yet
  undaunted cp -u -r photos s3://bucket/photos         only what has changed; again after a crash
  undaunted cp -u -r --dry-run photos s3://bucket/photos
  pg_dump db | undaunted cp - s3://bucket/db.sql       stdin, of any size
  undaunted cp s3://bucket/db.sql - | psql db          stdout, read ahead and in order
  undaunted cp --chaos flaky --verify a b              injected faults: watch it recover
  undaunted cp -v --max-retries 20 --total-timeout 1h a s3://bucket/a";

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

const SERVE_ABOUT: &str = concat!(
    include_str!("serve/about.txt"),
    include_str!("serve/example.toml"),
    include_str!("serve/faults.txt"),
);

const SERVE_EXAMPLES: &str = "\
Examples:
  undaunted serve                                      no faults, objects in a temporary directory
  undaunted serve --dir ./data --chaos flaky
  undaunted serve --chaos blackout=20s                 no responses for the first 20 s
  undaunted serve --chaos faults.toml --record requests.jsonl
  undaunted serve --port 0 --json                      a free port, printed for a program
  undaunted serve --control 127.0.0.1:9001             faults that a test changes as it runs
  undaunted serve --chaos flaky --upstream https://s3.eu-central-1.amazonaws.com";
