//! `--record`: every request as a line of JSON in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use undaunted_chaos::server::RequestRecord;

use crate::error::CliError;
use crate::progress::Progress;

/// A file that a thread of its own writes requests to, so that no request waits for the disk.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    sender: RecordSender,
    writer: JoinHandle<io::Result<()>>,
}

/// Hands requests over to the writing thread.
#[derive(Clone, Debug)]
pub(crate) struct RecordSender(Sender<String>);

impl Recording {
    /// Opens the file. When it can no longer be written to, `progress` says so immediately.
    pub(crate) fn start(path: &Path, progress: &Progress) -> Result<Self, CliError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|source| failed(path, source))?;
        let (sender, lines) = channel();
        let (name, progress) = (path.display().to_string(), progress.clone());
        let write = move || {
            let written = write_lines(file, &lines);
            if written.is_err() {
                progress.error(&format!("{name}: requests are no longer recorded"));
            }
            written
        };
        Ok(Self {
            path: path.to_owned(),
            sender: RecordSender(sender),
            writer: std::thread::spawn(write),
        })
    }

    pub(crate) fn sender(&self) -> RecordSender {
        self.sender.clone()
    }

    /// Waits until the last line is written. All senders must have been dropped.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        drop(self.sender);
        let written = self
            .writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        written.map_err(|source| failed(&self.path, source))
    }
}

impl RecordSender {
    pub(crate) fn send(&self, request: &RequestRecord) {
        if let Ok(line) = serde_json::to_string(&RecordedRequest::new(request, Utc::now())) {
            // Fails only if the thread has ended; `finish` returns its error.
            let _ = self.0.send(line);
        }
    }
}

fn write_lines(mut file: File, lines: &Receiver<String>) -> io::Result<()> {
    for mut line in lines {
        line.push('\n');
        // In one write, so that whoever follows the file sees whole lines.
        file.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> CliError {
    CliError::Record {
        path: path.display().to_string(),
        source,
    }
}

#[derive(Debug, Serialize)]
struct RecordedRequest<'r> {
    /// When it arrived.
    time: String,
    seconds: f64,
    method: &'r str,
    path: &'r str,
    operation: &'static str,
    key: &'r str,
    part: Option<usize>,
    range: Option<&'r str>,
    condition: Option<&'r str>,
    bytes_in: u64,
    bytes_out: u64,
    status: Option<u16>,
    fault: Option<&'r str>,
}

impl<'r> RecordedRequest<'r> {
    fn new(request: &'r RequestRecord, now: DateTime<Utc>) -> Self {
        let lasted = TimeDelta::from_std(request.lasted).unwrap_or_default();
        let time = now.checked_sub_signed(lasted).unwrap_or(now);
        Self {
            time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            seconds: request.lasted.as_secs_f64(),
            method: &request.method,
            path: &request.path,
            operation: request.operation.as_str(),
            key: &request.key,
            part: request.part,
            range: request.range.as_deref(),
            condition: request.condition.as_deref(),
            bytes_in: request.bytes_in,
            bytes_out: request.bytes_out,
            status: request.status,
            fault: request.fault.as_deref(),
        }
    }
}
