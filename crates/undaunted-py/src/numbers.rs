//! The metrics of the storages of this process.

use std::collections::BTreeMap;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use pyo3::prelude::*;
use undaunted::{MetricSample, MetricsInProcess, metric};

use crate::process::Process;

/// Hands the metrics to the recorder of this process: a forked child begins anew, since its parent may
/// have held a lock.
struct OfProcess;

/// Keeps the metrics from now on. The extension has its own copy of the facade, so nobody else does.
pub(crate) fn keep() {
    // Fails only where they are kept already.
    let _ = metrics::set_global_recorder(OfProcess);
}

/// Every number of the storages of this process, by its name in Prometheus.
#[pyfunction]
pub(crate) fn metric_values() -> BTreeMap<String, f64> {
    let samples = kept().map(MetricsInProcess::samples).unwrap_or_default();
    samples.iter().flat_map(MetricSample::series).collect()
}

/// The metrics of this process as Prometheus reads them.
#[pyfunction]
pub(crate) fn metric_text() -> String {
    kept().map(ToString::to_string).unwrap_or_default()
}

/// The labels of every metric, by its name in Prometheus.
#[pyfunction]
pub(crate) fn metric_labels() -> BTreeMap<String, Vec<&'static str>> {
    let all = metric::ALL.iter();
    all.map(|metric| (metric.prometheus_name(), metric.labels().to_vec()))
        .collect()
}

fn kept() -> Option<&'static MetricsInProcess> {
    Some(&Process::current()?.metrics)
}

impl Recorder for OfProcess {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        kept().map_or_else(Counter::noop, |kept| kept.register_counter(key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        kept().map_or_else(Gauge::noop, |kept| kept.register_gauge(key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        kept().map_or_else(Histogram::noop, |kept| {
            kept.register_histogram(key, metadata)
        })
    }
}
