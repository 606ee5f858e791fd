//! Scenarios of reads.

use std::time::Duration;

use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use super::words::{
    BREAK, FOREVER, HINT, KEY, MIB, OBJECT_THERE, READ, SMALL, SOONER, before, broken_body, coded,
    get as read, request_timeout, slow_down, slow_down_with_hint, status,
};
use crate::call::{Call, Kind};
use crate::content::Content;
use crate::scenario::{Prepared, Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    let get = Operation::Get;
    let faulty = |name: &str, rule: Rule| read(name, READ).rules([rule]);
    let stall = |lasts| Rule::new(get, Fault::StallBody { at: BREAK, lasts });
    vec![
        read("get: no fault", READ),
        faulty(
            "get: 503 SlowDown with Retry-After 3 s",
            before(get, slow_down_with_hint()),
        )
        .hint(HINT),
        faulty("get: 503 SlowDown twice", before(get, slow_down()).count(2)),
        faulty(
            "get: 503 SlowDown four times",
            before(get, slow_down()).count(4),
        ),
        read("get: 503 SlowDown without end", FAILS)
            .rules([before(get, slow_down()).always()])
            .right(Right::OtherError)
            .endless(),
        faulty(
            "get: 500 InternalError twice",
            before(get, status(500)).count(2),
        ),
        faulty(
            "get: 429 with Retry-After 3 s",
            before(
                get,
                Failure::Status(HttpFailure::new(429).with_retry_after(HINT)),
            ),
        )
        .hint(HINT),
        faulty("get: 400 RequestTimeout", before(get, request_timeout())),
        faulty(
            "get: 403 RequestTimeTooSkewed",
            before(get, coded(403, "RequestTimeTooSkewed")),
        ),
        faulty(
            "get: connection closed before the response",
            before(get, Failure::Closed),
        ),
        faulty(
            "get: connection reset before the response",
            before(get, Failure::Reset),
        ),
        faulty(
            "get: connection closed in the body",
            broken_body(Failure::Closed),
        ),
        faulty(
            "get: connection reset in the body",
            broken_body(Failure::Reset),
        ),
        faulty(
            "get: connection reset in the body three times",
            broken_body(Failure::Reset).count(3),
        ),
        read(
            "get: a corrupt byte in the body",
            "The bytes are those of the object, or there is an error.",
        )
        .rules([Rule::new(get, Fault::CorruptBody { at: BREAK })])
        .right(Right::SuccessOrError),
        faulty(
            "get: response delayed by 2 s",
            Rule::new(get, Fault::Delay(Duration::from_secs(2))),
        ),
        faulty("get: no response", before(get, Failure::Timeout)).long(),
        read("get: body ends short without an error", READ)
            .rules([Rule::new(get, Fault::ShortBody { at: BREAK })]),
        read("get: body stalls for 5 s", READ).rules([stall(Duration::from_secs(5))]),
        read("get: body stalls without end", READ)
            .rules([stall(FOREVER)])
            .long(),
        read(
            "get: object replaced during the body, then connection reset",
            "The bytes are those of one version from end to end, or there is an error.",
        )
        .rules([Rule::new(
            get,
            Fault::ReplaceObject {
                at: BREAK,
                failure: Failure::Reset,
            },
        )])
        .right(Right::OneVersionOrError),
        Scenario::new(
            "get: the caller pauses for 35 s while it reads 16 MiB",
            READ,
            Call::GetPausing {
                key: KEY,
                pause: Duration::from_secs(35),
            },
        )
        .prepared([Prepared::Object(KEY, Content::new(6, 16 * MIB))])
        .long(),
        Scenario::new(
            "get range: connection reset in the body",
            READ,
            Call::GetRange {
                key: KEY,
                range: 100_000..900_000,
            },
        )
        .prepared([OBJECT_THERE])
        .rules([broken_body(Failure::Reset)]),
        Scenario::new(
            "get: 404 NoSuchKey",
            "The error is \"not found\", after one request.",
            Call::Get { key: KEY },
        )
        .right(Right::Failure {
            kind: Kind::NotFound,
            immediately: true,
        }),
        read(
            "get: 403 AccessDenied",
            "The error is \"denied\", after one request.",
        )
        .rules([before(get, coded(403, "AccessDenied")).always()])
        .right(Right::Failure {
            kind: Kind::Denied,
            immediately: true,
        }),
        Scenario::new(
            "head: 503",
            "The size is that of the object.",
            Call::Head { key: KEY },
        )
        .prepared([OBJECT_THERE])
        .rules([before(Operation::Head, status(503))]),
        Scenario::new(
            "get: 20 concurrent, 10 per second admitted, Retry-After 1 s",
            "All twenty return their objects.",
            Call::GetMany { keys: &TWENTY },
        )
        .prepared(TWENTY.map(|key| Prepared::Object(key, SMALL)))
        .rules([Rule::new(
            get,
            Fault::RateLimit {
                per_second: 10,
                burst: 10,
                retry_after: Some(Duration::from_secs(1)),
            },
        )
        .always()])
        .hint(Duration::from_secs(1)),
        read("get: blackout of 5 s", READ)
            .blackout(Duration::from_secs(5))
            .price(SOONER),
        read(
            "get: 503, then connection closed, then reset in the body",
            READ,
        )
        .rules([
            before(get, slow_down()),
            before(get, Failure::Closed),
            broken_body(Failure::Reset),
        ]),
    ]
}

const FAILS: &str = "There is an error within 200 s.";
const TWENTY: [&str; 20] = [
    "many/00", "many/01", "many/02", "many/03", "many/04", "many/05", "many/06", "many/07",
    "many/08", "many/09", "many/10", "many/11", "many/12", "many/13", "many/14", "many/15",
    "many/16", "many/17", "many/18", "many/19",
];
