//! The summary at the end, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use undaunted_chaos::{FaultKind, FaultPlan};

use crate::error;
use crate::failure::Failure;
use crate::location::Location;
use crate::options;
use crate::shown;
use crate::signals::Signal;
use crate::stats::Counts;

/// What became of the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) copied: u64,
    pub(crate) skipped: u64,
    pub(crate) verified: u64,
    /// Objects that were under way when someone said stop.
    pub(crate) interrupted: u64,
    /// Uploads that were begun and taken back.
    pub(crate) aborted: u64,
    pub(crate) empty_folders: u64,
    pub(crate) bytes: u64,
    pub(crate) failed: u64,
    /// The first failures.
    pub(crate) failures: Vec<Failure>,
}

impl Tally {
    /// That of a copy which failed before it began.
    pub(crate) fn of(failure: Failure) -> Self {
        let mut tally = Self::default();
        tally.fail(failure);
        tally
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(failure);
        }
    }
}

/// One finished command, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    status: Status,
    source: String,
    destination: String,
    objects: Objects,
    bytes: u64,
    attempts: u64,
    retries: Retries,
    waited_seconds: f64,
    elapsed_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    chaos: Option<Chaos>,
    failures: Vec<Failure>,
    #[serde(skip)]
    details: Details,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Failed,
    Interrupted,
    Ok,
}

#[derive(Debug, Serialize)]
struct Objects {
    copied: u64,
    verified: u64,
    skipped: u64,
    failed: u64,
    interrupted: u64,
    uploads_aborted: u64,
    empty_directories_left_out: u64,
}

#[derive(Debug, Serialize)]
struct Retries {
    total: u64,
    transient: u64,
    throttled: u64,
    by_operation: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Chaos {
    /// Repeats the run.
    spec: String,
    faults_injected: u64,
    by_kind: BTreeMap<&'static str, u64>,
}

/// What is printed and how, beside the numbers.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one a flag")]
struct Details {
    signal: Option<Signal>,
    json: bool,
    quiet: bool,
    verify: bool,
    /// stdout belongs to the data.
    to_stderr: bool,
    waited: Duration,
    elapsed: Duration,
}

impl Report {
    pub(crate) fn new(
        settings: &options::Copy,
        tally: Tally,
        counts: &Counts,
        elapsed: Duration,
        signal: Option<Signal>,
        faults: Option<&FaultPlan>,
    ) -> Self {
        let chaos = settings.common.chaos.as_ref().zip(faults);
        Self {
            command: "cp",
            status: match signal {
                Some(_) => Status::Interrupted,
                None if tally.failed > 0 => Status::Failed,
                None => Status::Ok,
            },
            source: settings.source.shown(),
            destination: settings.destination.shown(),
            bytes: tally.bytes,
            attempts: counts.attempts,
            retries: Retries::of(counts),
            waited_seconds: counts.waited.as_secs_f64(),
            elapsed_seconds: elapsed.as_secs_f64(),
            chaos: chaos.map(|(spec, plan)| Chaos::of(spec.to_string(), plan)),
            details: Details {
                signal,
                json: settings.common.json,
                quiet: settings.common.quiet,
                verify: settings.verify,
                to_stderr: settings.destination == Location::Stream,
                waited: counts.waited,
                elapsed,
            },
            objects: Objects {
                copied: tally.copied,
                verified: tally.verified,
                skipped: tally.skipped,
                failed: tally.failed,
                interrupted: tally.interrupted,
                uploads_aborted: tally.aborted,
                empty_directories_left_out: tally.empty_folders,
            },
            failures: tally.failures,
        }
    }

    pub(crate) fn print(&self) -> io::Result<()> {
        let text = match (self.details.json, self.details.quiet) {
            (true, _) => serde_json::to_string(self)?,
            (false, true) => return Ok(()),
            (false, false) => self.to_string(),
        };
        let printed = if self.details.to_stderr {
            writeln!(io::stderr(), "{text}")
        } else {
            writeln!(io::stdout(), "{text}")
        };
        match printed {
            // Nobody wants to know; what was copied is copied.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match (self.details.signal, self.status) {
            (Some(signal), _) => signal.exit_code(),
            (None, Status::Ok) => 0,
            (None, _) => error::FAILED,
        }
    }
}

impl Retries {
    fn of(counts: &Counts) -> Self {
        let mut by_operation = BTreeMap::new();
        for ((operation, _), number) in &counts.retries {
            *by_operation.entry(operation.clone()).or_default() += number;
        }
        Self {
            total: counts.all_retries(),
            transient: counts.retries_after("transient"),
            throttled: counts.retries_after("throttled"),
            by_operation,
        }
    }
}

impl Chaos {
    fn of(spec: String, plan: &FaultPlan) -> Self {
        let by_kind: BTreeMap<_, _> = FaultKind::ALL
            .iter()
            .map(|kind| (kind.as_str(), plan.injected(*kind)))
            .filter(|(_, number)| *number > 0)
            .collect();
        Self {
            spec,
            faults_injected: by_kind.values().sum(),
            by_kind,
        }
    }
}

/// The summary for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = &self.objects;
        write!(
            f,
            "copied {} ({}) in {}",
            shown::count(objects.copied, "object"),
            shown::size(self.bytes),
            shown::seconds(self.details.elapsed),
        )?;
        let verified = if self.details.verify {
            objects.verified
        } else {
            0
        };
        let counts = [
            (verified, "verified"),
            (objects.skipped, "skipped (there already)"),
            (objects.failed, "failed"),
            (objects.interrupted, "interrupted"),
        ];
        for (number, what) in counts {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        self.write_retries(f)?;
        if let Some(signal) = self.details.signal {
            write!(f, "\nstopped by {signal}")?;
        }
        if objects.uploads_aborted > 0 {
            let uploads = shown::count(objects.uploads_aborted, "unfinished upload");
            write!(f, "\n{uploads} aborted: nothing is left of them")?;
        }
        if objects.empty_directories_left_out > 0 {
            let left_out = shown::count(objects.empty_directories_left_out, "empty directory");
            write!(f, "\n{left_out} left out: object stores have none")?;
        }
        if let Some(chaos) = &self.chaos {
            let faults = shown::count(chaos.faults_injected, "fault");
            write!(
                f,
                "\n{faults} injected; repeat this run with --chaos {}",
                chaos.spec
            )?;
        }
        Ok(())
    }
}

impl Report {
    fn write_retries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retries = &self.retries;
        write!(
            f,
            "\n{} in {}",
            shown::count(retries.total, "retry"),
            shown::count(self.attempts, "attempt")
        )?;
        if retries.total == 0 {
            return Ok(());
        }
        let causes = [
            (retries.transient, "transient"),
            (retries.throttled, "throttled"),
        ];
        let causes = causes.map(|(number, cause)| (number, cause.to_owned()));
        let operations = retries.by_operation.iter();
        let operations = operations.map(|(operation, number)| (*number, operation.clone()));
        write!(
            f,
            ": {} ({}); waited {}",
            list(causes),
            list(operations),
            shown::seconds(self.details.waited)
        )
    }
}

/// `2 get, 1 put`
fn list(counts: impl IntoIterator<Item = (u64, String)>) -> String {
    let texts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    texts.join(", ")
}

/// The count is exact; a list that nobody reads to its end need not hold a million names.
const FAILURES_KEPT: usize = 1_000;
