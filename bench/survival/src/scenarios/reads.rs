//! Reads.

use std::time::Duration;

use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use super::words::{
    BREAK, FOREVER, HINT, KEY, MIB, OBJECT, SMALL, SOONER, before, broken_body, coded,
    request_timeout, slow_down, slow_down_with_hint, status,
};
use crate::call::{Call, Kind};
use crate::content::Content;
use crate::scenario::{Prepared, Right, Scenario};

pub fn forty() -> Vec<Scenario> {
    let get = Operation::Get;
    let refused = |name: &str, rule: Rule| read(name, READ).rules([rule]);
    vec![
        read("get", READ),
        refused(
            "get: 503 SlowDown x1, Retry-After 3 s",
            before(get, slow_down_with_hint()),
        )
        .hint(HINT),
        refused("get: 503 SlowDown x2", before(get, slow_down()).count(2)),
        refused("get: 503 SlowDown x4", before(get, slow_down()).count(4)),
        read("get: 503 SlowDown for ever", GIVES_UP)
            .rules([before(get, slow_down()).always()])
            .right(Right::GivesUp)
            .endless(),
        refused(
            "get: 500 InternalError x2",
            before(get, status(500)).count(2),
        ),
        refused(
            "get: 429 x1, Retry-After 3 s",
            before(
                get,
                Failure::Status(HttpFailure::new(429).with_retry_after(HINT)),
            ),
        )
        .hint(HINT),
        refused("get: 400 RequestTimeout x1", before(get, request_timeout())),
        refused(
            "get: 403 RequestTimeTooSkewed x1",
            before(get, coded(403, "RequestTimeTooSkewed")),
        ),
        refused(
            "get: FIN before the answer x1",
            before(get, Failure::Closed),
        ),
        refused("get: RST before the answer x1", before(get, Failure::Reset)),
        refused("get: FIN mid-body x1", broken_body(Failure::Closed)),
        refused("get: RST mid-body x1", broken_body(Failure::Reset)),
        refused("get: RST mid-body x3", broken_body(Failure::Reset).count(3)),
        read(
            "get: a corrupt byte",
            "The bytes are the object's, or there is an error; wrong bytes are no success.",
        )
        .rules([Rule::new(get, Fault::CorruptBody { at: BREAK })])
        .right(Right::SuccessOrError)
        .verified(),
        refused(
            "get: delay of 2 s",
            Rule::new(get, Fault::Delay(Duration::from_secs(2))),
        ),
        refused("get: no answer x1", before(get, Failure::Timeout)).long(),
    ]
}

pub fn further() -> Vec<Scenario> {
    let get = Operation::Get;
    let stall = |lasts| Rule::new(get, Fault::StallBody { at: BREAK, lasts });
    vec![
        read("get: body ends short and cleanly x1", READ)
            .rules([Rule::new(get, Fault::ShortBody { at: BREAK })]),
        read("get: body stalls for 5 s", READ).rules([stall(Duration::from_secs(5))]),
        read("get: body stalls for ever x1", READ)
            .rules([stall(FOREVER)])
            .long(),
        read(
            "get: object replaced mid-body, then RST",
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
            "get: the consumer pauses 35 s in 16 MiB",
            READ,
            Call::GetPausing {
                key: KEY,
                pause: Duration::from_secs(35),
            },
        )
        .prepared([Prepared::Object(KEY, Content::new(6, 16 * MIB))])
        .long(),
        Scenario::new(
            "get range: RST mid-body x1",
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
            "The caller is told that it is not there, after one request.",
            Call::Get { key: KEY },
        )
        .right(Right::Failure {
            kind: Kind::NotFound,
            at_once: true,
        }),
        read(
            "get: 403 AccessDenied",
            "The caller is told that access is denied, after one request.",
        )
        .rules([before(get, coded(403, "AccessDenied")).always()])
        .right(Right::Failure {
            kind: Kind::Denied,
            at_once: true,
        }),
        Scenario::new(
            "head: 503 x1",
            "The size is the object's.",
            Call::Head { key: KEY },
        )
        .prepared([OBJECT_THERE])
        .rules([before(Operation::Head, status(503))]),
        Scenario::new(
            "20 gets at once, 10 a second let through, Retry-After 1 s",
            "All twenty bring their objects.",
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
        read("get: 503, FIN, RST mid-body, one after the other", READ).rules([
            before(get, slow_down()),
            before(get, Failure::Closed),
            broken_body(Failure::Reset),
        ]),
    ]
}

fn read(name: &str, says: &'static str) -> Scenario {
    Scenario::new(name, says, Call::Get { key: KEY }).prepared([OBJECT_THERE])
}

const OBJECT_THERE: Prepared = Prepared::Object(KEY, OBJECT);
const READ: &str = "The bytes are the object's.";
const GIVES_UP: &str = "There is an error within 200 s.";
const TWENTY: [&str; 20] = [
    "many/00", "many/01", "many/02", "many/03", "many/04", "many/05", "many/06", "many/07",
    "many/08", "many/09", "many/10", "many/11", "many/12", "many/13", "many/14", "many/15",
    "many/16", "many/17", "many/18", "many/19",
];
