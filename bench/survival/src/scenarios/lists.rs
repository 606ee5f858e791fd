//! Scenarios of lists that cannot be continued, and of keys that a list may have.

use std::time::Duration;

use undaunted_chaos::{Fault, Operation, Rule};

use crate::call::Call;
use crate::scenario::{Prepared, Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        pages(
            "list of 3 pages: truncated, without a token",
            list_rule(Fault::TruncatedWithoutToken).always(),
        ),
        pages(
            "list of 3 pages: the second page repeats its token",
            list_rule(Fault::RepeatToken).from_call(2).always(),
        ),
        keys("list: a key with an empty segment among others", ODD)
            .rules([inserted(&["list/raw//b"], 4)]),
        keys("list: a key with a control character among others", ODD)
            .rules([inserted(&["list/a\u{1}b"], 4)]),
        keys("list: a key with the segment .. among others", ODD)
            .rules([inserted(&["list/../b"], 4)]),
        keys(
            "list: empty objects that mark folders",
            "Every object is listed once. A marker is listed under its own key or left out, and \
             not taken for an object without the slash.",
        )
        .rules([inserted(&["list/", "list/folder/"], 0)]),
    ]
}

fn pages(name: &str, rule: Rule) -> Scenario {
    // Bounds the requests of a client that asks for pages until it hangs.
    let delay = list_rule(Fault::Delay(Duration::from_millis(50))).always();
    let says = "Every key is listed once, or there is an error.";
    Scenario::new(name, says, LIST)
        .prepared([Prepared::Files("list/", 25)])
        .page_size(10)
        .rules([delay, rule])
        .right(Right::SuccessOrOtherError)
        .long()
}

fn keys(name: &str, says: &'static str) -> Scenario {
    Scenario::new(name, says, LIST).prepared([Prepared::Files("list/", 5)])
}

/// Every list has these keys too.
fn inserted(names: &[&str], size: u64) -> Rule {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    list_rule(Fault::InsertKeys { names, size }).always()
}

fn list_rule(fault: Fault) -> Rule {
    Rule::new(Operation::List, fault)
}

const LIST: Call = Call::List { prefix: "list/" };
const ODD: &str = "Every key is listed once. A key that the client cannot list may be left out if \
                   it names it to the caller, as undaunted does to `on_skipped_key()`.";
