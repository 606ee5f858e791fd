//! What a server has done, in the text format of Prometheus. What its clients count as attempts are
//! requests here, so the names are those of the client's metrics with `serve` in them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::request_record::RequestRecord;

/// The numbers of a server. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics(Arc<Mutex<Numbers>>);

#[derive(Debug, Default)]
struct Numbers {
    /// By operation and status; none where the connection ended without a response.
    requests: BTreeMap<(&'static str, Option<u16>), u64>,
    faults: BTreeMap<String, u64>,
    received: BTreeMap<&'static str, u64>,
    sent: BTreeMap<&'static str, u64>,
    durations: BTreeMap<&'static str, Durations>,
}

#[derive(Debug, Default)]
struct Durations {
    count: u64,
    sum: Duration,
    by_bound: [u64; BOUNDS.len()],
}

impl Metrics {
    /// A request has ended.
    pub(super) fn count(&self, request: &RequestRecord) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let operation = request.operation.as_str();
        let key = (operation, request.status);
        *numbers.requests.entry(key).or_default() += 1;
        *numbers.received.entry(operation).or_default() += request.bytes_in;
        *numbers.sent.entry(operation).or_default() += request.bytes_out;
        for fault in request.fault.iter().flat_map(|faults| faults.split("; ")) {
            // Its kind, without what it was set to: `fail_before (HTTP status 503)`.
            let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
            let kind = fault.split(|c: char| !is_name(c)).next().unwrap_or(fault);
            *numbers.faults.entry(kind.to_owned()).or_default() += 1;
        }
        let durations = numbers.durations.entry(operation).or_default();
        durations.count += 1;
        durations.sum += request.lasted;
        let seconds = request.lasted.as_secs_f64();
        for (count, bound) in durations.by_bound.iter_mut().zip(BOUNDS) {
            *count += u64::from(seconds <= bound);
        }
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [requests, faults, duration, received, sent] = METRICS;
        requests.head(f)?;
        for ((operation, status), count) in &numbers.requests {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let labels = format!("operation=\"{operation}\",status=\"{status}\"");
            writeln!(f, "{}{{{labels}}} {count}", requests.name)?;
        }
        faults.head(f)?;
        for (fault, count) in &numbers.faults {
            writeln!(f, "{}{{fault=\"{fault}\"}} {count}", faults.name)?;
        }
        duration.head(f)?;
        let name = duration.name;
        for (operation, durations) in &numbers.durations {
            let of = format!("operation=\"{operation}\"");
            for (bound, count) in BOUNDS.iter().zip(durations.by_bound) {
                writeln!(f, "{name}_bucket{{{of},le=\"{bound}\"}} {count}")?;
            }
            writeln!(f, "{name}_bucket{{{of},le=\"+Inf\"}} {}", durations.count)?;
            writeln!(f, "{name}_sum{{{of}}} {}", durations.sum.as_secs_f64())?;
            writeln!(f, "{name}_count{{{of}}} {}", durations.count)?;
        }
        for (metric, bytes) in [(received, &numbers.received), (sent, &numbers.sent)] {
            metric.head(f)?;
            for (operation, bytes) in bytes {
                writeln!(f, "{}{{operation=\"{operation}\"}} {bytes}", metric.name)?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

impl Metric {
    fn head(self, f: &mut impl Write) -> fmt::Result {
        let Self { name, kind, help } = self;
        writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }
}

const METRICS: [Metric; 5] = [
    Metric {
        name: "undaunted_serve_requests_total",
        kind: "counter",
        help: "Requests that ended, by the status of the response; none where there was none.",
    },
    Metric {
        name: "undaunted_serve_faults_total",
        kind: "counter",
        help: "Faults that hit requests, by kind.",
    },
    Metric {
        name: "undaunted_serve_request_duration_seconds",
        kind: "histogram",
        help: "From the beginning of a request to the last byte of its response.",
    },
    Metric {
        name: "undaunted_serve_received_bytes_total",
        kind: "counter",
        help: "Bytes that the bodies of requests announced.",
    },
    Metric {
        name: "undaunted_serve_sent_bytes_total",
        kind: "counter",
        help: "Bytes of the bodies of responses that went out.",
    },
];

/// Those of the client's metrics, in seconds.
const BOUNDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0, 60.0,
];
