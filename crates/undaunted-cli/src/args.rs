//! The command line as clap sees it, and nothing else.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use undaunted::Jitter;

use crate::chaos::Chaos;
use crate::value::{self, KeyValue, Limit};

/// Copies files and objects, and lists them, through transient failure; and serves them with
/// failures on purpose.
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
}

/// Copy files, directories and objects between any two stores.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
#[command(long_about = CP_ABOUT, after_long_help = CP_EXAMPLES)]
pub(crate) struct CpArgs {
    /// What to copy: a path, a URL, or - for stdin.
    #[arg(value_name = "SRC")]
    pub(crate) source: OsString,

    /// Where to: a path, a URL, or - for stdout.
    #[arg(value_name = "DST")]
    pub(crate) destination: OsString,

    /// Copy the tree under SRC/ to under DST/, whether or not DST exists.
    #[arg(short, long)]
    pub(crate) recursive: bool,

    /// Skip what is there already, instead of overwriting it.
    ///
    /// An object of one part is written under the condition that nothing is there. For a
    /// larger one the destination is looked at before its upload begins, so that a rival who
    /// writes it during the upload is overwritten.
    #[arg(short, long)]
    pub(crate) no_clobber: bool,

    /// Read the destination again and compare it with what was read from the source.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Stop at the first object that fails, instead of going on with the others.
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Parts and objects in flight. Memory is bounded by N times the part size.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,

    /// Size of the parts that objects are read and written in, such as 16MiB.
    ///
    /// An object of at most this size is written in one request, a larger one by multipart
    /// upload. S3 and Google Cloud Storage take no less than 5MiB. Where an object would have
    /// more than 10,000 parts, its parts are larger.
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = value::size)]
    pub(crate) part_size: u64,

    /// Content type of the copies, instead of the source's.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// User metadata of the copies, added to the source's (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value)]
    pub(crate) metadata: Vec<KeyValue>,

    /// Option of the store that SRC is in, over --option (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) source_option: Vec<KeyValue>,

    /// Option of the store that DST is in, over --option (repeatable).
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) dest_option: Vec<KeyValue>,

    /// The end that --chaos hits.
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

    /// List everything below, and not only what is directly below.
    #[arg(short, long)]
    pub(crate) recursive: bool,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Serve a directory as S3, with faults on purpose.
#[derive(Args, Debug)]
#[command(long_about = SERVE_ABOUT, after_long_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Directory with the objects; each bucket is a directory in it. Made if it is not there.
    ///
    /// Without it the objects are in a temporary directory that is removed in the end.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Port to listen on; 0 takes a free one.
    #[arg(short, long, value_name = "PORT", default_value_t = 9000)]
    pub(crate) port: u16,

    /// Address to listen on. The default can be reached from this machine only.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,

    /// Bucket that is made if it is not there (repeatable).
    #[arg(short, long, value_name = "NAME", default_value = "bucket")]
    pub(crate) bucket: Vec<String>,

    /// Inject faults: flaky, throttled, lossy or blackout, and key=value pairs, such as
    /// flaky,seed=7,rate=0.5; or the path of a chaos file, which ends in .toml.
    #[arg(short, long, value_name = "SPEC|FILE.toml", value_parser = Chaos::read)]
    pub(crate) chaos: Option<Chaos>,

    /// How long a request that is never answered is held before its connection is closed.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) hang: Duration,

    /// Append every request to this file, a line of JSON each, at its end.
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

/// What every command that copies or lists takes.
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
    /// Environment variables that object_store knows count too, and are the place for
    /// secrets: a command line can be seen by others. Local files and memory have no options.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = value::key_value, help_heading = STORES)]
    pub(crate) option: Vec<KeyValue>,

    /// Inject faults: flaky, throttled, lossy or blackout, and key=value pairs, such as
    /// flaky,seed=7,rate=0.5; or the path of a chaos file, which ends in .toml.
    #[arg(long, value_name = "SPEC|FILE.toml", value_parser = Chaos::read_for_store, help_heading = FAULTS)]
    pub(crate) chaos: Option<Chaos>,

    #[command(flatten)]
    pub(crate) retry: RetryArgs,
}

