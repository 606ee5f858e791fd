//! A recorder of metrics that keeps them in the process: for programs that have no other, and for those
//! that print them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::metric::{self, Metric, MetricKind};

/// A recorder that keeps the [metrics](crate::metric) in this process. Its `Display` is the text format of
/// Prometheus. A clone shares it.
///
/// ```
/// use undaunted::{MetricsInProcess, RetryConfig, blocking};
///
/// let recorder = MetricsInProcess::default();
/// // A program sets it once, at its start: `metrics::set_global_recorder(recorder.clone())`.
/// metrics::with_local_recorder(&recorder, || {
///     blocking::with_retry(|| Ok::<_, std::io::Error>(()), &RetryConfig::default())
/// })?;
/// let samples = recorder.samples();
/// assert!(samples.iter().any(|sample| sample.metric == undaunted::metric::ATTEMPTS));
/// assert!(recorder.to_string().contains("# TYPE undaunted_attempts_total counter\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MetricsInProcess(Arc<Mutex<HashMap<Key, Slot>>>);

/// What a metric has come to, for these labels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricSample {
    /// The metric.
    pub metric: Metric,
    /// The values of its labels, in their order.
    pub labels: Vec<String>,
    /// What it has come to.
    pub value: MetricValue,
}

/// What a metric has come to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A counter.
    Counter(u64),
    /// A gauge.
    Gauge(f64),
    /// A distribution.
    #[non_exhaustive]
    Histogram {
        /// How many samples there are.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The largest.
        max: f64,
        /// How many are at most as large as each of the bounds.
        buckets: Vec<(f64, u64)>,
    },
}

impl MetricsInProcess {
    /// All that was recorded, in the order of [`metric::ALL`](crate::metric::ALL).
    #[must_use]
    pub fn samples(&self) -> Vec<MetricSample> {
        let mut samples: Vec<_> = self
            .lock()
            .iter()
            .filter_map(|(key, slot)| {
                let metric = find(key)?;
                let labels = key.labels().map(|label| label.value().to_owned());
                Some(MetricSample {
                    metric,
                    labels: labels.collect(),
                    value: slot.value(),
                })
            })
            .collect();
        let place = |metric: &Metric| metric::ALL.iter().position(|other| other == metric);
        samples.sort_by_cached_key(|sample| (place(&sample.metric), sample.labels.clone()));
        samples
    }

    fn slot(&self, key: &Key) -> Option<Slot> {
        let kind = find(key)?.kind();
        let mut slots = self.lock();
        if let Some(slot) = slots.get(key) {
            return Some(slot.clone());
        }
        let slot = Slot::new(kind);
        slots.insert(key.clone(), slot.clone());
        Some(slot)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of other libraries are not kept.
fn find(key: &Key) -> Option<Metric> {
    let mut all = metric::ALL.iter();
    all.find(|metric| metric.name() == key.name()).copied()
}

impl Recorder for MetricsInProcess {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.slot(key) {
            Some(Slot::Counter(counter)) => Counter::from_arc(counter),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.slot(key) {
            Some(Slot::Gauge(gauge)) => Gauge::from_arc(gauge),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.slot(key) {
            Some(Slot::Histogram(histogram)) => Histogram::from_arc(histogram),
            _ => Histogram::noop(),
        }
    }
}

#[derive(Clone, Debug)]
enum Slot {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

impl Slot {
    fn new(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter(Arc::default()),
            MetricKind::Gauge => Self::Gauge(Arc::default()),
            MetricKind::Histogram => Self::Histogram(Arc::default()),
        }
    }

    fn value(&self) -> MetricValue {
        match self {
            Self::Counter(counter) => MetricValue::Counter(counter.load(Ordering::Relaxed)),
            Self::Gauge(gauge) => MetricValue::Gauge(f64::from_bits(gauge.load(Ordering::Relaxed))),
            Self::Histogram(buckets) => buckets.value(),
        }
    }
}

#[derive(Debug, Default)]
struct Buckets(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    count: u64,
    sum: f64,
    max: f64,
    by_bound: [u64; BOUNDS.len()],
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.count += 1;
        counts.sum += value;
        counts.max = counts.max.max(value);
        for (count, bound) in counts.by_bound.iter_mut().zip(BOUNDS) {
            *count += u64::from(value <= bound);
        }
    }
}

impl Buckets {
    fn value(&self) -> MetricValue {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MetricValue::Histogram {
            count: counts.count,
            sum: counts.sum,
            max: counts.max,
            buckets: BOUNDS.into_iter().zip(counts.by_bound).collect(),
        }
    }
}

impl fmt::Display for MetricsInProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for sample in self.samples() {
            let name = sample.metric.prometheus_name();
            if before != Some(sample.metric) {
                let kind = match sample.metric.kind() {
                    MetricKind::Counter => "counter",
                    MetricKind::Gauge => "gauge",
                    MetricKind::Histogram => "histogram",
                };
                writeln!(f, "# HELP {name} {}", sample.metric.help())?;
                writeln!(f, "# TYPE {name} {kind}")?;
                before = Some(sample.metric);
            }
            for (name, value) in sample.series() {
                writeln!(f, "{name} {value}")?;
            }
        }
        Ok(())
    }
}

