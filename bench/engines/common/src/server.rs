//! `undaunted serve`, started and stopped, with the requests that it got.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{BUCKET, Service};

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) service: Service,
    child: Child,
    output: TempDir,
}

/// What a server got and sent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) faults: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    #[serde(skip)]
    pub(crate) record: String,
}

impl Server {
    pub(crate) async fn start(
        undaunted: &Path,
        directory: &Path,
        chaos: Option<&str>,
    ) -> Result<Self> {
        let output = TempDir::new()?;
        let mut command = Command::new(undaunted);
        command
            .args(["serve", "--port", "0", "--json", "--quiet", "--hang", HANG])
            .args(["--bucket", BUCKET])
            .arg("--dir")
            .arg(directory)
            .arg("--record")
            .arg(output.path().join(RECORD))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(chaos) = chaos {
            command.args(["--chaos", chaos]);
        }
        let mut child = command.spawn().with_context(|| {
            format!(
                "{}: build it with cargo build --release -p undaunted-cli",
                undaunted.display()
            )
        })?;
        let stdout = child.stdout.take().context("the server's output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let line = line.context("the server ended before it listened")?;
        Ok(Self {
            service: serde_json::from_str(&line)?,
            child,
            output,
        })
    }

    /// Ends it, so that requests in flight are recorded too.
    pub(crate) async fn stop(mut self) -> Result<Traffic> {
        let id = self.child.id().context("the server has ended by itself")?;
        let id = Pid::from_raw(id.cast_signed()).context("the server's process")?;
        kill_process(id, Signal::TERM)?;
        self.child.wait().await?;
        let record = std::fs::read_to_string(self.output.path().join(RECORD))?;
        let mut traffic = Traffic::default();
        for line in record.lines() {
            let request: Request = serde_json::from_str(line)?;
            traffic.requests += 1;
            traffic.faults += u64::from(request.fault.is_some());
            traffic.bytes_in += request.bytes_in;
            traffic.bytes_out += request.bytes_out;
        }
        traffic.record = record;
        Ok(traffic)
    }
}

#[derive(Debug, Deserialize)]
struct Request {
    bytes_in: u64,
    bytes_out: u64,
    fault: Option<String>,
}

/// A request without a response is held for so long. Longer would only make the runs longer: all
/// clients wait for it.
const HANG: &str = "1s";
const RECORD: &str = "requests.jsonl";
