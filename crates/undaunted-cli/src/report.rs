//! The summary at the end, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use undaunted::{MetricSample, MetricsInProcess};
use undaunted_chaos::{FaultKind, FaultPlan};
use undaunted_object_store::Observed;

use crate::error::{FAILED, FailedObject};
use crate::location::Location;
use crate::settings::CopySettings;
use crate::signals::Signal;
use crate::stats::RetryCounts;
use crate::text;

/// What became of the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) objects: ObjectCounts,
    bytes: u64,
    bytes_resumed: u64,
    /// The first failures.
    pub(crate) failures: Vec<FailedObject>,
}

/// Numbers of objects, as `--json` prints them.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ObjectCounts {
    pub(crate) copied: u64,
    verified: u64,
    pub(crate) skipped: u64,
    /// Objects whose content was at the destination already.
    pub(crate) unchanged: u64,
    /// Copied objects of which parts had arrived in an earlier run.
    resumed: u64,
    failed: u64,
    /// Objects under way when a stop was requested.
    pub(crate) interrupted: u64,
    pub(crate) uploads_aborted: u64,
    /// Unfinished copies that a later run can resume.
    pub(crate) uploads_kept: u64,
    /// Unfinished copies of earlier runs that were removed.
    pub(crate) leftovers_removed: u64,
    /// Files that may be left from earlier runs, and were named.
    pub(crate) leftovers_found: u64,
    pub(crate) empty_directories_left_out: u64,
}

impl Tally {
    /// The tally of a command that failed before it copied anything.
    pub(crate) fn of(failed: FailedObject) -> Self {
        let mut tally = Self::default();
        tally.fail(failed);
        tally
    }

    pub(crate) fn copied(&mut self, bytes: u64, bytes_resumed: u64, is_verified: bool) {
        self.bytes += bytes;
        self.bytes_resumed += bytes_resumed;
        self.objects.copied += 1;
        self.objects.resumed += u64::from(bytes_resumed > 0);
        self.objects.verified += u64::from(is_verified);
    }

    pub(crate) fn fail(&mut self, failed: FailedObject) {
        self.objects.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(failed);
        }
    }
}

/// The summary of a command, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    command: &'static str,
    /// Whether nothing was done: then the numbers are those of what would be done.
    dry_run: bool,
    status: Status,
    source: String,
    destination: String,
    objects: ObjectCounts,
    bytes: u64,
    /// Bytes of these that had arrived in an earlier run.
    bytes_resumed: u64,
    attempts: u32,
    #[serde(skip_serializing_if = "is_zero")]
    hedges: u64,
    /// Those that were answered first.
    #[serde(skip_serializing_if = "is_zero")]
    hedges_won: u64,
    retries: Retries,
    waited_seconds: f64,
    /// The time that requests waited in the queue, because the service throttled.
    queued_seconds: f64,
    elapsed_seconds: f64,
    /// By the names that they have in Prometheus.
    metrics: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chaos: Option<InjectedFaults>,
    failures: Vec<FailedObject>,
    #[serde(skip)]
    settings: &'a CopySettings,
    #[serde(skip)]
    signal: Option<Signal>,
    #[serde(skip)]
    waited: Duration,
    #[serde(skip)]
    queued: Duration,
    #[serde(skip)]
    elapsed: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Failed,
    Interrupted,
    Ok,
}

#[derive(Debug, Serialize)]
struct Retries {
    total: u64,
    transient: u64,
    throttled: u64,
    by_operation: BTreeMap<&'static str, u64>,
    /// Those that a rule of the user's own decided.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_rule: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct InjectedFaults {
    /// The value of `--chaos` that repeats the run.
    spec: String,
    faults_injected: u64,
    by_kind: BTreeMap<&'static str, u64>,
}

