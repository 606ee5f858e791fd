//! The words that scenarios are written in.

use std::time::Duration;

use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use crate::content::Content;

/// The request is not applied.
pub fn before(operation: Operation, failure: Failure) -> Rule {
    Rule::new(operation, Fault::FailBefore(failure))
}

/// The request is applied, and its answer is lost.
pub fn after(operation: Operation, failure: Failure) -> Rule {
    Rule::new(operation, Fault::FailAfter(failure))
}

/// The body of a read breaks after the first 300,000 bytes.
pub fn broken_body(failure: Failure) -> Rule {
    Rule::new(Operation::Get, Fault::BreakBody { at: BREAK, failure })
}

pub fn status(status: u16) -> Failure {
    Failure::status(status)
}

pub fn coded(status: u16, code: &str) -> Failure {
    Failure::Status(HttpFailure::new(status).with_code(code))
}

pub fn slow_down() -> Failure {
    Failure::slow_down()
}

/// 503 SlowDown that asks for a wait of [`HINT`].
pub fn slow_down_with_hint() -> Failure {
    Failure::Status(
        HttpFailure::new(503)
            .with_code("SlowDown")
            .with_retry_after(HINT),
    )
}

/// S3's way to say that the request's body did not arrive in time.
pub fn request_timeout() -> Failure {
    coded(400, "RequestTimeout")
}

/// Why undaunted needs more requests in an outage.
pub const SOONER: &str = "It tries again after 100 ms at first, where the best waits a second: more \
                          requests in an outage, and less time lost after a short fault.";

pub const KEY: &str = "folder/object";
/// What reads read and writes write.
pub const OBJECT: Content = Content::new(1, MIB);
/// What was there before.
pub const OLD: Content = Content::new(2, MIB);
pub const SMALL: Content = Content::new(3, 1000);
/// What somebody else has written.
pub const OTHERS: Content = Content::new(4, 1000);
/// Three parts of the same size: whichever of them a fault hits, as much has to go again.
pub const LARGE: Content = Content::new(5, 15 * MIB);

pub const HINT: Duration = Duration::from_secs(3);
/// Where bodies break, stall and change.
pub const BREAK: u64 = 300_000;
pub const FOREVER: Duration = Duration::from_secs(3600);
pub const MIB: usize = 1024 * 1024;
