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

    /// As a part of another page, such as the output of a cell of a notebook: an element with a style of
    /// its own, which changes nothing around it.
    ///
    /// ```
    /// use undaunted::RetryConfig;
    /// use undaunted_sim::{Plan, Policy, Report, Usage};
    ///
    /// let policy = Policy::new("default", RetryConfig::default());
    /// let report = Report::of_plans(&[Plan::new(&policy, &Usage::default())]);
    /// assert!(report.fragment().starts_with("<div class=\"undaunted\">"));
    /// ```
    #[must_use]
    pub fn fragment(&self) -> String {
        let mut html = String::new();
        // Writing to a string does not fail.
        let _ = page::fragment(self, &mut html);
        html
    }

    /// As text: the words, what will hurt, and the tables.
    ///
    /// ```
    /// use undaunted::RetryConfig;
    /// use undaunted_sim::{Plan, Policy, Report, Usage};
    ///
    /// let policy = Policy::new("default", RetryConfig::default());
    /// let text = Report::of_plans(&[Plan::new(&policy, &Usage::default())]).text();
    /// assert!(text.starts_with("It rides out an outage of 7"), "{text}");
    /// assert!(text.contains("\nretry  at least"), "{text}");
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|warning| format!("warning: {warning}"));
        let words = [
            self.summary.join("\n"),
            warnings.collect::<Vec<_>>().join("\n"),
        ];
        let tables = self.tables.iter().map(Table::text);
        let paragraphs = words
            .into_iter()
            .chain(tables)
            .filter(|text| !text.is_empty());
        paragraphs.collect::<Vec<_>>().join("\n\n")
    }

    /// The result in words, a paragraph each.
    #[must_use]
    pub fn summary(&self) -> &[String] {
        &self.summary
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
