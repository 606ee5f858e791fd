//! obstore's generic error, which has a text only. The text ends with what Rust's `Debug` prints
//! of the error, line by line, and those lines are read. Texts of services are quoted there, on
//! one line each, so none can be taken for a line of the error's own.

use undaunted::HttpFailure;

/// What the lines of the text say.
pub(super) enum Said {
    Status(HttpFailure),
    /// There was no response.
    Transient,
}

/// What the text says, if it has lines that say something.
pub(super) fn said(text: &str) -> Option<Said> {
    let (_, source) = text.split_once("\n\nDebug source:\n")?;
    let mut lines = source.lines().map(str::trim).map(value);
    let found = lines.find(|line| matches!(*line, "Status {" | "HttpError {"))?;
    let field = value(lines.next()?.trim_end_matches(','));
    if found == "Status {" {
        return Some(Said::Status(HttpFailure::new(field.parse().ok()?)));
    }
    // Two sides that disagree about a certificate do so again.
    let is_transient =
        TRANSIENT.contains(&field) && !lines.any(|line| line == "InvalidCertificate(");
    is_transient.then_some(Said::Transient)
}

/// A line without the name of its field.
fn value(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, value)| value)
}

/// The kinds of object_store's errors in HTTP that the core counts as transient.
const TRANSIENT: [&str; 5] = ["Connect", "Decode", "Interrupted", "Request", "Timeout"];
