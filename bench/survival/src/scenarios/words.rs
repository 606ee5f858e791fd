//! Shared rules and objects of the scenarios.

use std::time::Duration;

use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use crate::call::Call;
use crate::content::Content;
use crate::scenario::{Prepared, Scenario};

/// A read of the whole object.
pub fn get(name: &str, says: &'static str) -> Scenario {
    Scenario::new(name, says, Call::Get { key: KEY }).prepared([OBJECT_THERE])
}

/// A put of the object without a condition.
pub fn put(name: &str, says: &'static str) -> Scenario {
    let call = Call::Put {
        key: KEY,
        content: OBJECT,
    };
    Scenario::new(name, says, call)
}

/// An upload of the large object in parts.
pub fn upload(name: &str, says: &'static str) -> Scenario {
    let call = Call::Upload {
        key: KEY,
        content: LARGE,
    };
    Scenario::new(name, says, call)
}

/// The request is not applied.
pub fn before(operation: Operation, failure: Failure) -> Rule {
    Rule::new(operation, Fault::FailBefore(failure))
}

/// The request is applied, and its response is lost.
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

/// 503 SlowDown that asks for a delay of [`HINT`].
pub fn slow_down_with_hint() -> Failure {
    Failure::Status(
        HttpFailure::new(503)
            .with_code("SlowDown")
            .with_retry_after(HINT),
    )
}

/// The error of S3 for a request whose body did not arrive in time.
pub fn request_timeout() -> Failure {
    coded(400, "RequestTimeout")
}

/// Why undaunted needs more requests in an outage.
pub const SOONER: &str = "Its first retry comes after 100 ms, that of the best client after a second: more \
                          requests in an outage, and less time lost after a short fault.";

pub const READ: &str = "The bytes are those of the object.";
pub const WRITTEN: &str = "The call succeeds, and the object exists.";

pub const KEY: &str = "folder/object";
/// The object that reads read and puts write.
pub const OBJECT: Content = Content::new(1, MIB);
/// The same, where a call reads it.
pub const OBJECT_THERE: Prepared = Prepared::Object(KEY, OBJECT);
/// The object that exists before the call.
pub const OLD: Content = Content::new(2, MIB);
pub const SMALL: Content = Content::new(3, 1000);
/// The object of a conflicting write.
pub const CONFLICTING: Content = Content::new(4, 1000);
/// Three parts of the same size: a fault in any of them costs the same bytes again.
pub const LARGE: Content = Content::new(5, 15 * MIB);

pub const HINT: Duration = Duration::from_secs(3);
/// The byte at which bodies break, stall and change.
pub const BREAK: u64 = 300_000;
pub const FOREVER: Duration = Duration::from_secs(3600);
pub const MIB: usize = 1024 * 1024;