/// Every number, but of a distribution only how many there were and what they come to.
fn numbers(metrics: &MetricsInProcess) -> BTreeMap<String, f64> {
    let samples = metrics.samples();
    let series = samples.iter().flat_map(MetricSample::series);
    series
        .filter(|(name, _)| !name.contains("_bucket{"))
        .collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        settings: &'a CopySettings,
        tally: Tally,
        retries: &RetryCounts,
        observed: &Observed,
        signal: Option<Signal>,
        faults: Option<&FaultPlan>,
        metrics: &MetricsInProcess,
    ) -> Self {
        let chaos = settings.common.chaos.as_ref().zip(faults);
        let waited = observed.report.delays().iter().sum::<Duration>();
        Self {
            command: "cp",
            dry_run: settings.dry_run,
            status: match signal {
                Some(_) => Status::Interrupted,
                None if tally.objects.failed > 0 => Status::Failed,
                None => Status::Ok,
            },
            source: settings.source.display_name(),
            destination: settings.destination.display_name(),
            objects: tally.objects,
            bytes: tally.bytes,
            bytes_resumed: tally.bytes_resumed,
            attempts: observed.report.attempts(),
            hedges: observed.hedges,
            hedges_won: observed.hedges_won,
            retries: Retries {
                total: retries.total(),
                transient: retries.after("transient"),
                throttled: retries.after("throttled"),
                by_operation: retries.by_operation(),
                by_rule: retries.by_rule().clone(),
            },
            waited_seconds: waited.as_secs_f64(),
            queued_seconds: observed.report.queued().as_secs_f64(),
            elapsed_seconds: observed.elapsed.as_secs_f64(),
            metrics: numbers(metrics),
            chaos: chaos.map(|(chaos, plan)| InjectedFaults::new(chaos.to_string(), plan)),
            failures: tally.failures,
            settings,
            signal,
            waited,
            queued: observed.report.queued(),
            elapsed: observed.elapsed,
        }
    }

    /// Prints the summary to stdout, or to stderr if stdout has the data.
    pub(crate) fn print(&self) -> io::Result<()> {
        let text = match (self.settings.common.json, self.settings.common.quiet) {
            (true, _) => serde_json::to_string(self)?,
            (false, true) => return Ok(()),
            (false, false) => self.to_string(),
        };
        match print_line(self.settings, &text) {
            // Whoever closed the pipe does not want the summary; the copy is made.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match (self.signal, self.status) {
            (Some(signal), _) => signal.exit_code(),
            (None, Status::Ok) => 0,
            (None, _) => FAILED,
        }
    }

    fn write_retries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retries = &self.retries;
        write!(
            f,
            "\n{} in {}",
            text::count(retries.total, "retry"),
            text::count(self.attempts.into(), "attempt")
        )?;
        if self.hedges > 0 {
            let hedges = text::count(self.hedges, "hedge");
            write!(f, ", {hedges} ({} won)", self.hedges_won)?;
        }
        if retries.total == 0 {
            return Ok(());
        }
        let verdicts = [
            ("transient", retries.transient),
            ("throttled", retries.throttled),
        ];
        let operations = retries.by_operation.iter();
        write!(
            f,
            ": {} ({}); waited {}",
            list(verdicts),
            list(operations.map(|(operation, number)| (*operation, *number))),
            text::seconds(self.waited)
        )?;
        if !retries.by_rule.is_empty() {
            let rules = retries.by_rule.iter();
            let rules = list(rules.map(|(rule, number)| (rule.as_str(), *number)));
            write!(f, "; by rules: {rules}")?;
        }
        if !self.queued.is_zero() {
            let queued = text::seconds(self.queued);
            write!(
                f,
                ", and {queued} in the queue, because the service throttled (the sum of all requests)"
            )?;
        }
        Ok(())
    }
}

impl InjectedFaults {
    fn new(spec: String, plan: &FaultPlan) -> Self {
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
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = &self.objects;
        let copied = text::count(objects.copied, "object");
        let size = text::size(self.bytes);
        if self.dry_run {
            write!(f, "would copy {copied} ({size})")?;
        } else {
            write!(
                f,
                "copied {copied} ({size}) in {}",
                text::seconds(self.elapsed)
            )?;
        }
        let counts = [
            ("resumed", objects.resumed),
            ("verified", objects.verified),
            ("unchanged", objects.unchanged),
            ("skipped (existing already)", objects.skipped),
            ("failed", objects.failed),
            ("interrupted", objects.interrupted),
        ];
        for (what, number) in counts {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        self.write_retries(f)?;
        if let Some(signal) = self.signal {
            write!(f, "\nstopped by {signal}")?;
        }
        if objects.uploads_aborted > 0 {
            let uploads = text::count(objects.uploads_aborted, "unfinished upload");
            write!(f, "\n{uploads} aborted")?;
        }
        if objects.uploads_kept > 0 {
            let uploads = text::count(objects.uploads_kept, "unfinished copy");
            write!(f, "\n{uploads} kept: the same command resumes there")?;
        }
        if objects.leftovers_removed > 0 {
            let removed = text::count(objects.leftovers_removed, "unfinished copy");
            write!(f, "\n{removed} of earlier runs removed")?;
        }
        if objects.empty_directories_left_out > 0 {
            let folders = text::count(objects.empty_directories_left_out, "empty directory");
            write!(f, "\n{folders} left out: object stores have no directories")?;
        }
        if let Some(chaos) = &self.chaos {
            let faults = text::count(chaos.faults_injected, "fault");
            write!(
                f,
                "\n{faults} injected; repeat this run with --chaos {}",
                chaos.spec
            )?;
        }
        Ok(())
    }
}

/// Prints to stdout, or to stderr if stdout is the destination.
pub(crate) fn print_line(settings: &CopySettings, line: &str) -> io::Result<()> {
    if settings.destination == Location::Stream {
        writeln!(io::stderr(), "{line}")
    } else {
        writeln!(io::stdout(), "{line}")
    }
}

/// `2 get, 1 put`
fn list<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let texts: Vec<String> = counts
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(what, number)| format!("{number} {what}"))
        .collect();
    texts.join(", ")
}

/// The number of failures is exact; a list of millions of names would help nobody.
const FAILURES_KEPT: usize = 1_000;
