//! A plan for people: sentences, the delays as a table and over time, and warnings.

use std::fmt;

use console::Color;
use undaunted_sim::text::{count, span};
use undaunted_sim::{Budget, Plan, PlannedRetry, Policy};

use super::{Other, Planned};
use crate::plot::{Spans, Table, TimeAxis};
use crate::terminal::{Glyphs, Terminal};
use crate::text;

/// A plan as a terminal shows it.
pub(super) struct ShownPlan<'p> {
    planned: &'p Planned,
    terminal: Terminal,
}

impl<'p> ShownPlan<'p> {
    pub(super) const fn new(planned: &'p Planned, terminal: Terminal) -> Self {
        Self { planned, terminal }
    }

    /// A policy and its plan, in paragraphs.
    fn plan(&self, policy: &Policy, plan: &Plan) -> String {
        let mut sentences = vec![headline(policy)];
        sentences.extend(plan.sentences());
        let sentences: Vec<String> = sentences.iter().map(|text| self.wrapped(text)).collect();
        let warnings: Vec<String> = plan
            .warnings
            .iter()
            .map(|warning| self.warning(&warning.to_string()))
            .collect();
        let shown = &plan.schedule[..plan.schedule.len().min(MOST_ROWS)];
        let paragraphs = [
            sentences.join("\n"),
            schedule(plan, shown),
            self.waves(shown),
            warnings.join("\n"),
        ];
        let filled = paragraphs
            .into_iter()
            .filter(|paragraph| !paragraph.is_empty());
        filled.collect::<Vec<_>>().join("\n\n")
    }

    fn warning(&self, warning: &str) -> String {
        let text = self.wrapped(&format!("{WARNING} {warning}"));
        match text.strip_prefix(WARNING) {
            Some(rest) => format!("{}{rest}", self.terminal.painted(WARNING, Color::Yellow)),
            None => text,
        }
    }

    /// When each retry begins, over time.
    fn waves(&self, shown: &[PlannedRetry]) -> String {
        let end = shown.last().map_or(0.0, |last| last.latest);
        if end <= 0.0 || end > LONGEST {
            return String::new();
        }
        let axis = TimeAxis::new(self.terminal, "retry 20".len(), 0, end);
        let mut bars = Spans::new(axis);
        let (mut mean, mut before) = (0.0, 0.0);
        for retry in shown {
            // Attempts take as long as the earliest time says.
            let takes = retry.earliest - before - retry.min;
            before = retry.earliest;
            mean += takes + retry.mean;
            let times = [retry.earliest, mean.min(retry.latest), retry.latest];
            bars.bar(format!("retry {}", retry.retry), times);
        }
        let mark = match self.terminal.glyphs {
            Glyphs::Ascii => "#",
            Glyphs::Unicode => "█",
        };
        format!("When each retry begins after the first attempt, on average at {mark}:\n{bars}")
    }

    fn comparison(&self, other: &Other) -> String {
        let comparison = self.planned.plan.compare(&other.plan);
        let [left, right] = &comparison.policies;
        let mut table = Table::new(["", left, right]);
        for row in &comparison.rows {
            let [left, right] = row.values.clone();
            table.row([row.what.clone(), left, right]);
        }
        if !self.planned.plan.waits_as_long_as(&other.plan) {
            let note = format!(
                "{} is shown as it is: no base delay makes its delays together as long on average as those \
                 of {}.",
                other.policy.name, self.planned.policy.name
            );
            return format!("{table}\n\n{}", self.wrapped(&note));
        }
        if !other.is_scaled {
            return table.to_string();
        }
        let note = format!(
            "{} is shown with a base delay of {}, so that its delays together are on average as long as \
             those of {}.",
            other.policy.name,
            span(other.policy.config.base_delay().as_secs_f64()),
            self.planned.policy.name
        );
        format!("{table}\n\n{}", self.wrapped(&note))
    }

    fn wrapped(&self, text: &str) -> String {
        text::wrapped(text, self.terminal.width)
    }
}

impl fmt::Display for ShownPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planned = self.planned;
        f.write_str(&self.plan(&planned.policy, &planned.plan))?;
        match &planned.other {
            Some(other) => write!(
                f,
                "\n\n\n{}\n\n\n{}",
                self.plan(&other.policy, &other.plan),
                self.comparison(other)
            ),
            None => Ok(()),
        }
    }
}

/// The policy in a sentence.
fn headline(policy: &Policy) -> String {
    let shared = match (policy.budget, policy.has_pacer) {
        (Budget::None, false) => "no budget",
        (Budget::None, true) => "no budget, a pacer",
        (_, false) => "a budget",
        (_, true) => "a budget and a pacer",
    };
    format!("{}: {}; {shared}", policy.name, policy.config)
}

fn schedule(plan: &Plan, shown: &[PlannedRetry]) -> String {
    let Some(last) = plan.schedule.last() else {
        return String::new();
    };
    let mut table = Table::new([
        "retry",
        "delay",
        "at least",
        "on average",
        "at most",
        "begins after",
    ]);
    for retry in shown {
        table.row([
            retry.retry.to_string(),
            span(retry.nominal),
            span(retry.min),
            span(retry.mean),
            span(retry.max),
            begins(retry),
        ]);
    }
    let left = u64::from(plan.retries).saturating_sub(shown.len() as u64);
    if left == 0 {
        return table.to_string();
    }
    let which = if last.retry < plan.retries {
        format!("number {}", count(u64::from(last.retry)))
    } else {
        "the last".to_owned()
    };
    format!(
        "{table}\nand {} more, {which} of them after {}",
        count(left),
        begins(last)
    )
}

fn begins(retry: &PlannedRetry) -> String {
    let (earliest, latest) = (span(retry.earliest), span(retry.latest));
    if earliest == latest {
        return latest;
    }
    format!("{earliest} to {latest}")
}

const WARNING: &str = "warning:";
const MOST_ROWS: usize = 20;
/// Seconds. What is longer is not waited for by anybody, and no axis shows it.
const LONGEST: f64 = 1e9;
