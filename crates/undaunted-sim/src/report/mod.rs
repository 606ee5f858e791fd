//! Plans and outcomes as a page for a browser.

mod chart;
mod draw;
mod outcomes;
mod page;
mod plans;
mod table;

use std::fmt;

use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::scenario::Scenario;
use chart::Chart;
use table::Table;

/// Plans or outcomes as one HTML file that needs nothing else: no network, no script.
///
/// It says the result in words first. Each plot has one message, axes with units, and a table of its
/// numbers for those who cannot see it. It is readable in light and dark, and on a phone.
///
/// ```
/// use undaunted_sim::{Builtin, Report};
///
/// let file = Builtin::find("outage").unwrap().file()?;
/// let report = Report::of_outcomes(&file.scenario, &file.run())
///     .titled("A service fails for 20 s")
///     .made_by("undaunted simulate outage");
/// let html = report.to_string();
/// assert!(html.starts_with("<!DOCTYPE html>"));
/// # Ok::<(), undaunted_sim::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    command: Option<String>,
    /// The result in words, a paragraph each.
    summary: Vec<String>,
    /// What will hurt.
    warnings: Vec<String>,
    tables: Vec<Table>,
    charts: Vec<Chart>,
}

impl Report {
    /// What policies do by themselves: one, or several side by side.
    #[must_use]
    pub fn of_plans(plans: &[Plan]) -> Self {
        plans::report(plans)
    }

    /// What several policies did in the same scenario.
    #[must_use]
    pub fn of_outcomes(scenario: &Scenario, outcomes: &[Outcome]) -> Self {
        outcomes::report(scenario, outcomes, &[])
    }

    /// What was predicted, and what was measured over it. A measured outcome belongs to the predicted
    /// one of the same policy.
    #[must_use]
    pub fn of_measured(scenario: &Scenario, predicted: &[Outcome], measured: &[Outcome]) -> Self {
        outcomes::report(scenario, predicted, measured)
    }

    /// With this title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// With the command that makes the same report again.
    #[must_use]
    pub fn made_by(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// The HTML.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        page::write(self, f)
    }
}
