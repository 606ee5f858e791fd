//! `serve`: a directory as S3, with faults on purpose.

mod counters;
mod intro;
mod record;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use undaunted_chaos::FaultPlan;
use undaunted_chaos::server::S3Server;

use crate::args::ServeArgs;
use crate::chaos::Chaos;
use crate::error::{CliError, UsageError};
use crate::progress::Progress;
use crate::signals::Stop;
use counters::Counters;
use intro::Intro;
use record::Recording;

/// Serves until it is told to stop, and returns the exit status.
pub(crate) async fn run(args: ServeArgs) -> Result<u8, CliError> {
    let counters = Arc::new(Counters::new(args.quiet, args.verbose));
    let stop = Stop::new();
    stop.listen(counters.progress())
        .map_err(UsageError::Signals)?;
    let recording = args.record.as_deref();
    let recording = recording
        .map(|path| Recording::start(path, counters.progress()))
        .transpose()?;

    let begun = Instant::now();
    let server = start(&args, &counters, recording.as_ref()).await?;
    let intro = Intro::new(&args, &server);
    tell(&intro, &args).map_err(CliError::Stdout)?;
    warn(&args, &server, counters.progress());
    let ticking = tokio::spawn(Arc::clone(&counters).tick());

    stop.requested().await;
    server.stop().await;
    ticking.abort();
    counters.finish(begun.elapsed());
    if let Some(recording) = recording {
        recording.finish()?;
    }
    Ok(0)
}

async fn start(
    args: &ServeArgs,
    counters: &Arc<Counters>,
    recording: Option<&Recording>,
) -> Result<S3Server, CliError> {
    let plan = args
        .chaos
        .as_ref()
        .map_or_else(FaultPlan::none, Chaos::plan);
    let mut builder = S3Server::builder()
        .address(SocketAddr::from((args.address, args.port)))
        .plan(plan)
        .hang(args.hang)
        // Nobody asks this process for them.
        .keep(0);
    if let Some(dir) = &args.dir {
        builder = builder.root(dir);
    }
    for bucket in &args.bucket {
        builder = builder.bucket(bucket);
    }
    let counters = Arc::clone(counters);
    let lines = recording.map(Recording::lines);
    let server = builder.observe(move |request| {
        counters.count(request);
        if let Some(lines) = &lines {
            lines.write(request);
        }
    });
    server.start().await.map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            let better = format!("{error}; choose another with --port, or 0 for a free one");
            return CliError::Serve(io::Error::new(error.kind(), better));
        }
        CliError::Serve(error)
    })
}

/// What a client must know goes to stdout, so that a program can wait for it.
fn tell(intro: &Intro, args: &ServeArgs) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if args.json {
        let line = serde_json::to_string(intro)?;
        writeln!(stdout, "{line}")?;
    } else if !args.quiet {
        write!(stdout, "{intro}")?;
    }
    stdout.flush()
}

fn warn(args: &ServeArgs, server: &S3Server, progress: &Progress) {
    if !args.address.is_loopback() {
        progress.note(&format!(
            "note: whoever reaches {} can read and write what is served: the credentials are no \
             secret",
            server.address()
        ));
    }
}
