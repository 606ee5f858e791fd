//! The report of a plan, or of several side by side.

use super::Report;
use super::chart::{Chart, Series, Style};
use super::table::Table;
use crate::plan::Plan;
use crate::text::{count, digits, span};

pub(super) fn report(plans: &[Plan]) -> Report {
    let mut tables: Vec<Table> = plans.iter().map(schedule).collect();
    if let [left, right] = plans {
        tables.insert(0, comparison(left, right));
    }
    Report {
        title: title(plans),
        command: None,
        summary: plans
            .iter()
            .flat_map(|plan| summary(plan, plans.len() > 1))
            .collect(),
        warnings: plans
            .iter()
            .flat_map(|plan| warnings(plan, plans.len() > 1))
            .collect(),
        tables,
        charts: charts(plans),
    }
}

fn title(plans: &[Plan]) -> String {
    let names: Vec<String> = plans
        .iter()
        .map(|plan| format!("“{}”", plan.policy))
        .collect();
    match names.as_slice() {
        [one] => format!("What the policy {one} does"),
        several => format!("What the policies {} do", several.join(" and ")),
    }
}

/// The sentences of the plan. Its warnings have a place of their own.
fn summary(plan: &Plan, is_named: bool) -> Vec<String> {
    if is_named {
        return vec![format!("“{}”: {}", plan.policy, plan.sentences().join(" "))];
    }
    plan.sentences()
}

fn warnings(plan: &Plan, is_named: bool) -> Vec<String> {
    let name = |text: String| {
        if is_named {
            format!("“{}”: {text}", plan.policy)
        } else {
            text
        }
    };
    plan.warnings
        .iter()
        .map(|warning| name(warning.to_string()))
        .collect()
}

fn comparison(left: &Plan, right: &Plan) -> Table {
    let comparison = left.compare(right);
    let mut table = Table::new("Side by side", &["", &left.policy, &right.policy]);
    table.rows = comparison
        .rows
        .iter()
        .map(|row| {
            vec![
                row.what.clone(),
                row.values[0].clone(),
                row.values[1].clone(),
            ]
        })
        .collect();
    table
}

fn schedule(plan: &Plan) -> Table {
    let caption = format!("The delays of “{}”", plan.policy);
    let mut table = Table::new(
        &caption,
        &[
            "retry",
            "at least",
            "on average",
            "at most",
            "begins at the earliest",
            "at the latest",
        ],
    );
    table.rows = plan
        .schedule
        .iter()
        .take(MOST_RETRIES)
        .map(|retry| {
            vec![
                count(u64::from(retry.retry)),
                span(retry.min),
                span(retry.mean),
                span(retry.max),
                span(retry.earliest),
                span(retry.latest),
            ]
        })
        .collect();
    let left_out = u64::from(plan.retries).saturating_sub(table.rows.len() as u64);
    if left_out > 0 {
        table
            .rows
            .push(vec![format!("and {} more", count(left_out))]);
    }
    table
}

fn charts(plans: &[Plan]) -> Vec<Chart> {
    let retrying: Vec<(usize, &Plan)> = plans
        .iter()
        .enumerate()
        .filter(|(_, plan)| !plan.schedule.is_empty())
        .collect();
    let Some((_, first)) = retrying.first() else {
        return Vec::new();
    };
    let survival = format!(
        "Half of the calls of “{}” ride out an outage of {}.",
        first.policy,
        span(first.outage.seconds.p50)
    );
    let longest = retrying.iter().max_by(|one, other| {
        let last = |plan: &Plan| plan.schedule.last().map_or(0.0, |retry| retry.max);
        last(one.1).total_cmp(&last(other.1))
    });
    let longest = longest.map_or(*first, |(_, plan)| *plan);
    let delays = format!(
        "The delay before a retry of “{}” grows to {} at most.",
        longest.policy,
        span(
            longest
                .schedule
                .iter()
                .map(|retry| retry.max)
                .fold(0.0, f64::max)
        )
    );
    vec![
        Chart {
            message: survival,
            across: "seconds of outage",
            up: "calls that ride it out, %",
            series: lines(&retrying, survived),
            bands: Vec::new(),
        },
        Chart {
            message: delays,
            across: "retry",
            up: "delay, seconds",
            series: retrying
                .iter()
                .map(|(number, plan)| ranges(*number, plan))
                .collect(),
            bands: Vec::new(),
        },
        Chart {
            message: crowd(first),
            across: "seconds after the failure",
            up: "retries a second, if spread evenly",
            series: lines(&retrying, waves),
            bands: Vec::new(),
        },
    ]
}

fn lines(plans: &[(usize, &Plan)], points: fn(&Plan) -> Vec<(f64, f64)>) -> Vec<Series> {
    let line = |(number, plan): &(usize, &Plan)| Series {
        name: plan.policy.clone(),
        style: Style::Line(*number),
        points: points(plan),
    };
    plans.iter().map(line).collect()
}

/// How many of 100 calls ride out an outage, by its length.
fn survived(plan: &Plan) -> Vec<(f64, f64)> {
    let shares = &plan.outage.by_share;
    let steps = shares.len().saturating_sub(1).max(1) as f64;
    let left = |(step, seconds): (usize, &f64)| (*seconds, 100.0 * (1.0 - step as f64 / steps));
    let mut points = vec![(0.0, 100.0)];
    points.extend(shares.iter().enumerate().map(left));
    if plan.outage.is_open {
        // More retries are left than were looked at.
        points.retain(|point| point.1 > 0.0);
    }
    points
}

fn ranges(number: usize, plan: &Plan) -> Series {
    let points = plan.schedule.iter().take(MOST_RETRIES).flat_map(|retry| {
        let place = f64::from(retry.retry);
        [(place, retry.min), (place, retry.max), (place, retry.mean)]
    });
    Series {
        name: format!("{}: least to most, and the mean", plan.policy),
        style: Style::Range(number),
        points: points.collect(),
    }
}

/// Each wave as high as its clients come within a second, if they are spread over it evenly.
fn waves(plan: &Plan) -> Vec<(f64, f64)> {
    let mut changes: Vec<(f64, f64)> = Vec::new();
    for wave in &plan.crowd.waves {
        let rate = f64::from(plan.crowd.clients) / (wave.until - wave.from).max(NARROW);
        changes.push((wave.from, rate));
        changes.push((wave.until.max(wave.from + NARROW), -rate));
    }
    changes.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut points = vec![(0.0, 0.0)];
    let mut rate = 0.0;
    for (at, change) in changes {
        points.push((at, rate));
        rate = f64::max(rate + change, 0.0);
        points.push((at, rate));
    }
    points
}

fn crowd(plan: &Plan) -> String {
    let clients = count(u64::from(plan.crowd.clients));
    let peak = digits(plan.crowd.peak);
    match plan.crowd.merges_from {
        Some(1) => format!(
            "{clients} clients of “{}” that fail together come back spread out, up to {peak} in 10 ms.",
            plan.policy
        ),
        _ => format!(
            "{clients} clients of “{}” that fail together come back in waves, up to {peak} in 10 ms.",
            plan.policy
        ),
    }
}

/// As many as can be told apart.
const MOST_RETRIES: usize = 30;
/// Seconds. Without jitter all of a wave come at once; what a plot shows as that.
const NARROW: f64 = 0.01;
