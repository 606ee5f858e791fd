//! Specifications and files of faults.

use undaunted_chaos::{ChaosFile, ChaosSpec};

use crate::{is_readable, text};

/// A specification means the same when it is written out and read again.
pub fn chaos_spec(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match text.parse::<ChaosSpec>() {
        Ok(spec) => {
            let written = spec.to_string();
            let again = written.parse::<ChaosSpec>();
            assert_eq!(again.as_ref().map(ToString::to_string), Ok(written));
        }
        Err(error) => is_readable(&error.to_string(), text),
    }
}

/// A file of faults is read, or its error names what is wrong.
pub fn chaos_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match text.parse::<ChaosFile>() {
        Ok(file) => drop(file.plan()),
        Err(error) => is_readable(&error.to_string(), text),
    }
}
