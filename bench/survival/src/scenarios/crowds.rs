//! Scenarios of crowds: hundreds of calls at the same time on a service that throttles.

use undaunted_chaos::{Fault, Operation, Rule};

use crate::call::Call;
use crate::content::Content;
use crate::many;
use crate::scenario::{Prepared, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        gets("get: 500 concurrent, 100 per second admitted", 500),
        gets("get: 1,000 concurrent, 100 per second admitted", 1000),
        puts("put: 500 concurrent, 100 per second admitted", 500),
        puts("put: 1,000 concurrent, 100 per second admitted", 1000),
    ]
}

fn gets(name: &str, count: usize) -> Scenario {
    let keys = many::keys(count);
    Scenario::new(name, "All return their objects.", Call::GetMany { keys })
        .prepared([Prepared::Many(keys, KILOBYTE)])
        .rules([limit(Operation::Get)])
        .crowd()
}

fn puts(name: &str, count: usize) -> Scenario {
    let call = Call::PutMany {
        keys: many::keys(count),
        content: KILOBYTE,
    };
    Scenario::new(name, "All succeed, and all objects exist.", call)
        .rules([limit(Operation::Put)])
        .crowd()
}

fn limit(operation: Operation) -> Rule {
    let limit = Fault::RateLimit {
        per_second: 100,
        burst: 100,
        retry_after: None,
    };
    Rule::new(operation, limit).always()
}

const KILOBYTE: Content = Content::new(6, 1000);
