//! A simulation as `--json` prints it.

use serde_json::{Value, json};
use undaunted_sim::to_json;

use super::Simulated;

/// The document of the library, with the name of the scenario, whether it was stopped, which conditions of
/// `--fail-if` are true, and what was measured.
pub(super) fn of(simulated: &Simulated, failed: &[String]) -> serde_json::Result<String> {
    let document = to_json(&simulated.scenario, &simulated.outcomes)?;
    let mut document: Value = serde_json::from_str(&document)?;
    if let Value::Object(fields) = &mut document {
        fields.insert("scenario".to_owned(), json!(simulated.name));
        fields.insert("interrupted".to_owned(), json!(simulated.stopped.is_some()));
        fields.insert("failed".to_owned(), json!(failed));
        if let Some(measured) = &simulated.measured {
            let outcomes = to_json(&simulated.scenario, &measured.outcomes)?;
            let outcomes: Value = serde_json::from_str(&outcomes)?;
            fields.insert("measured".to_owned(), outcomes["outcomes"].clone());
            fields.insert("late".to_owned(), json!(measured.late.as_secs_f64()));
            fields.insert("share".to_owned(), json!(measured.share));
            fields.insert("left_out".to_owned(), json!(measured.left_out));
        }
    }
    serde_json::to_string_pretty(&document)
}
