//! What came in so far: live on a terminal, in one line at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use undaunted_chaos::server::RequestRecord;

use crate::progress::Progress;
use crate::shown;

#[derive(Debug)]
pub(crate) struct Counters {
    progress: Progress,
    /// A line is printed for every request.
    verbose: bool,
    counts: Mutex<Counts>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    requests: u64,
    faults: u64,
    received: u64,
    sent: u64,
    /// By status; none for those whose connection ended without an answer.
    by_status: BTreeMap<Option<u16>, u64>,
}

impl Counters {
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
            self.progress.note(&Line(request).to_string());
        }
    }

    /// Shows them on a terminal, until it is dropped. Elsewhere there is nothing to do.
    pub(crate) async fn tick(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        while self.progress.is_shown() {
            ticks.tick().await;
            self.progress
                .counts(&self.with(|counts| counts.to_string()));
        }
    }

    pub(crate) fn finish(&self, lasted: Duration) {
        self.progress.finish();
        let counts = self.with(|counts| counts.to_string());
        let lasted = shown::seconds(lasted);
        self.progress
            .note(&format!("stopped after {lasted}: {counts}"));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn add(&mut self, request: &RequestRecord) {
        self.requests += 1;
        self.faults += u64::from(request.fault.is_some());
        self.received += request.bytes_in;
        self.sent += request.bytes_out;
        *self.by_status.entry(request.status).or_default() += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, {} in, {} out",
            shown::count(self.requests, "request"),
            shown::count(self.faults, "fault"),
            shown::size(self.received),
            shown::size(self.sent)
        )?;
        for (status, count) in self.by_status.iter().rev() {
            match status {
                Some(status) => write!(f, ", {status}: {count}")?,
                None => write!(f, ", no answer: {count}")?,
            }
        }
        Ok(())
    }
}

/// `PUT /bucket/a 503 in 0.00 s: fail_before (HTTP status 503 SlowDown)`
struct Line<'r>(&'r RequestRecord);

impl fmt::Display for Line<'_> {
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
            None => f.write_str(" no answer")?,
        }
        write!(f, " in {}", shown::seconds(request.lasted))?;
        match &request.fault {
            Some(fault) => write!(f, ": {fault}"),
            None => Ok(()),
        }
    }
}

/// As often as an eye can follow numbers.
const TICK: Duration = Duration::from_millis(200);
