//! The report of a simulation.

use super::Report;
use super::chart::{Band, Chart, Series, Style};
use super::table::Table;
use crate::fault::Fault;
use crate::outcome::{Outcome, Tick};
use crate::scenario::Scenario;
use crate::text::{count, deviation, digits, figures, overdue, percent, span};

pub(super) fn report(scenario: &Scenario, outcomes: &[Outcome], measured: &[Outcome]) -> Report {
    let shown = Shown {
        scenario,
        outcomes,
        measured,
    };
    Report {
        title: "A simulation of retry policies".to_owned(),
        command: None,
        summary: shown.summary(),
        warnings: Vec::new(),
        tables: vec![shown.totals()],
        charts: shown.charts(),
    }
}

struct Shown<'s> {
    scenario: &'s Scenario,
    outcomes: &'s [Outcome],
    measured: &'s [Outcome],
}

impl Shown<'_> {
    fn summary(&self) -> Vec<String> {
        let scenario = self.scenario.to_string();
        let mut paragraphs = vec![scenario.replace('\n', " ")];
        let losses = || {
            self.outcomes
                .iter()
                .map(|outcome| outcome.totals.lost_share())
        };
        let (fewest, most) = (losses().fold(1.0, f64::min), losses().fold(0.0, f64::max));
        if fewest < most {
            paragraphs.push(format!(
                "The fewest calls are lost with {} ({}), the most with {} ({}).",
                self.that_lose(fewest),
                percent(fewest),
                self.that_lose(most),
                percent(most),
            ));
        }
        paragraphs.extend(self.outcomes.iter().map(|outcome| sentence(self, outcome)));
        paragraphs.extend(self.outcomes.iter().filter_map(overdue));
        paragraphs.extend(self.measured.iter().filter_map(|measured| {
            let predicted = self.outcomes.iter();
            let predicted = predicted
                .clone()
                .find(|one| one.policy == measured.policy)?;
            Some(agreement(predicted, measured))
        }));
        paragraphs
    }

    /// The policies that lose this share of the calls.
    #[allow(clippy::float_cmp, reason = "the share is that of one of them")]
    fn that_lose(&self, share: f64) -> String {
        let those = self.outcomes.iter();
        let those = those.filter(|outcome| outcome.totals.lost_share() == share);
        let names: Vec<String> = those.map(|one| format!("“{}”", one.policy)).collect();
        names.join(" and ")
    }

    fn totals(&self) -> Table {
        let mut table = Table::new(
            "What each policy did",
            &[
                "policy",
                "calls",
                "lost",
                "lost, share",
                "requests",
                "requests a call",
                "median",
                "p99",
                "time to recover",
            ],
        );
        let measured = self.measured.iter().map(|one| (one, ", measured"));
        for (outcome, kind) in self.outcomes.iter().map(|one| (one, "")).chain(measured) {
            let name = format!("{}{kind}", outcome.policy);
            let mut row = vec![name, count(outcome.totals.calls)];
            row.extend(figures(outcome));
            row.push(self.recovery(outcome));
            table.rows.push(row);
        }
        table
    }

    fn charts(&self) -> Vec<Chart> {
        let highest = |of: &dyn Fn(&Outcome) -> f64| {
            let by = |one: &&Outcome, other: &&Outcome| of(one).total_cmp(&of(other));
            self.outcomes.iter().max_by(by)
        };
        let mut charts = Vec::new();
        let offered = |chart: &mut Chart| {
            if let Some(first) = self.outcomes.first() {
                chart.series.insert(
                    0,
                    Series {
                        name: "calls that begin".to_owned(),
                        style: Style::Background,
                        points: points(first, &|tick| Some(tick.calls as f64 / first.step)),
                    },
                );
            }
        };
        if let Some(most) = self.outcomes.iter().map(|one| one.totals.succeeded).max() {
            let least = self.outcomes.iter().map(|one| one.totals.succeeded).min();
            let least = least.filter(|least| *least < most);
            let message = format!(
                "Goodput: {}{} calls succeed.",
                least.map_or_else(String::new, |least| format!("from {} to ", count(least))),
                count(most)
            );
            let mut chart = self.chart(message, "calls that succeed, a second", &|tick, step| {
                Some(tick.succeeded as f64 / step)
            });
            offered(&mut chart);
            charts.push(chart);
        }
        if let Some(most) = highest(&Outcome::peak_requests) {
            let message = format!(
                "Requests: “{}” sends up to {} a second.",
                most.policy,
                digits(most.peak_requests())
            );
            let mut chart = self.chart(message, "requests, a second", &|tick, step| {
                Some(tick.requests as f64 / step)
            });
            offered(&mut chart);
            charts.push(chart);
        }
        let queue = |outcome: &Outcome| {
            outcome
                .ticks
                .iter()
                .map(|tick| tick.queue)
                .fold(0.0, f64::max)
        };
        if let Some(most) = highest(&queue).filter(|most| queue(most) > 0.0) {
            let message = format!(
                "The service's queue: “{}” makes it up to {} long.",
                most.policy,
                span(queue(most))
            );
            charts.push(self.chart(message, "queue, seconds of work", &|tick, _| {
                Some(tick.queue)
            }));
        }
        let tokens = |tick: &Tick| tick.tokens;
        if let Some((policy, low)) = self.lowest(&tokens) {
            let all = self.outcomes.iter().flat_map(|outcome| &outcome.ticks);
            let high = all.filter_map(tokens).fold(low, f64::max);
            let message = if low < high {
                format!(
                    "The budget of a process: that of “{policy}” falls to {} tokens.",
                    digits(low)
                )
            } else {
                format!("The budget of a process: that of “{policy}” stays full.")
            };
            charts.push(self.chart(message, "tokens", &|tick, _| tokens(tick)));
        }
        let pace = |tick: &Tick| tick.pace;
        if let Some((policy, low)) = self.lowest(&pace) {
            let message = format!(
                "The pace: “{policy}” goes down to {} requests a second.",
                digits(low)
            );
            charts.push(self.chart(
                message,
                "requests that the pace allows, a second",
                &|tick, _| pace(tick),
            ));
        }
        charts
    }

    fn chart(
        &self,
        message: String,
        up: &'static str,
        value: &dyn Fn(&Tick, f64) -> Option<f64>,
    ) -> Chart {
        let line = |(number, outcome): (usize, &Outcome)| Series {
            name: outcome.policy.clone(),
            style: Style::Line(number),
            points: points(outcome, &|tick| value(tick, outcome.step)),
        };
        let measured = |outcome: &Outcome| {
            let number = self
                .outcomes
                .iter()
                .position(|one| one.policy == outcome.policy);
            Series {
                name: format!("{}, measured", outcome.policy),
                style: Style::Dashed(number.unwrap_or(0)),
                points: points(outcome, &|tick| value(tick, outcome.step)),
            }
        };
        let lines = self.outcomes.iter().enumerate().map(line);
        let series = lines.chain(self.measured.iter().map(measured));
        Chart {
            message,
            across: "seconds",
            up,
            series: series.filter(|series| !series.points.is_empty()).collect(),
            bands: self.scenario.faults.iter().map(band).collect(),
        }
    }

    /// The policy with the lowest value of something that not all have.
    fn lowest(&self, value: &dyn Fn(&Tick) -> Option<f64>) -> Option<(&str, f64)> {
        let lows = self.outcomes.iter().filter_map(|outcome| {
            let values = outcome.ticks.iter().filter_map(value);
            let low = values.min_by(f64::total_cmp)?;
            Some((outcome.policy.as_str(), low))
        });
        lows.min_by(|one, other| one.1.total_cmp(&other.1))
    }

    fn recovery(&self, outcome: &Outcome) -> String {
        if self.scenario.faults.is_empty() {
            return "no fault".to_owned();
        }
        outcome
            .recovery
            .map_or_else(|| "not in this time".to_owned(), span)
    }
}

