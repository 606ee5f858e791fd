//! Puts over whatever is there, copies and renames.

use std::time::Duration;

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{
    HINT, KEY, OBJECT, OLD, SOONER, after, before, request_timeout, slow_down, slow_down_with_hint,
    status,
};
use crate::call::Call;
use crate::scenario::{Prepared, Scenario};

pub fn forty() -> Vec<Scenario> {
    vec![
        put(
            "put: 503 SlowDown x2",
            before(Operation::Put, slow_down()).count(2),
        ),
        put(
            "put: FIN before it is applied x1",
            before(Operation::Put, Failure::Closed),
        ),
        put(
            "put: FIN after it was applied x1",
            after(Operation::Put, Failure::Closed),
        ),
        put(
            "put: RST after it was applied x1",
            after(Operation::Put, Failure::Reset),
        ),
    ]
}

pub fn further() -> Vec<Scenario> {
    vec![
        put(
            "put: 503 SlowDown x1, Retry-After 3 s",
            before(Operation::Put, slow_down_with_hint()),
        )
        .hint(HINT),
        put(
            "put: 400 RequestTimeout x1",
            before(Operation::Put, request_timeout()),
        ),
        put(
            "put: 500 after it was applied x1",
            after(Operation::Put, status(500)),
        ),
        put(
            "put: no answer x1",
            before(Operation::Put, Failure::Timeout),
        )
        .long(),
        Scenario::new("put: blackout of 5 s", WRITTEN, PUT)
            .blackout(Duration::from_secs(5))
            .price(SOONER),
        copy("copy: 503 x1", before(Operation::Copy, status(503))),
        copy(
            "copy: FIN after it was applied x1",
            after(Operation::Copy, Failure::Closed),
        ),
        copy(
            "copy: 200 + InternalError, not applied x1",
            before(Operation::Copy, Failure::inside_success("InternalError")),
        ),
        rename(
            "rename: FIN after the copy x1",
            after(Operation::Copy, Failure::Closed),
        ),
        rename(
            "rename: FIN after the delete x1",
            after(Operation::Delete, Failure::Closed),
        ),
    ]
}

fn put(name: &str, rule: Rule) -> Scenario {
    Scenario::new(name, WRITTEN, PUT).rules([rule])
}

fn copy(name: &str, rule: Rule) -> Scenario {
    let call = Call::Copy { from: KEY, to: TO };
    Scenario::new(name, "Both objects are there, with the same bytes.", call)
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([rule])
}

fn rename(name: &str, rule: Rule) -> Scenario {
    let call = Call::Rename { from: KEY, to: TO };
    let says = "The object is there under its new name and not under the old one.";
    Scenario::new(name, says, call)
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([rule])
}

const PUT: Call = Call::Put {
    key: KEY,
    content: OBJECT,
};
const TO: &str = "folder/copy";
const WRITTEN: &str = "The call succeeds, and the object is there.";
