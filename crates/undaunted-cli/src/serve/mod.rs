//! `serve`: serves a directory as S3, with injected faults.

mod args;
mod connection_info;
mod record;
mod request_counters;
mod upstream;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use undaunted_chaos::server::S3Server;

use crate::error::{CliError, UsageError};
use crate::progress::Progress;
use crate::signals::Stop;
pub(crate) use args::ServeArgs;
use connection_info::ConnectionInfo;
use record::Recording;
use request_counters::RequestCounters;

/// Serves until a stop is requested, and returns the exit status.
pub(crate) async fn run(args: ServeArgs) -> Result<u8, CliError> {
    let counters = Arc::new(RequestCounters::new(args.quiet, args.verbose));
    let stop = Stop::new();
    stop.listen(counters.progress())
        .map_err(UsageError::Signals)?;
    if args.until_stdin_ends {
        stop.at_end_of_stdin().map_err(CliError::Serve)?;
    }
    let recording = args.record.as_deref();
    let recording = recording
        .map(|path| Recording::start(path, counters.progress()))
        .transpose()?;

    let begun = Instant::now();
    let server = start(&args, &counters, recording.as_ref()).await?;
    print_info(&args, &server).map_err(CliError::Stdout)?;
    warn_if_public(&args, &server, counters.progress());
    let showing = tokio::spawn(Arc::clone(&counters).show());

    stop.requested().await;
    server.stop().await;
    showing.abort();
    counters.finish(begun.elapsed());
    if let Some(recording) = recording {
        recording.finish()?;
    }
    Ok(0)
}

async fn start(
    args: &ServeArgs,
    counters: &Arc<RequestCounters>,
    recording: Option<&Recording>,
) -> Result<S3Server, CliError> {
    let mut builder = S3Server::builder()
        .address(SocketAddr::from((args.address, args.port)))
        .hang(args.hang);
    if let Some(chaos) = &args.chaos {
        let same = builder.chaos(chaos.text());
        builder = same.map_err(|error| CliError::Serve(io::Error::other(error)))?;
    }
    builder = match args.control {
        Some(address) => builder.control(address),
        // Nobody can read the requests.
        None => builder.keep(0),
    };
    if let Some(dir) = &args.dir {
        builder = builder.root(dir);
    }
    for bucket in &args.bucket {
        builder = builder.bucket(bucket);
    }
    if let Some(url) = &args.upstream {
        builder = builder.upstream(upstream::open(url, &args.upstream_option).await?);
    }
    let counters = Arc::clone(counters);
    let sender = recording.map(Recording::sender);
    let server = builder.observe(move |request| {
        counters.count(request);
        if let Some(sender) = &sender {
            sender.send(request);
        }
    });
    server.start().await.map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            let also = args.control.map_or("", |_| " (--control likewise)");
            let advice = format!("{error}: choose another with --port, or 0 for a free one{also}");
            return CliError::Serve(io::Error::new(error.kind(), advice));
        }
        CliError::Serve(error)
    })
}

/// Prints what clients need to know, to stdout so that a program can wait for it.
fn print_info(args: &ServeArgs, server: &S3Server) -> io::Result<()> {
    let info = ConnectionInfo::new(args, server);
    let mut stdout = io::stdout().lock();
    if args.json {
        let line = serde_json::to_string(&info)?;
        writeln!(stdout, "{line}")?;
    } else if !args.quiet {
        write!(stdout, "{info}")?;
    }
    stdout.flush()
}

fn warn_if_public(args: &ServeArgs, server: &S3Server, progress: &Progress) {
    if !args.address.is_loopback() {
        progress.note(&format!(
            "note: everyone who can reach {} can read and write the objects: the credentials are \
             not secret",
            server.address()
        ));
    }
    if let Some(control) = args.control.filter(|control| !control.ip().is_loopback()) {
        progress.note(&format!(
            "note: everyone who can reach {control} can change the faults and read the requests"
        ));
    }
}
