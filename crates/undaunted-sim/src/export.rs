//! Outcomes for other programs: JSON and CSV.

use std::fmt::Write;

use serde::Serialize;

use crate::outcome::{Outcome, Tick};
use crate::scenario::Scenario;

/// The outcomes of several policies, with the totals, latencies and all steps of the time axis, as a
/// JSON document.
///
/// # Errors
///
/// None that is known: all values have a form in JSON. The result is that of the library.
///
/// ```
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Policy, Scenario, to_json};
///
/// let scenario = Scenario::default();
/// let outcome = scenario.run(&Policy::new("default", RetryConfig::default()));
/// let json: serde_json::Value = serde_json::from_str(&to_json(&scenario, &[outcome])?)?;
/// assert_eq!(json["seed"], 1);
/// assert_eq!(json["outcomes"][0]["policy"], "default");
/// assert_eq!(json["outcomes"][0]["amplification"], 1.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn to_json(scenario: &Scenario, outcomes: &[Outcome]) -> serde_json::Result<String> {
    let outcomes = outcomes.iter().map(|outcome| Exported {
        amplification: outcome.totals.amplification(),
        lost_share: outcome.totals.lost_share(),
        unfinished: outcome.totals.unfinished(),
        peak_requests: outcome.peak_requests(),
        outcome,
    });
    serde_json::to_string_pretty(&Document {
        duration: scenario.duration.as_secs_f64(),
        seed: scenario.seed,
        outcomes: outcomes.collect(),
    })
}

#[derive(Serialize)]
struct Document<'o> {
    duration: f64,
    seed: u64,
    outcomes: Vec<Exported<'o>>,
}

#[derive(Serialize)]
struct Exported<'o> {
    #[serde(flatten)]
    outcome: &'o Outcome,
    amplification: f64,
    lost_share: f64,
    unfinished: u64,
    peak_requests: f64,
}

/// All steps of the time axis of several policies, a line for each.
///
/// ```
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Policy, Scenario, to_csv};
///
/// let outcome = Scenario::default().run(&Policy::new("default", RetryConfig::default()));
/// let csv = to_csv(&[outcome]);
/// let mut lines = csv.lines();
/// assert_eq!(
///     lines.next(),
///     Some("policy,at,calls,requests,succeeded,lost,throttled,queue,tokens,pace")
/// );
/// assert_eq!(lines.count(), 300);
/// ```
#[must_use]
pub fn to_csv(outcomes: &[Outcome]) -> String {
    let mut text = HEAD.to_owned();
    for outcome in outcomes {
        let policy = quoted(&outcome.policy);
        for tick in &outcome.ticks {
            line(&mut text, &policy, tick);
        }
    }
    text
}

fn line(text: &mut String, policy: &str, tick: &Tick) {
    let optional = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (tokens, pace) = (optional(tick.tokens), optional(tick.pace));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{policy},{},{},{},{},{},{},{},{tokens},{pace}",
        tick.at, tick.calls, tick.requests, tick.succeeded, tick.lost, tick.throttled, tick.queue
    );
}

/// In quotes if it has to be (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

const HEAD: &str = "policy,at,calls,requests,succeeded,lost,throttled,queue,tokens,pace\n";
