//! Scenarios of puts without a condition, copies and renames.

use std::time::Duration;

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{
    HINT, KEY, OLD, SOONER, WRITTEN, after, before, put as written, request_timeout, slow_down,
    slow_down_with_hint, status,
};
use crate::call::Call;
use crate::scenario::{Prepared, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        put(
            "put: 503 SlowDown twice",
            before(Operation::Put, slow_down()).count(2),
        ),
        put(
            "put: connection closed, not applied",
            before(Operation::Put, Failure::Closed),
        ),
        put(
            "put: applied, response lost (closed)",
            after(Operation::Put, Failure::Closed),
        ),
        put(
            "put: applied, response lost (reset)",
            after(Operation::Put, Failure::Reset),
        ),
        put(
            "put: 503 SlowDown with Retry-After 3 s",
            before(Operation::Put, slow_down_with_hint()),
        )
        .hint(HINT),
        put(
            "put: 400 RequestTimeout",
            before(Operation::Put, request_timeout()),
        ),
        put(
            "put: applied, response lost (500)",
            after(Operation::Put, status(500)),
        ),
        put("put: no response", before(Operation::Put, Failure::Timeout)).long(),
        written("put: blackout of 5 s", WRITTEN)
            .blackout(Duration::from_secs(5))
            .price(SOONER),
        copy("copy: 503", before(Operation::Copy, status(503))),
        copy(
            "copy: applied, response lost (closed)",
            after(Operation::Copy, Failure::Closed),
        ),
        copy(
            "copy: 200 with InternalError in the body, not applied",
            before(Operation::Copy, Failure::inside_success("InternalError")),
        ),
        rename(
            "rename: copy applied, response lost (closed)",
            after(Operation::Copy, Failure::Closed),
        ),
        rename(
            "rename: delete applied, response lost (closed)",
            after(Operation::Delete, Failure::Closed),
        ),
    ]
}

fn put(name: &str, rule: Rule) -> Scenario {
    written(name, WRITTEN).rules([rule])
}

fn copy(name: &str, rule: Rule) -> Scenario {
    let call = Call::Copy { from: KEY, to: TO };
    Scenario::new(name, "Both objects exist, with the same bytes.", call)
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([rule])
}

fn rename(name: &str, rule: Rule) -> Scenario {
    let call = Call::Rename { from: KEY, to: TO };
    let says = "The object exists under its new name and not under the old one.";
    Scenario::new(name, says, call)
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([rule])
}

const TO: &str = "folder/copy";
