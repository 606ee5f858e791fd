//! Writes under a condition: create and update.

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{KEY, OLD, OTHERS, SMALL, after, before, coded, slow_down, status};
use crate::call::{Call, Kind};
use crate::scenario::{Prepared, Right, Scenario};

pub fn forty() -> Vec<Scenario> {
    let put = Operation::Put;
    vec![
        create("create", []),
        create("create: 503, not applied x1", [before(put, slow_down())]),
        create(
            "create: 500 after it was applied x1",
            [after(put, status(500))],
        ),
        create(
            "create: FIN after it was applied x1",
            [after(put, Failure::Closed)],
        ),
        create(
            "create: RST after it was applied x1",
            [after(put, Failure::Reset)],
        ),
        create(
            "create: RST before it is applied x1",
            [before(put, Failure::Reset)],
        ),
        create(
            "create: 409 ConditionalRequestConflict x1",
            [before(put, coded(409, "ConditionalRequestConflict"))],
        ),
        create("create: no answer x1", [before(put, Failure::Timeout)]).long(),
    ]
}

pub fn further() -> Vec<Scenario> {
    let put = Operation::Put;
    let others_there = |name: &str, rules: Vec<Rule>| {
        Scenario::new(name, CONFLICT, CREATE)
            .prepared([Prepared::Object(KEY, OTHERS)])
            .rules(rules)
            .right(A_CONFLICT)
    };
    vec![
        others_there("create where another's object is", vec![]),
        others_there(
            "create where another's object is: FIN before the answer x1",
            vec![before(put, Failure::Closed)],
        )
        .price(
            "What is there may be its own write, whose answer was lost. It looks, at the bytes \
             too where the sizes are the same; the others do not ask, and are wrong where it is.",
        ),
        update(
            "update: 500 after it was applied x1",
            after(put, status(500)),
        ),
        update(
            "update: FIN after it was applied x1",
            after(put, Failure::Closed),
        ),
        Scenario::new("update of what another has replaced", CONFLICT, UPDATE)
            .prepared([Prepared::Object(KEY, OLD), Prepared::Object(KEY, OTHERS)])
            .right(A_CONFLICT),
    ]
}

fn create<const N: usize>(name: &str, rules: [Rule; N]) -> Scenario {
    let says = "The call succeeds, and the object is there: nobody else has written it.";
    Scenario::new(name, says, CREATE).rules(rules)
}

fn update(name: &str, rule: Rule) -> Scenario {
    let says = "The call succeeds, and the object is there: nobody else has written it.";
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
    at_once: false,
};
const CONFLICT: &str = "The caller is told of the conflict, and the other's object stays.";
