//! A simulation for people: the scenario in sentences, plots of each policy, and a table of all.

#![allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]

use std::fmt;
use std::time::Duration;

use console::Color;
use undaunted_sim::text::{count, deviation, digits, figures, overdue, percent, span};
use undaunted_sim::{Outcome, Tick};

use super::{Measured, Simulated};
use crate::plot::{Curve, Spans, Table, TimeAxis};
use crate::terminal::Terminal;
use crate::text;

/// A simulation as a terminal shows it.
pub(super) struct ShownSimulation<'s> {
    simulated: &'s Simulated,
    terminal: Terminal,
    has_plots: bool,
}

/// A quantity that is plotted.
struct Quantity {
    label: &'static str,
    /// Of a tick of so many seconds; none where the policy does not have it.
    value: fn(&Tick, f64) -> Option<f64>,
    figure: fn(f64) -> String,
    colour: Color,
}

impl<'s> ShownSimulation<'s> {
    pub(super) const fn new(simulated: &'s Simulated, terminal: Terminal, has_plots: bool) -> Self {
        Self {
            simulated,
            terminal,
            has_plots,
        }
    }

    /// The scenario in sentences.
    fn scenario(&self) -> String {
        let scenario = self.simulated.scenario.to_string();
        let measured = self.simulated.measured.as_ref();
        let notes = measured.map(|measured| self.notes(measured));
        let lines = scenario.lines().map(str::to_owned);
        let lines = lines.chain(notes.into_iter().flatten());
        let lines = lines.map(|line| text::wrapped(&line, self.terminal.width));
        let name = self.simulated.name.clone();
        let lines: Vec<String> = std::iter::once(name).chain(lines).collect();
        lines.join("\n")
    }

    /// How it was measured.
    fn notes(&self, measured: &Measured) -> Vec<String> {
        let scale = if measured.share < 1.0 {
            format!("both scaled down to {}", percent(measured.share))
        } else {
            "at full scale".to_owned()
        };
        let mut notes = vec![format!(
            "Predicted, and marked with {} what was measured, {scale}.",
            Curve::mark(self.terminal)
        )];
        let left_out = measured.left_out.iter();
        notes.extend(left_out.map(|left_out| format!("Predicted only: {left_out}.")));
        if measured.late > MOST_LATE {
            notes.push(format!(
                "The machine was busy: things happened up to {} late. What was measured is not only what \
                 the policies do.",
                span(measured.late.as_secs_f64())
            ));
        }
        notes
    }

    /// All quantities of a policy over time. What is the same quantity has the same scale for all policies.
    fn plots(&self, outcome: &Outcome) -> String {
        let duration = self.simulated.scenario.duration.as_secs_f64();
        let axis = TimeAxis::new(self.terminal, LABEL, FIGURE, duration);
        let measured = self.simulated.measured(&outcome.policy);
        let mut lines = vec![outcome.policy.clone()];
        for quantity in QUANTITIES {
            let Some(top) = self.top(&axis, quantity) else {
                continue;
            };
            let values = columns(&axis, outcome, quantity.value);
            if values.iter().all(|value| value.is_nan()) {
                continue;
            }
            let marks = measured.map(|measured| columns(&axis, measured, quantity.value));
            let curve = Curve {
                label: quantity.label,
                values: &values,
                marks: marks.as_deref(),
                top,
                figure: &(quantity.figure)(top),
                rows: if measured.is_some() { MORE_ROWS } else { ROWS },
                colour: quantity.colour,
            };
            lines.extend(curve.lines(&axis));
        }
        lines.push(self.faults(axis));
        lines.join("\n")
    }

    /// When which fault was, and the times.
    fn faults(&self, axis: TimeAxis) -> String {
        let mut bars = Spans::new(axis);
        for fault in &self.simulated.scenario.faults {
            let (from, ends) = (fault.from.as_secs_f64(), fault.ends().as_secs_f64());
            bars.bar(fault.effect.to_string(), [from, f64::NAN, ends]);
        }
        bars.to_string()
    }

    /// The largest value of a column in any policy; none if none has any.
    fn top(&self, axis: &TimeAxis, quantity: &Quantity) -> Option<f64> {
        let predicted = self.simulated.outcomes.iter();
        let measured = self
            .simulated
            .measured
            .iter()
            .flat_map(|measured| &measured.outcomes);
        let values = predicted
            .chain(measured)
            .flat_map(|outcome| columns(axis, outcome, quantity.value));
        // What is no number is smaller than any.
        values.reduce(f64::max).filter(|top| *top > 0.0)
    }

    fn table(&self) -> String {
        let mut table = Table::new([
            "policy",
            "calls lost",
            "",
            "requests",
            "a call",
            "p50",
            "p99",
            "recovers after",
        ]);
        for outcome in &self.simulated.outcomes {
            let [lost, share, requests, amplification, median, high] = figures(outcome);
            let name = outcome.policy.clone();
            let recovery = self.recovery(outcome);
            table.row([
                name,
                lost,
                share,
                requests,
                amplification,
                median,
                high,
                recovery,
            ]);
        }
        table.to_string()
    }

