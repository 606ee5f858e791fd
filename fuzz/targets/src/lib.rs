//! Everything that reads bytes from outside, with what must hold whatever these are.
//!
//! Each target is a function of bytes that panics when something does not hold. The fuzzer searches
//! for such bytes (`cargo fuzz run TARGET`, in the folder above), and a test runs every target over
//! the corpus that it has found so far.

#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a target says what does not hold"
)]

mod faults;
mod policies;
mod responses;
mod scenarios;
mod urls;

pub use faults::{chaos_file, chaos_spec};
pub use policies::{duration, policy_file, retry_after, rules};
pub use responses::{azure_batch, delete_result, error_document, list_page};
pub use scenarios::{scenario_file, threshold};
pub use urls::{redaction, url};

/// What must hold of any bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names that their corpora have.
pub const TARGETS: &[(&str, Target)] = &[
    ("azure_batch", azure_batch),
    ("chaos_file", chaos_file),
    ("chaos_spec", chaos_spec),
    ("delete_result", delete_result),
    ("duration", duration),
    ("error_document", error_document),
    ("list_page", list_page),
    ("policy_file", policy_file),
    ("redaction", redaction),
    ("retry_after", retry_after),
    ("rules", rules),
    ("scenario_file", scenario_file),
    ("threshold", threshold),
    ("url", url),
];

/// The bytes as text; what is not text never reaches a reader of text.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The error's text can be read, and is not endless.
fn is_readable(error: &str, input: &str) {
    assert!(!error.trim().is_empty(), "an error without text");
    assert!(
        error.len() <= 8 * input.len() + 2000,
        "an error of {} bytes for an input of {}",
        error.len(),
        input.len()
    );
}
