//! The metrics: what each is called, what it counts, in which unit, and by which labels. One table, from
//! which the code that records, the documentation and the dashboard take their names.

/// A metric that the feature `metrics` records through the facade of that name.
///
/// The names and units are OpenTelemetry's. [`prometheus_name`](Self::prometheus_name) is what
/// OpenTelemetry's own rules make of them, and so do the exporters.
///
/// ```
/// use undaunted::metric;
///
/// assert_eq!(metric::CALL_DURATION.name(), "undaunted.call.duration");
/// assert_eq!(metric::CALL_DURATION.prometheus_name(), "undaunted_call_duration_seconds");
/// assert_eq!(metric::ATTEMPTS.prometheus_name(), "undaunted_attempts_total");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    pub(crate) unit: MetricUnit,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// How a metric changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// A distribution.
    Histogram,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricUnit {
    /// Things that are counted.
    Count,
    /// `By`.
    Bytes,
    /// `s`.
    Seconds,
}

impl Metric {
    /// Its name: `undaunted.call.duration`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How it changes.
    #[must_use]
    pub const fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(&self) -> MetricUnit {
        self.unit
    }

    /// Its labels, each of which has few values.
    #[must_use]
    pub const fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    /// What it is, in a line.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.help
    }

    /// Its name in Prometheus: with underscores, its unit, and `_total` behind what only grows.
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let unit = match self.unit {
            MetricUnit::Count => "",
            MetricUnit::Bytes => "_bytes",
            MetricUnit::Seconds => "_seconds",
        };
        let total = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        format!("{}{unit}{total}", self.name.replace('.', "_"))
    }
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)+) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: MetricKind::$kind,
                unit: MetricUnit::$unit,
                labels: &[$($label),*],
                help: $help,
            };
        )+

        /// All of them, in the order of the table.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    CALLS = "undaunted.calls", Counter, Count, ["operation"],
        "Calls that ended, whether they succeeded or failed.";
    SUCCESSES = "undaunted.successes", Counter, Count, ["operation"],
        "Calls that succeeded.";
    RECOVERIES = "undaunted.recoveries", Counter, Count, ["operation"],
        "Calls that succeeded after a retry.";
    FAILURES = "undaunted.failures", Counter, Count, ["operation", "reason"],
        "Calls that failed, by the reason why there was no further attempt.";
    CALL_DURATION = "undaunted.call.duration", Histogram, Seconds, ["operation"],
        "From the beginning of a call to its end, waits included.";
    ATTEMPTS = "undaunted.attempts", Counter, Count, ["operation"],
        "Attempts that ended, first ones included.";
    ATTEMPT_DURATION = "undaunted.attempt.duration", Histogram, Seconds, ["operation"],
        "From the beginning of an attempt to its end.";
    RETRIES = "undaunted.retries", Counter, Count, ["operation", "verdict"],
        "Failed attempts that are followed by another.";
    ERRORS = "undaunted.errors", Counter, Count, ["operation", "error_type", "verdict"],
        "Attempts that failed, by what the error is called and what it was judged to be.";
    JUDGED_BY_RULE = "undaunted.failures.judged_by_rule", Counter, Count, ["operation", "rule"],
        "Attempts that failed and were judged by a rule of the caller's own.";
    DELAY = "undaunted.delay", Histogram, Seconds, ["operation"],
        "Delays between a failed attempt and the next.";
    QUEUE = "undaunted.queue", Histogram, Seconds, ["operation"],
        "How long attempts waited for their turns at a pacer.";
    PACE = "undaunted.pace.requests_per_second", Gauge, Count, [],
        "The rate of the pacer, or 0 while nothing is paced.";
    BUDGET = "undaunted.budget.tokens", Gauge, Count, [],
        "What is left of the retry budget.";
    HEDGES_ISSUED = "undaunted.hedge.issued", Counter, Count, ["operation"],
        "Reads that were sent a second time.";
    HEDGES_WON = "undaunted.hedge.won", Counter, Count, ["operation"],
        "Second requests of these that were answered first.";
    TIME_TO_FIRST_BYTE = "undaunted.time_to_first_byte", Histogram, Seconds, ["operation"],
        "From sending a request to the head of its response.";
    BYTES_SENT = "undaunted.sent", Counter, Bytes, ["operation"],
        "Bytes of the bodies of requests, those of failed attempts included.";
    BYTES_RECEIVED = "undaunted.received", Counter, Bytes, ["operation"],
        "Bytes of the bodies of responses, those of failed attempts included.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_in_both_forms() {
        let names: BTreeSet<_> = ALL.iter().map(Metric::name).collect();
        let of_prometheus: BTreeSet<_> = ALL.iter().map(Metric::prometheus_name).collect();
        assert_eq!((names.len(), of_prometheus.len()), (ALL.len(), ALL.len()));
    }

    /// A key, or another text of the caller's, would make a series for each of its values.
    #[test]
    fn no_label_can_have_a_value_for_each_object() {
        let bounded = ["operation", "reason", "verdict", "error_type", "rule"];
        for metric in ALL {
            for label in metric.labels() {
                assert!(bounded.contains(label), "{label}");
            }
        }
    }

    #[test]
    fn the_table_of_the_guide_is_this_one() {
        let guide = include_str!("guide/monitoring.md");
        for metric in ALL {
            let kind = format!("{:?}", metric.kind()).to_lowercase();
            let unit = match metric.unit() {
                MetricUnit::Count => "",
                MetricUnit::Bytes => "By",
                MetricUnit::Seconds => "s",
            };
            let labels: Vec<_> = metric
                .labels()
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            let row = format!(
                "| `{}` | `{}` | {kind} | {unit} | {} | {} |",
                metric.name(),
                metric.prometheus_name(),
                labels.join(", "),
                metric.help(),
            );
            assert!(
                guide.contains(&row),
                "guide/monitoring.md has no row:\n{row}"
            );
        }
        let rows = guide
            .lines()
            .filter(|line| line.contains("` | `undaunted_"));
        assert_eq!(rows.count(), ALL.len(), "the guide has a row too many");
    }
}
