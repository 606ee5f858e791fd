//! Scenarios of lists and deletes.

use undaunted_chaos::{Failure, Fault, Operation, Rule};

use super::words::{KEY, SMALL, after, before, slow_down, status};
use crate::call::Call;
use crate::scenario::{Prepared, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    let delete_op = Operation::Delete;
    vec![
        list("list: 503", before(Operation::List, status(503))),
        list("list: connection reset in the body", cut(Failure::Reset)),
        delete(
            "delete: applied, response lost (closed)",
            after(Operation::Delete, Failure::Closed),
        ),
        delete(
            "delete: applied, response lost (reset)",
            after(Operation::Delete, Failure::Reset),
        ),
        list(
            "list: 500 twice",
            before(Operation::List, status(500)).count(2),
        ),
        list("list: connection closed in the body", cut(Failure::Closed)),
        pages(
            "list of 3 pages: 503 for the second page",
            before(Operation::List, slow_down()).from_call(2),
        ),
        pages(
            "list of 3 pages: connection reset in the second page",
            cut(Failure::Reset).from_call(2),
        ),
        delete("delete: 503 twice", before(delete_op, slow_down()).count(2)),
        delete(
            "delete: applied, response lost (500)",
            after(delete_op, status(500)),
        ),
        delete_many("bulk delete of keys named after error codes: no fault", []),
        delete_many(
            "bulk delete of keys named after error codes: 503",
            [before(delete_op, slow_down())],
        ),
        delete_many(
            "bulk delete of keys named after error codes: applied, response lost (closed)",
            [after(delete_op, Failure::Closed)],
        ),
    ]
}

fn list(name: &str, rule: Rule) -> Scenario {
    of_files(name, 5, rule)
}

fn pages(name: &str, rule: Rule) -> Scenario {
    of_files(name, 2500, rule)
}

fn of_files(name: &str, count: usize, rule: Rule) -> Scenario {
    let call = Call::List { prefix: PREFIX };
    Scenario::new(name, "Every key is listed once.", call)
        .prepared([Prepared::Files(PREFIX, count)])
        .rules([rule])
}

/// Half of the response arrives.
fn cut(failure: Failure) -> Rule {
    let after = 0; // over HTTP there are no entries to count
    Rule::new(Operation::List, Fault::BreakList { after, failure })
}

fn delete(name: &str, rule: Rule) -> Scenario {
    let call = Call::Delete { key: KEY };
    Scenario::new(name, "The call succeeds, and the object is gone.", call)
        .prepared([Prepared::Object(KEY, SMALL)])
        .rules([rule])
}

fn delete_many<const N: usize>(name: &str, rules: [Rule; N]) -> Scenario {
    let call = Call::DeleteMany {
        keys: &AFTER_ERRORS,
    };
    Scenario::new(
        name,
        "The call succeeds, and all five objects are gone.",
        call,
    )
    .prepared(AFTER_ERRORS.map(|key| Prepared::Object(key, SMALL)))
    .rules(rules)
}

const PREFIX: &str = "list/";
const AFTER_ERRORS: [&str; 5] = [
    "errors/AccessDenied",
    "errors/Error",
    "errors/InternalError",
    "errors/NoSuchKey",
    "errors/SlowDown",
];
