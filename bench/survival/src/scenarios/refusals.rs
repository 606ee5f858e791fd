//! Scenarios in which S3 refuses and says what to do: storage that is full, another region, a
//! redirect, a date to retry after, keys that have expired.

use std::time::Duration;

use undaunted_chaos::{Clock, Fault, Operation, Rule};

use super::words::{
    HINT, KEY, OBJECT_THERE, READ, WRITTEN, before, coded, get, put, status, upload,
};
use crate::call::Call;
use crate::scenario::{Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    let same_name = || Fault::TemporaryRedirect { location: None };
    vec![
        put(
            "put: 507, the storage is full",
            "There is an error after one request, its text says that the storage is full, and \
             nothing has changed.",
        )
        .rules([before(Operation::Put, status(507)).always()])
        .right(full(1)),
        upload(
            "multipart: 507 for every part, the storage is full",
            "There is an error without a retry, its text says that the storage is full, there is no \
             object, and nothing is left of the upload after the caller has aborted it.",
        )
        .rules([before(Operation::PutPart, status(507)).always()])
        // One to create, one for each part, one to abort.
        .right(full(5)),
        get("get: 301, the bucket is in another region", REGION)
            .rules([elsewhere(Operation::Get, 301)])
            .right(NAMED_REGION),
        put("put: 301, the bucket is in another region", REGION)
            .rules([elsewhere(Operation::Put, 301)])
            .right(NAMED_REGION),
        Scenario::new(
            "head: 400 without a body, the bucket is in another region",
            REGION,
            Call::Head { key: KEY },
        )
        .prepared([OBJECT_THERE])
        .rules([
            elsewhere(Operation::Head, 400),
            elsewhere(Operation::Get, 301),
        ])
        .right(NAMED_REGION),
        get("get: 307 to the same address", READ).rules([Rule::new(Operation::Get, same_name())]),
        put("put: 307 to the same address", WRITTEN)
            .rules([Rule::new(Operation::Put, same_name())]),
        get("get: 307 to another host", READ).redirect(Operation::Get),
        put("put: 307 to another host", WRITTEN).redirect(Operation::Put),
        get(
            "get: 503 with a Retry-After date in 3 s, by a clock that is 10 min fast",
            READ,
        )
        .rules([dated(Clock::Ahead(TEN_MINUTES))])
        .hint(HINT),
        get(
            "get: 503 with a Retry-After date in 3 s, by a clock that is 10 min slow",
            READ,
        )
        .rules([dated(Clock::Behind(TEN_MINUTES))])
        .hint(HINT),
        get("get: 400 ExpiredToken, the provider has new keys", READ)
            .rules([before(Operation::Get, coded(400, "ExpiredToken"))])
            .temporary_keys(),
        put("put: 400 ExpiredToken, the provider has new keys", WRITTEN)
            .rules([before(Operation::Put, coded(400, "ExpiredToken"))])
            .temporary_keys(),
    ]
}

fn full(requests: usize) -> Right {
    Right::NamedError {
        words: &["StorageFull", "Insufficient Storage", "status 507"],
        requests,
    }
}

/// S3 names the region of the bucket in a header.
fn elsewhere(operation: Operation, status: u16) -> Rule {
    let region = "eu-west-1".to_owned();
    Rule::new(operation, Fault::WrongRegion { region, status }).always()
}

/// The `Date` of the response is by the same clock.
fn dated(clock: Clock) -> Rule {
    let retry_after = HINT;
    Rule::new(Operation::Get, Fault::RetryAfterDate { retry_after, clock })
}

const REGION: &str = "There is an error whose text names the region, and nothing has changed. A \
                      client may try that region once, in vain here.";
const NAMED_REGION: Right = Right::NamedError {
    words: &["eu-west-1"],
    requests: 2,
};
/// S3 refuses requests that are signed more than 15 minutes off its clock.
const TEN_MINUTES: Duration = Duration::from_secs(600);
