//! Scenarios of conditional puts: create and update.

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{CONFLICTING, KEY, OLD, SMALL, after, before, coded, slow_down, status};
use crate::call::{Call, Kind};
use crate::scenario::{Prepared, Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    let put = Operation::Put;
    let over_existing = |name: &str, rules: Vec<Rule>| {
        Scenario::new(name, CONFLICT, CREATE)
            .prepared([Prepared::Object(KEY, CONFLICTING)])
            .rules(rules)
            .right(A_CONFLICT)
    };
    vec![
        create("create: no fault", []),
        create("create: 503, not applied", [before(put, slow_down())]),
        create(
            "create: applied, response lost (500)",
            [after(put, status(500))],
        ),
        create(
            "create: applied, response lost (closed)",
            [after(put, Failure::Closed)],
        ),
        create(
            "create: applied, response lost (reset)",
            [after(put, Failure::Reset)],
        ),
        create(
            "create: connection reset, not applied",
            [before(put, Failure::Reset)],
        ),
        create(
            "create: 409 ConditionalRequestConflict",
            [before(put, coded(409, "ConditionalRequestConflict"))],
        ),
        create("create: no response", [before(put, Failure::Timeout)]).long(),
        over_existing("create over an existing object: no fault", vec![]),
        over_existing(
            "create over an existing object: connection closed before the response",
            vec![before(put, Failure::Closed)],
        )
        .price(
            "The object may be its own, if the response to its write was lost. So it inspects the \
             object, and its bytes if the sizes are equal. The others do not, and are wrong if \
             the object is theirs.",
        ),
        update(
            "update: applied, response lost (500)",
            after(put, status(500)),
        ),
        update(
            "update: applied, response lost (closed)",
            after(put, Failure::Closed),
        ),
        Scenario::new(
            "update of an object that was replaced: no fault",
            CONFLICT,
            UPDATE,
        )
        .prepared([
            Prepared::Object(KEY, OLD),
            Prepared::Object(KEY, CONFLICTING),
        ])
        .right(A_CONFLICT),
    ]
}

fn create<const N: usize>(name: &str, rules: [Rule; N]) -> Scenario {
    let says = "The call succeeds, and the object exists: no other client has written it.";
    Scenario::new(name, says, CREATE).rules(rules)
}

fn update(name: &str, rule: Rule) -> Scenario {
    let says = "The call succeeds, and the object exists: no other client has written it.";
    Scenario::new(name, says, UPDATE)
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([rule])
}

const CREATE: Call = Call::Create {
    key: KEY,
    content: SMALL,
};
const UPDATE: Call = Call::Update {
    key: KEY,
    content: SMALL,
    instead_of: OLD,
};
const A_CONFLICT: Right = Right::Failure {
    kind: Kind::Conflict,
    immediately: false,
};
const CONFLICT: &str = "The error is \"conflict\", and the existing object is unchanged.";