fn sentence(shown: &Shown<'_>, outcome: &Outcome) -> String {
    let totals = &outcome.totals;
    let mut text = format!(
        "“{}”: {} of {} calls are lost ({}), with {} a call",
        outcome.policy,
        count(totals.lost_or_overdue()),
        count(totals.succeeded + totals.lost_or_overdue()),
        percent(totals.lost_share()),
        requests(totals.amplification()),
    );
    if !shown.scenario.faults.is_empty() {
        text.push_str(&outcome.recovery.map_or_else(
            || "; it does not recover in this time".to_owned(),
            |seconds| format!("; it recovers in {}", span(seconds)),
        ));
    }
    text.push('.');
    text
}

/// How far the prediction was off.
fn agreement(predicted: &Outcome, measured: &Outcome) -> String {
    let off = |predicted, measured| deviation(predicted, measured).replace('-', "−");
    format!(
        "Measured with “{}”: {} calls succeed (predicted {}, {}), with {} requests (predicted {}, {}).",
        measured.policy,
        count(measured.totals.succeeded),
        count(predicted.totals.succeeded),
        off(predicted.totals.succeeded, measured.totals.succeeded),
        count(measured.totals.requests),
        count(predicted.totals.requests),
        off(predicted.totals.requests, measured.totals.requests),
    )
}

fn requests(number: f64) -> String {
    match digits(number).as_str() {
        "1" => "1 request".to_owned(),
        several => format!("{several} requests"),
    }
}

fn band(fault: &Fault) -> Band {
    Band {
        name: fault.effect.to_string(),
        from: fault.from.as_secs_f64(),
        until: fault.ends().as_secs_f64(),
    }
}

/// A value over time, in as many points as a plot is wide.
fn points(outcome: &Outcome, value: &dyn Fn(&Tick) -> Option<f64>) -> Vec<(f64, f64)> {
    let each = outcome.ticks.len().div_ceil(MOST_POINTS).max(1);
    let mean = |ticks: &[Tick]| {
        let values: Vec<f64> = ticks.iter().filter_map(value).collect();
        let at = ticks.last()?.at;
        (!values.is_empty()).then(|| (at, values.iter().sum::<f64>() / values.len() as f64))
    };
    outcome.ticks.chunks(each).filter_map(mean).collect()
}

const MOST_POINTS: usize = 600;