/// One flag for everything that a retry policy has.
#[derive(Args, Debug)]
#[command(next_help_heading = "Retries (durations are written 500ms, 2m or 1.5, which is seconds)")]
pub(crate) struct RetryArgs {
    /// The policy to start from; the flags below change it.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) preset: Preset,

    /// Retries after the first attempt of an operation; 0 is a single attempt.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_retries: Option<u32>,

    /// The delay before the first retry.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) base_delay: Option<Duration>,

    /// The delay before the first retry of an operation that was told to slow down.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) throttled_base_delay: Option<Duration>,

    /// The longest delay.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, allow_negative_numbers = true)]
    pub(crate) max_delay: Option<Duration>,

    /// What each delay is multiplied by to give the next, at least 1.
    #[arg(long, value_name = "NUMBER", value_parser = value::exponential_base, allow_negative_numbers = true)]
    pub(crate) exponential_base: Option<f64>,

    /// The random part of delays: none, full, equal, decorrelated, or a fraction such as 0.25.
    #[arg(long, value_name = "KIND", value_parser = value::jitter, allow_negative_numbers = true)]
    pub(crate) jitter: Option<Jitter>,

    /// The time that an operation may go on failing, or none.
    #[arg(long, value_name = "DURATION", value_parser = value::limit, allow_negative_numbers = true)]
    pub(crate) total_timeout: Option<Limit>,

    /// The time that one attempt may take, or none.
    #[arg(long, value_name = "DURATION", value_parser = value::limit, allow_negative_numbers = true)]
    pub(crate) attempt_timeout: Option<Limit>,

    /// The longest wait that a service may ask for; a longer one ends the operation.
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

const CP_ABOUT: &str = "\
Copy files, directories and objects between any two stores.

SRC and DST are plain paths, file://, memory://, s3://, gs://, az:// or http(s):// URLs, or - for
stdin and stdout. In a URL, a space, ?, # or % within a name is written %20, %3F, %23 or %25.

Where things go:
  - DST with a trailing slash, or DST an existing local directory: SRC is copied into it under its
    own name. Otherwise DST is the name of the copy. Missing directories are made.
  - With --recursive, the tree under SRC/ goes to under DST/: SRC/a/b becomes DST/a/b, whether or
    not DST exists, so that a second run does the same again. If SRC is a single file or object, it
    is copied as without --recursive.
  - Existing objects are overwritten, unless --no-clobber is given. A copy appears at its
    destination in one step when it is complete; a failed or interrupted one leaves nothing
    behind there.

What is copied:
  - The bytes. Every range is read under the condition that the source is still the same object:
    one that is replaced or changed meanwhile is an error and never a mixture.
  - Content type, other HTTP attributes and user metadata, from store to store. Local files cannot
    hold them, and web servers hold no user metadata: there they are left out.
  - From local files to local files, also the permission bits. Times and owners are not copied.
  - Symbolic links are followed, that of DST too; one below DST is replaced by the copy. A broken
    one, and one that leads back to a directory it is in, is an error that names it; the rest of
    the tree is copied.
  - Empty directories, from local to local. Object stores have none; they are counted.
  - Not copied, with an error that names them: devices, pipes and sockets; local names that are not
    UTF-8 or have control characters (such as newline) in them; and names that end in # and a
    number, which are kept for files that are being written.

Memory is bounded by --concurrency times --part-size and does not grow with the size of objects.
The exception are http(s):// destinations, which take an object in one request only: it is held in
memory as a whole.

Two copies to the same destination at the same time are not kept apart: the last one wins.

Exit status: 0 if every byte arrived, 1 if something failed, 2 for a mistake on the command line,
130 or 143 if stopped by Ctrl-C or SIGTERM (open uploads are aborted first; a second Ctrl-C exits
at once).";

const CP_EXAMPLES: &str = "\
Examples:
  undaunted cp report.csv s3://bucket/reports/         into reports/, as report.csv
  undaunted cp -r photos s3://bucket/photos            photos/a/b.jpg as photos/a/b.jpg
  undaunted cp -r s3://bucket/photos gs://other/photos
  undaunted cp -n -r photos backup/photos              only what is not there yet
  pg_dump db | undaunted cp - s3://bucket/db.sql       stdin, of any size
  undaunted cp s3://bucket/db.sql - | psql db          stdout, read ahead and in order
  undaunted cp --chaos flaky --verify a b              faults on purpose: see it survive
  undaunted cp -v --max-retries 20 --total-timeout 1h a s3://bucket/a";

const LS_ABOUT: &str = "\
List files and objects: size, last modified, name.

URL is a plain path or a file://, memory://, s3://, gs://, az:// or http(s):// URL (a web server
must speak WebDAV). If it names an object, that is listed; otherwise what is directly below it is,
with a slash behind directories and common prefixes, sorted by name. With --recursive everything
below is, in the order in which the store gives it, with names relative to URL.