    /// How far the prediction is from what was measured.
    fn errors(&self) -> Option<String> {
        let measured = self.simulated.measured.as_ref()?;
        let mut table = Table::new([
            "measured",
            "goodput",
            "error",
            "requests",
            "error",
            "calls lost",
            "predicted",
        ]);
        for outcome in &measured.outcomes {
            let mut predicted = self.simulated.outcomes.iter();
            let predicted = predicted.find(|predicted| predicted.policy == outcome.policy)?;
            let (real, sim) = (&outcome.totals, &predicted.totals);
            table.row([
                outcome.policy.clone(),
                count(real.succeeded),
                deviation(sim.succeeded, real.succeeded),
                count(real.requests),
                deviation(sim.requests, real.requests),
                count(real.lost_or_overdue()),
                count(sim.lost_or_overdue()),
            ]);
        }
        Some(table.to_string())
    }

    /// What became of calls without a result.
    fn overdue(&self) -> Option<String> {
        let all = self.simulated.all();
        let lines: Vec<String> = all
            .iter()
            .filter_map(overdue)
            .map(|line| text::wrapped(&line, self.terminal.width))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn recovery(&self, outcome: &Outcome) -> String {
        match outcome.recovery {
            _ if self.simulated.scenario.faults.is_empty() => "no fault".to_owned(),
            // The last fault may not have begun.
            _ if self.simulated.stopped.is_some() => "unknown".to_owned(),
            Some(seconds) => span(seconds),
            None => "never".to_owned(),
        }
    }

    /// How much of it there is, if not all.
    fn stopped(&self) -> Option<String> {
        let signal = self.simulated.stopped?;
        let all = span(self.simulated.scenario.duration.as_secs_f64());
        let parts = self
            .simulated
            .outcomes
            .iter()
            .map(|outcome| format!("{} of {all} of {}", span(outcome.seconds), outcome.policy));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            return Some(format!("stopped by {signal}, before any policy was run"));
        }
        Some(format!("stopped by {signal}, after {}", parts.join(", ")))
    }
}

impl fmt::Display for ShownSimulation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = self.simulated.outcomes.iter();
        let plots = outcomes
            .filter(|_| self.has_plots)
            .map(|outcome| self.plots(outcome));
        let paragraphs = std::iter::once(self.scenario())
            .chain(plots)
            .chain([self.table()])
            .chain(self.errors())
            .chain(self.overdue())
            .chain(
                self.stopped()
                    .map(|text| text::wrapped(&text, self.terminal.width)),
            );
        f.write_str(&paragraphs.collect::<Vec<_>>().join("\n\n"))
    }
}

/// The mean of a quantity in each column of the axis; no number where there is none.
fn columns(axis: &TimeAxis, outcome: &Outcome, value: fn(&Tick, f64) -> Option<f64>) -> Vec<f64> {
    let column = |column: usize| {
        let (from, until) = (axis.begins(column), axis.begins(column + 1));
        let ticks = &outcome.ticks;
        let first = ticks.partition_point(|tick| tick.at <= from);
        let last = ticks.partition_point(|tick| tick.at - outcome.step < until);
        let ticks = ticks.get(first..last).unwrap_or_default().iter();
        let values = ticks.filter_map(|tick| {
            let share = tick.at.min(until) - (tick.at - outcome.step).max(from);
            value(tick, outcome.step).map(|value| (value, share))
        });
        let (sum, shares) = values.fold((0.0, 0.0), |(sum, shares), (value, share)| {
            (sum + value * share, shares + share)
        });
        sum / shares
    };
    (0..axis.columns()).map(column).collect()
}

const QUANTITIES: &[Quantity] = &[
    Quantity {
        label: "offered load",
        value: |tick, step| Some(tick.calls as f64 / step),
        figure: rate,
        colour: Color::Blue,
    },
    Quantity {
        label: "goodput",
        value: |tick, step| Some(tick.succeeded as f64 / step),
        figure: rate,
        colour: Color::Green,
    },
    Quantity {
        label: "calls lost",
        value: |tick, step| Some(tick.lost as f64 / step),
        figure: rate,
        colour: Color::Red,
    },
    Quantity {
        label: "requests",
        value: |tick, step| Some(tick.requests as f64 / step),
        figure: rate,
        colour: Color::Cyan,
    },
    Quantity {
        label: "queue",
        value: |tick, _| Some(tick.queue),
        figure: span,
        colour: Color::Magenta,
    },
    Quantity {
        label: "tokens",
        value: |tick, _| tick.tokens,
        figure: digits,
        colour: Color::Blue,
    },
    Quantity {
        label: "pace",
        value: |tick, _| tick.pace,
        figure: rate,
        colour: Color::Blue,
    },
];

fn rate(per_second: f64) -> String {
    format!("{}/s", digits(per_second))
}

/// A few times what a timer is late on a machine with room.
const MOST_LATE: Duration = Duration::from_millis(200);
/// Columns of the labels, such as `brown-out to 12.5 %`.
const LABEL: usize = 19;
/// Columns of the figures, such as `12,345/s` and `10 min 30 s`.
const FIGURE: usize = 11;
/// Of each curve. Eight steps a row show what matters.
const ROWS: usize = 2;
/// Where something is marked over the curve, too.
const MORE_ROWS: usize = 4;
