//! Thresholds: what an outcome must not exceed, as text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use undaunted::parse_duration;

use crate::outcome::{Outcome, Tick};
use crate::text::{digits, percent, span};

/// A condition under which an outcome is a failure, such as `lost > 0.1%`. It makes a simulation a
/// check.
///
/// | quantity | what it is |
/// |---|---|
/// | `lost` | the share of calls that returned an error, or should have had a result at the end |
/// | `amplification` | requests for each call |
/// | `recovery` | the time to recover from the last fault; without a fault nothing is true of it |
/// | `p50`, `p95`, `p99`, `p999`, `max` | the time that calls took that succeeded; infinite if none did |
/// | `peak` | the most requests a second |
/// | `queue` | the longest queue of the service, as the time to work it off |
///
/// The comparisons are `>`, `>=`, `<` and `<=`. Shares may be written in percent, and times with
/// their unit. Nothing is below 0, and no share above 100 %.
///
/// ```
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Policy, Scenario, Threshold};
///
/// let outcome = Scenario::default().run(&Policy::new("default", RetryConfig::default()));
/// let lost: Threshold = "lost > 0.1%".parse()?;
/// assert!(!lost.is_met(&outcome));
/// let amplification: Threshold = "amplification >= 1".parse()?;
/// assert!(amplification.is_met(&outcome));
/// assert_eq!(amplification.explain(&outcome), "default: amplification is 1 (>= 1)");
/// # Ok::<(), undaunted_sim::ThresholdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    quantity: Quantity,
    comparison: Comparison,
    value: f64,
}

/// Text that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a threshold: {problem}")]
pub struct ThresholdError {
    text: String,
    problem: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Lost,
    Amplification,
    Recovery,
    P50,
    P95,
    P99,
    P999,
    Max,
    Peak,
    Queue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Threshold {
    /// Whether the outcome is a failure.
    #[must_use]
    pub fn is_met(&self, outcome: &Outcome) -> bool {
        let Some(actual) = self.quantity.of(outcome) else {
            return false;
        };
        match self.comparison {
            Comparison::Above => actual > self.value,
            Comparison::AtLeast => actual >= self.value,
            Comparison::Below => actual < self.value,
            Comparison::AtMost => actual <= self.value,
        }
    }

    /// The policy, the quantity, and what it is.
    #[must_use]
    pub fn explain(&self, outcome: &Outcome) -> String {
        let actual = self.quantity.of(outcome);
        let actual = actual.map_or_else(
            || "unknown, without a fault".to_owned(),
            |actual| self.quantity.text(actual),
        );
        let limit = self.quantity.text(self.value);
        format!(
            "{}: {} is {actual} ({} {limit})",
            outcome.policy,
            self.quantity.name(),
            self.comparison.text()
        )
    }
}

impl Quantity {
    /// None if the outcome does not have it.
    fn of(self, outcome: &Outcome) -> Option<f64> {
        let totals = &outcome.totals;
        Some(match self {
            Self::Lost => totals.lost_or_overdue() as f64 / totals.calls.max(1) as f64,
            Self::Amplification => totals.amplification(),
            Self::Recovery if !outcome.had_fault => return None,
            Self::Recovery => outcome.recovery.unwrap_or(f64::INFINITY),
            Self::P50 => outcome.latency.p50,
            Self::P95 => outcome.latency.p95,
            Self::P99 => outcome.latency.p99,
            Self::P999 => outcome.latency.p999,
            Self::Max => outcome.latency.max,
            Self::Peak => outcome.peak_requests(),
            Self::Queue => {
                let queues = outcome.ticks.iter().map(|tick: &Tick| tick.queue);
                queues.fold(0.0, f64::max)
            }
        })
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Lost => percent(value),
            Self::Amplification | Self::Peak => digits(value),
            Self::Recovery if value.is_infinite() => "never".to_owned(),
            Self::Queue if value.is_infinite() => span(value),
            _ if value.is_infinite() => "unknown, as no call succeeded".to_owned(),
            _ => span(value),
        }
    }

