//! `--from`: a scenario from a recording of `serve`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and times are far below 2^53"
)]

mod faults;
mod lines;

use std::fmt::Write;
use std::path::Path;

use undaunted_sim::text::span;

use crate::error::UsageError;
use faults::{Faults, Kind};
use lines::{Fate, Request};

/// A scenario from a recording.
pub(super) struct Recorded {
    /// The file.
    pub(super) text: String,
    /// What of the recording is not in it.
    pub(super) left_out: Option<String>,
}

/// A scenario file with the arrivals, the latencies and the faults of a recording.
pub(super) fn scenario(path: &Path) -> Result<Recorded, UsageError> {
    let recording = lines::read(path)?;
    let requests = longest_part(&recording);
    let name = path.display();
    let mut text = format!(
        "# From {} of {} requests in {name}.\n",
        requests.len(),
        recording.len()
    );
    let Some((first, last)) = requests.first().zip(requests.last()) else {
        return Err(UsageError::EmptyRecording {
            path: name.to_string(),
        });
    };
    let faults = Faults::of(requests);
    let duration = (last.at - first.at).max(SHORTEST);
    // What failed was sent again: the calls are those that were carried out, and as many more as
    // would have been in the time in which none was.
    let carried_out = requests
        .iter()
        .filter(|request| request.fate == Fate::CarriedOut);
    let working = (duration - faults.seconds()).max(SHORTEST);
    let rate = carried_out.count().max(1) as f64 / working;
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "duration = {duration:.3}\n\n[clients]\nper_second = {rate:.6}\n"
    );
    let _ = write!(text, "\n[service]\n{}", latency(requests));
    if faults.error_rate > 0.0 {
        let _ = writeln!(text, "error_rate = {:.4}", faults.error_rate);
    }
    if let Some(limit) = faults.rate_limit {
        let _ = writeln!(text, "rate_limit = {limit:.6}");
    }
    for fault in &faults.all {
        let kind = match fault.kind {
            Kind::Outage => "\"outage\"".to_owned(),
            Kind::Hang => "\"hang\"".to_owned(),
            Kind::Errors(share) => format!("\"errors\"\nshare = {share:.3}"),
        };
        let (from, lasts) = (fault.from, fault.until - fault.from);
        let _ = write!(
            text,
            "\n[[fault]]\nkind = {kind}\nfrom = {from:.3}\nlasts = {lasts:.3}\n"
        );
    }
    text.push_str(POLICIES);
    let left_out = recording.len() - requests.len();
    let left_out = (left_out > 0).then(|| {
        format!(
            "{left_out} of {} requests in {name} are left out: they are before or after a pause of {}, which \
             is taken as the end of a run; this is the run with the most",
            recording.len(),
            span(pause(&recording))
        )
    });
    Ok(Recorded { text, left_out })
}

/// The most requests without a long pause: a file may have the recordings of several runs.
fn longest_part(requests: &[Request]) -> &[Request] {
    let pause = pause(requests);
    let parts = requests.chunk_by(|before, after| after.at - before.at < pause);
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

/// Seconds without a request that end a run. Where requests are rare, pauses are usual.
fn pause(requests: &[Request]) -> f64 {
    let gaps = requests.windows(2).map(|pair| pair[1].at - pair[0].at);
    let mut gaps: Vec<f64> = gaps.collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
    PAUSE.max(USUAL_GAPS * usual)
}

/// The latency of those that were carried out and that no fault delayed, as a lognormal distribution with
/// the same median and the same 95th percentile.
fn latency(requests: &[Request]) -> String {
    let usual = requests
        .iter()
        .filter(|request| request.fate == Fate::CarriedOut && !request.is_delayed);
    let mut seconds: Vec<f64> = usual.map(|request| request.seconds).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    let at = |quantile: f64| {
        let last = seconds.len().saturating_sub(1) as f64;
        seconds.get((last * quantile) as usize).copied()
    };
    let (Some(median), Some(tail)) = (at(0.5), at(0.95)) else {
        return String::new();
    };
    let median = median.max(LEAST_LATENCY);
    let sigma = (tail.max(median) / median).ln() / DEVIATIONS_OF_95;
    if sigma < LEAST_SIGMA {
        return format!("latency = {median:.6}\n");
    }
    let sigma = sigma.min(MOST_SIGMA);
    format!("latency = {{ median = {median:.6}, sigma = {sigma:.3} }}\n")
}

const POLICIES: &str = "
[[policy]]
name = \"no retries\"
max_retries = 0

[[policy]]
name = \"default\"

[[policy]]
name = \"storage\"
preset = \"storage\"
store = true
";

/// Seconds. Nobody sends nothing for so long in one run.
const PAUSE: f64 = 60.0;
/// So many gaps of the usual length are a pause.
const USUAL_GAPS: f64 = 20.0;
const SHORTEST: f64 = 1.0;
/// Times in a recording are those of a clock with microseconds.
const LEAST_LATENCY: f64 = 1e-6;
/// The 95th percentile of a normal distribution, in deviations from its mean.
const DEVIATIONS_OF_95: f64 = 1.645;
const LEAST_SIGMA: f64 = 0.01;
/// As much as a scenario file takes.
const MOST_SIGMA: f64 = 5.0;
