//! The flags of `serve`, and its help.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::chaos::Chaos;
use crate::value::{self, KeyValue};

/// Serve a directory, or another S3 endpoint, as S3 with injected faults.
#[derive(Args, Debug)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
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

    /// Stop when stdin ends: the program that started the server and holds a pipe to it is gone,
    /// however it ended.
    #[arg(long)]
    pub(crate) until_stdin_ends: bool,

    /// Print errors only (and --json, if given).
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print a line for every request to stderr.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

const ABOUT: &str = concat!(
    include_str!("about.txt"),
    include_str!("example.toml"),
    include_str!("faults.txt"),
);

const EXAMPLES: &str = "\
Examples:
  undaunted serve                                      no faults, objects in a temporary directory
  undaunted serve --dir ./data --chaos flaky
  undaunted serve --chaos blackout=20s                 no responses for the first 20 s
  undaunted serve --chaos faults.toml --record requests.jsonl
  undaunted serve --port 0 --json                      a free port, printed for a program
  undaunted serve --control 127.0.0.1:9001             faults that a test changes as it runs
  undaunted serve --chaos flaky --upstream https://s3.eu-central-1.amazonaws.com";
