//! The dashboard shows metrics that exist, and all of them; and each is recorded somewhere.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use undaunted::metric::{self, MetricKind};

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(file).unwrap()
}

/// All texts under the keys that hold queries, wherever they are.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        found.push(text.clone());
                    }
                    _ => queries(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

/// The metrics in a query, and the labels of the selector behind each.
fn metrics_in(query: &str) -> Vec<(String, Vec<String>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = query;
    let mut found = Vec::new();
    while let Some(start) = rest.find("undaunted_") {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let selector = behind.strip_prefix('{').and_then(|it| it.split_once('}'));
        let labels = selector.map_or("", |(labels, _)| labels).split(',');
        let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.trim().to_owned()));
        found.push((name.to_owned(), labels.collect()));
        rest = behind;
    }
    found
}

#[test]
fn the_dashboard_shows_all_metrics_and_no_others() {
    let dashboard = serde_json::from_str(&read("../../contrib/grafana/undaunted.json")).unwrap();
    let mut texts = Vec::new();
    queries(&dashboard, &mut texts);
    let mut shown = BTreeSet::new();
    for (name, labels) in texts.iter().flat_map(|text| metrics_in(text)) {
        let metric = metric::ALL.iter().find(|metric| {
            let of_prometheus = metric.prometheus_name();
            match metric.kind() {
                MetricKind::Histogram => name
                    .strip_prefix(&of_prometheus)
                    .is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part)),
                _ => name == of_prometheus,
            }
        });
        let metric = metric.unwrap_or_else(|| panic!("there is no metric {name}"));
        for label in labels.iter().filter(|label| *label != "job") {
            assert!(
                metric.labels().contains(&&**label),
                "{name} has no label {label}"
            );
        }
        shown.insert(metric.name());
    }
    let all: BTreeSet<_> = metric::ALL.iter().map(metric::Metric::name).collect();
    assert_eq!(shown, all);
}

#[test]
fn every_metric_of_the_table_is_recorded() {
    let table = read("src/metric.rs");
    let code = read("src/driver/metrics.rs") + &read("../undaunted-object-store/src/measure.rs");
    for metric in metric::ALL {
        let line = format!(" = \"{}\",", metric.name());
        let (before, _) = table.split_once(&line).unwrap();
        let constant = before.rsplit([' ', '\n']).next().unwrap();
        assert!(code.contains(&format!("metric::{constant}")), "{constant}");
    }
}