A local directory with a name below it that no object can have (see cp --help), or with a
link that leads back, cannot be listed; names that end in # and a number are left out.

An empty directory or bucket is an empty list. A URL with neither an object nor anything below it
is an error (status 1).

With --json every entry is one line: {\"name\", \"type\", \"size\", \"last_modified\", \"e_tag\"}.";

const SERVE_ABOUT: &str = concat!(
    "\
Serve a directory as S3, with faults on purpose.

It is a real S3 over HTTP: objects, ranges, conditions, multipart uploads, lists and signatures.
Any client can use it; what to set in aws-cli, boto3, object_store, rclone and this command is
printed at the start. It keeps running until Ctrl-C or SIGTERM, then closes every connection and
ends with status 0.

Without --chaos it serves as it should. With it, requests fail before or after they were applied,
connections are reset or closed, bodies break, stall, end short or arrive changed, clients are told
to slow down, and responses are not what S3 sends: web pages, cut XML, no ETags, lists without a
token. Faults from a seed are the same in every run, as far as the client sends the same requests.

A chaos file has the settings of SPEC at its top, and rules:

",
    include_str!("serve/example.toml"),
    "
Faults, and their fields:
  fail_before, fail_after  failure, or status with code and retry_after: nothing is applied, or
                           all is and the response is lost. A full disk is status = 507, a stale
                           credential status = 400 with code = \"ExpiredToken\"
  delay                    lasts
  rate_limit               per_second, burst, retry_after
  retry_after_date         retry_after, clock_ahead or clock_behind: 503 with a date to retry
                           after, by a clock that is wrong
  temporary_redirect       location: 307, by default to the same address
  wrong_region             region, status (301 or 400): x-amz-bucket-region names the region
  break_body, short_body   at (and failure): the body breaks, or ends as if that were all
  stall_body               at, lasts
  corrupt_body             at: one byte arrives changed
  replace_object           at, failure: the object is replaced while it is read
  decompress_body          length, headers (\"removed\" or \"kept\"): so many bytes arrive, as if
                           the body had been decompressed on its way
  ignore_range             the whole object comes with status 200
  no_etag                  objects, parts, copies and completions come without an ETag
  html_page                a web page comes with status 200, and nothing is done
  break_list               failure
  cut_document             at or percent: the XML of a list, a copy, a bulk delete or an upload's
                           start or completion ends too soon, with the right length; at = 0
                           leaves nothing
  truncated_without_token  a list says that there are more, and gives no token
  repeat_token             a list gives the token again that it was asked with, and its first
                           page that of its end: use count = \"always\"
  insert_keys              names, size: a list has more keys, such as [\"a//b\", \"..\",
                           \"a/\\u0001\", \"a/\"], of which the last is a folder marker

Operations: get, head, list, put, delete, copy, create_multipart, put_part, complete_multipart,
abort_multipart, other. Status 200 with a code is an error in the body of a success.

Objects are files, so an object cannot be a prefix of another one (a and a/b), and DIR holds small
hidden files beside the buckets. The credentials are the same everywhere and no secret: do not
serve what matters on an address that others reach."
);

const SERVE_EXAMPLES: &str = "\
Examples:
  undaunted serve                                      no faults, objects in a temporary directory
  undaunted serve --dir ./data --chaos flaky
  undaunted serve --chaos blackout=20s                 nothing answers for the first 20 s
  undaunted serve --chaos faults.toml --record requests.jsonl
  undaunted serve --port 0 --json                      a free port, told to a program";
