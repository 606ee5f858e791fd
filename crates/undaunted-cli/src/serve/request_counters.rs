//! Numbers of requests: live on a terminal, and in one line at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use undaunted_chaos::server::RequestRecord;

use crate::progress::Progress;
use crate::text;

#[derive(Debug)]
pub(crate) struct RequestCounters {
    progress: Progress,
    /// Whether a line is printed for every request.
    verbose: bool,
    counts: Mutex<RequestCounts>,
}

#[derive(Clone, Debug, Default)]
struct RequestCounts {
    requests: u64,
    faults: u64,
    received: u64,
    sent: u64,
    /// By status; none where the connection ended without a response.
    by_status: BTreeMap<Option<u16>, u64>,
}

impl RequestCounters {
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            progress: Progress::counters(quiet),
            verbose,
            counts: Mutex::default(),
        }
    }

    pub(crate) const fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(crate) fn count(&self, request: &RequestRecord) {
        self.with(|counts| counts.add(request));
        if self.verbose {
            self.progress.note(&RequestLine(request).to_string());
        }
    }

    /// Shows the numbers on a terminal until it is dropped. Elsewhere there is nothing to do.
    pub(crate) async fn show(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        while self.progress.is_visible() {
            ticks.tick().await;
            self.progress
                .message(&self.with(|counts| counts.to_string()));
        }
    }

    pub(crate) fn finish(&self, lasted: Duration) {
        self.progress.finish();
        let counts = self.with(|counts| counts.to_string());
        let lasted = text::seconds(lasted);
        self.progress
            .note(&format!("stopped after {lasted}: {counts}"));
    }

    fn with<T>(&self, act: impl FnOnce(&mut RequestCounts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RequestCounts {
    fn add(&mut self, request: &RequestRecord) {
        self.requests += 1;
        self.faults += u64::from(request.fault.is_some());
        self.received += request.bytes_in;
        self.sent += request.bytes_out;
        *self.by_status.entry(request.status).or_default() += 1;
    }
}

impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, {} in, {} out",
            text::count(self.requests, "request"),
            text::count(self.faults, "fault"),
            text::size(self.received),
            text::size(self.sent)
        )?;
        for (status, count) in self.by_status.iter().rev() {
            match status {
                Some(status) => write!(f, ", {status}: {count}")?,
                None => write!(f, ", no response: {count}")?,
            }
        }
        Ok(())
    }
}

/// `PUT /bucket/a 503 in 0.00 s: fail_before (HTTP status 503 SlowDown)`
struct RequestLine<'r>(&'r RequestRecord);

impl fmt::Display for RequestLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.0;
        write!(f, "{} {}", request.method, request.path)?;
        if let Some(part) = request.part {
            write!(f, " part {part}")?;
        }
        if let Some(range) = &request.range {
            write!(f, " {range}")?;
        }
        match request.status {
            Some(status) => write!(f, " {status}")?,
            None => f.write_str(" no response")?,
        }
        write!(f, " in {}", text::seconds(request.lasted))?;
        match &request.fault {
            Some(fault) => write!(f, ": {fault}"),
            None => Ok(()),
        }
    }
}

/// As often as an eye can follow changing numbers.
const TICK: Duration = Duration::from_millis(200);