impl MetricSample {
    /// The series that Prometheus makes of it, by name with labels:
    /// `undaunted_attempts_total{operation="get"}`.
    #[must_use]
    pub fn series(&self) -> Vec<(String, f64)> {
        let name = self.metric.prometheus_name();
        match &self.value {
            #[allow(
                clippy::cast_precision_loss,
                reason = "Prometheus has no other numbers"
            )]
            MetricValue::Counter(count) => vec![(self.named(&name, None), *count as f64)],
            MetricValue::Gauge(value) => vec![(self.named(&name, None), *value)],
            #[allow(
                clippy::cast_precision_loss,
                reason = "Prometheus has no other numbers"
            )]
            MetricValue::Histogram {
                count,
                sum,
                buckets,
                ..
            } => {
                let bucket = format!("{name}_bucket");
                let bounds = buckets
                    .iter()
                    .map(|(bound, count)| (bound.to_string(), *count));
                let bounds = bounds.chain([("+Inf".to_owned(), *count)]);
                let mut series: Vec<_> = bounds
                    .map(|(bound, count)| (self.named(&bucket, Some(&bound)), count as f64))
                    .collect();
                series.push((self.named(&format!("{name}_sum"), None), *sum));
                series.push((self.named(&format!("{name}_count"), None), *count as f64));
                series
            }
        }
    }

    fn named(&self, name: &str, bound: Option<&str>) -> String {
        let labels = self.metric.labels().iter().copied();
        let values = self.labels.iter().map(String::as_str);
        let pairs: Vec<_> = labels
            .zip(values)
            .chain(bound.map(|bound| ("le", bound)))
            .map(|(label, value)| {
                let value = value.replace('\\', r"\\").replace('"', "\\\"");
                format!("{label}=\"{}\"", value.replace('\n', r"\n"))
            })
            .collect();
        if pairs.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{{{}}}", pairs.join(","))
        }
    }
}

/// OpenTelemetry's of the duration of a request, with some on either side: a local service takes less,
/// and a call with waits more. In seconds; all distributions are durations.
const BOUNDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0, 60.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_shown_as_prometheus_reads_it() {
        let recorder = MetricsInProcess::default();
        metrics::with_local_recorder(&recorder, || {
            let operation = ("operation", "say \"hi\"\n".into());
            metric::ATTEMPTS.count(2, std::slice::from_ref(&operation));
            metric::DELAY.observe(std::time::Duration::from_millis(30), &[operation]);
            metrics::counter!("another").increment(1);
        });
        let text = recorder.to_string();
        let labels = r#"operation="say \"hi\"\n""#;
        for line in [
            "# TYPE undaunted_attempts_total counter".to_owned(),
            format!("undaunted_attempts_total{{{labels}}} 2"),
            "# TYPE undaunted_delay_seconds histogram".to_owned(),
            format!("undaunted_delay_seconds_bucket{{{labels},le=\"0.025\"}} 0"),
            format!("undaunted_delay_seconds_bucket{{{labels},le=\"0.05\"}} 1"),
            format!("undaunted_delay_seconds_bucket{{{labels},le=\"+Inf\"}} 1"),
            format!("undaunted_delay_seconds_sum{{{labels}}} 0.03"),
            format!("undaunted_delay_seconds_count{{{labels}}} 1"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert!(!text.contains("another"));
    }

    #[test]
    fn samples_come_in_the_order_of_the_documentation() {
        let recorder = MetricsInProcess::default();
        metrics::with_local_recorder(&recorder, || {
            for name in ["b", "a"] {
                let operation = ("operation", name.into());
                metric::SUCCESSES.count(1, std::slice::from_ref(&operation));
                metric::CALLS.count(1, std::slice::from_ref(&operation));
                metric::ATTEMPTS.count(1, &[operation]);
            }
        });
        let samples = recorder.samples();
        let seen = samples
            .iter()
            .map(|sample| (sample.metric.name(), &*sample.labels[0]));
        let documented = metric::ALL.iter().map(Metric::name);
        let counted = [&metric::SUCCESSES, &metric::CALLS, &metric::ATTEMPTS].map(Metric::name);
        let expected = documented
            .filter(|name| counted.contains(name))
            .flat_map(|name| [(name, "a"), (name, "b")]);
        assert!(seen.eq(expected), "{samples:?}");
    }
}
