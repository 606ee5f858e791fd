//! Two policies side by side.

use std::fmt;

use serde::Serialize;
use undaunted::RetryConfig;

use super::Plan;
use crate::policy::Policy;
use crate::text::{bytes, digits, percent, span};

/// Two plans side by side.
///
/// ```
/// use undaunted::{Jitter, RetryConfig};
/// use undaunted_sim::{Plan, Policy, Usage};
///
/// let ours = Policy::new("default", RetryConfig::default());
/// let full = RetryConfig::builder().jitter(Jitter::Full).build()?;
/// // Full jitter halves the mean delay. At the same mean, the difference is what jitter does.
/// let full = Policy::new("full", full).with_mean_wait_of(&ours.config);
/// assert_eq!(full.config.base_delay().as_secs_f64().round(), 2.0);
/// let usage = Usage::default();
/// let comparison = Plan::new(&ours, &usage).compare(&Plan::new(&full, &usage));
/// println!("{comparison}");
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The names of the policies.
    pub policies: [String; 2],
    /// What is compared.
    pub rows: Vec<ComparisonRow>,
}

/// One quantity of two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ComparisonRow {
    /// What it is.
    pub what: String,
    /// What it is for each of them.
    pub values: [String; 2],
}

pub(super) fn compare(left: &Plan, right: &Plan) -> Comparison {
    let row = |what: &str, value: &dyn Fn(&Plan) -> String| ComparisonRow {
        what: what.to_owned(),
        values: [value(left), value(right)],
    };
    Comparison {
        policies: [left.policy.clone(), right.policy.clone()],
        rows: vec![
            row("outage ridden out, median", &|plan| {
                span(plan.outage.seconds.p50)
            }),
            row("at least", &|plan| span(plan.outage.seconds.min)),
            row("at most", &|plan| span(plan.outage.seconds.max)),
            row("attempts in an outage, mean", &|plan| {
                digits(plan.outage.attempts)
            }),
            row("requests at worst", &|plan| digits(plan.requests_at_worst)),
            row("sent again at worst", &|plan| {
                bytes(plan.bytes_resent_at_worst)
            }),
            row("may stay overloaded above", &|plan| {
                plan.vulnerable_above
                    .map_or_else(|| "never".to_owned(), percent)
            }),
            row("retries of the crowd in 10 ms", &|plan| {
                digits(plan.crowd.peak)
            }),
            row("waves merge from retry", &|plan| {
                let from = plan.crowd.merges_from;
                from.map_or_else(|| "never".to_owned(), |retry| retry.to_string())
            }),
            row("warnings", &|plan| plan.warnings.len().to_string()),
        ],
    }
}

/// As a table.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.policies;
        let values = self.rows.iter().map(|row| row.values[0].chars().count());
        let width = values.chain([left.chars().count()]).max().unwrap_or(0);
        let what = self
            .rows
            .iter()
            .map(|row| row.what.len())
            .max()
            .unwrap_or(0);
        write!(f, "{:what$}  {left:>width$}  {right}", "")?;
        for row in &self.rows {
            let [left, right] = &row.values;
            write!(f, "\n{:what$}  {left:>width$}  {right}", row.what)?;
        }
        Ok(())
    }
}

impl Policy {
    /// With a base delay that makes the mean of all its delays together that of another
    /// configuration. Policies that differ in their jitter are comparable only so. As it is if no base
    /// delay does that: its cap may be too low, or one of the two never waits.
    #[must_use]
    pub fn with_mean_wait_of(mut self, other: &RetryConfig) -> Self {
        let wanted = mean_wait(other);
        let own = self.config.clone();
        if wanted <= 0.0 {
            return self;
        }
        // A cap bends the relation, so the factor is applied until it is 1.
        for _ in 0..STEPS {
            let base = self.config.base_delay();
            let factor = wanted / mean_wait(&self.config);
            if !factor.is_finite() || base.is_zero() {
                break;
            }
            let seconds = base.as_secs_f64() * factor;
            let Ok(base) = std::time::Duration::try_from_secs_f64(seconds) else {
                break;
            };
            if let Ok(config) = self.config.to_builder().base_delay(base).build() {
                self.config = config;
            }
        }
        if !is_near(mean_wait(&self.config), wanted) {
            self.config = own;
        }
        self
    }
}

impl Plan {
    /// Whether the delays of two plans together are equally long on average, as far as can be told: what
    /// [`Policy::with_mean_wait_of`] is for.
    #[must_use]
    pub fn waits_as_long_as(&self, other: &Self) -> bool {
        is_near(self.mean_wait, other.mean_wait)
    }
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= TOLERANCE * one.max(other)
}

/// The mean of all delays together, in seconds.
fn mean_wait(config: &RetryConfig) -> f64 {
    let schedule = super::schedule::delays(config);
    schedule.iter().map(|retry| retry.mean).sum()
}

const STEPS: u32 = 8;
/// The means are those of some thousand draws, and a base delay is shown with three digits.
const TOLERANCE: f64 = 0.03;