    fn name(self) -> &'static str {
        let entry = QUANTITIES.iter().find(|(_, quantity)| *quantity == self);
        entry.map_or("", |(name, _)| name)
    }

    const fn is_time(self) -> bool {
        !matches!(self, Self::Lost | Self::Amplification | Self::Peak)
    }
}

impl Comparison {
    const fn text(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let problem = |problem: String| ThresholdError {
            text: text.to_owned(),
            problem,
        };
        let at = text
            .find(['<', '>'])
            .ok_or_else(|| problem("it has no comparison; write it as lost > 0.1%".to_owned()))?;
        let (name, rest) = text.split_at(at);
        let name = name.trim();
        let known = QUANTITIES.iter().find(|(known, _)| *known == name);
        let (_, quantity) = known.ok_or_else(|| {
            let names: Vec<&str> = QUANTITIES.iter().map(|(name, _)| *name).collect();
            problem(format!("the quantities are {}", names.join(", ")))
        })?;
        let (comparison, value) = if let Some(value) = rest.strip_prefix(">=") {
            (Comparison::AtLeast, value)
        } else if let Some(value) = rest.strip_prefix("<=") {
            (Comparison::AtMost, value)
        } else if let Some(value) = rest.strip_prefix('>') {
            (Comparison::Above, value)
        } else {
            (Comparison::Below, rest.trim_start_matches('<'))
        };
        let value = without_separators(value.trim()).ok_or_else(|| {
            let expected =
                "commas are between thousands, as in 1,000; write a fraction with a point";
            problem(format!("{:?}: {expected}", value.trim()))
        })?;
        let read = if quantity.is_time() {
            let time = parse_duration(&value).ok();
            time.filter(|time| *time <= LONGEST)
                .map(|time| time.as_secs_f64())
        } else if let Some(percent) = value.strip_suffix('%') {
            percent
                .trim()
                .parse::<f64>()
                .ok()
                .map(|percent| percent / 100.0)
        } else {
            value.parse().ok()
        };
        let read = read.filter(|value: &f64| value.is_finite());
        let expected = if quantity.is_time() {
            "a time such as 500ms, and at most a year"
        } else {
            "a number, or a percentage such as 0.1%"
        };
        let read = read.ok_or_else(|| problem(format!("{value:?} must be {expected}")))?;
        if read < 0.0 {
            return Err(problem(format!("{value:?} is below 0, and nothing is")));
        }
        let is_share = matches!(quantity, Quantity::Lost);
        if is_share && (read > 1.0 || (read >= 1.0 && comparison == Comparison::Above)) {
            let percent = if value.ends_with('%') {
                String::new()
            } else {
                format!("; write {value}% if that is meant")
            };
            return Err(problem(format!("no share is above 100 %{percent}")));
        }
        let value = read;
        Ok(Self {
            quantity: *quantity,
            comparison,
            value,
        })
    }
}

/// The number without the commas between its thousands; none if they are anywhere else.
fn without_separators(value: &str) -> Option<String> {
    let mut parts = value.split(',');
    let first = parts.next()?.trim_start_matches('-');
    let rest: Vec<&str> = parts.collect();
    let digits = |part: &str| part.bytes().take_while(u8::is_ascii_digit).count();
    let are_thousands = rest.iter().enumerate().all(|(index, part)| {
        let is_last = index + 1 == rest.len();
        digits(part) == 3 && (is_last || part.len() == 3)
    });
    let begins = (1..=3).contains(&first.len()) && digits(first) == first.len();
    let is_plain = rest.is_empty() || (begins && are_thousands);
    is_plain.then(|| value.replace(',', ""))
}

/// The form that is read.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, comparison) = (self.quantity.name(), self.comparison.text());
        write!(f, "{name} {comparison} {}", self.quantity.text(self.value))
    }
}

/// No simulation is longer.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

const QUANTITIES: &[(&str, Quantity)] = &[
    ("lost", Quantity::Lost),
    ("amplification", Quantity::Amplification),
    ("recovery", Quantity::Recovery),
    ("p50", Quantity::P50),
    ("p95", Quantity::P95),
    ("p99", Quantity::P99),
    ("p999", Quantity::P999),
    ("max", Quantity::Max),
    ("peak", Quantity::Peak),
    ("queue", Quantity::Queue),
];
