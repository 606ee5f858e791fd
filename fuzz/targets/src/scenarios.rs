//! Scenarios of the simulator, and thresholds.

use undaunted_sim::{ScenarioFile, Threshold};

use crate::{is_readable, text};

/// A scenario is read, or its error names what is wrong.
pub fn scenario_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Err(error) = text.parse::<ScenarioFile>() {
        is_readable(&error.to_string(), text);
    }
}

/// A threshold means the same when it is written out and read again.
pub fn threshold(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match text.parse::<Threshold>() {
        Ok(threshold) => {
            // Written with few digits, so it is the text of the second that stays.
            let written = threshold.to_string();
            let again = written.parse::<Threshold>();
            assert_eq!(again.as_ref().map(ToString::to_string), Ok(written));
        }
        Err(error) => is_readable(&error.to_string(), text),
    }
}
