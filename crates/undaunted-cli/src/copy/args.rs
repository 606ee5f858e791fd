//! The flags of `cp`, and its help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{CommonArgs, FAULTS, STORES};
use crate::slots::Concurrency;
use crate::value::{self, KeyValue};

/// Copy files, directories and objects between any two stores.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
#[command(long_about = include_str!("about.txt"), after_long_help = EXAMPLES)]
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
    #[arg(long, value_name = "TYPE", value_parser = value::content_type)]
    pub(crate) content_type: Option<String>,

    /// User metadata of the copies, added to the source's (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::metadata)]
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

const EXAMPLES: &str = "\
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
