//! Scenarios in which something else than S3 responds, or something on the way changes the
//! response: a web page, a body that was decompressed, ranges that are ignored, no ETag.

use undaunted_chaos::{Failure, Fault, Operation, Rule};

use super::words::{BREAK, KEY, MIB, OBJECT_THERE, READ, SMALL, broken_body, get, put, upload};
use crate::call::Call;
use crate::scenario::{Prepared, Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        page(get("get: a web page with status 200", PAGE), Operation::Get),
        page(
            Scenario::new(
                "head: a web page with status 200",
                PAGE,
                Call::Head { key: KEY },
            )
            .prepared([OBJECT_THERE]),
            Operation::Head,
        ),
        page(put("put: a web page with status 200", PAGE), Operation::Put),
        page(
            Scenario::new(
                "list: a web page with status 200",
                PAGE,
                Call::List { prefix: "list/" },
            )
            .prepared([Prepared::Files("list/", 5)]),
            Operation::List,
        ),
        page(
            Scenario::new(
                "delete: a web page with status 200",
                PAGE,
                Call::Delete { key: KEY },
            )
            .prepared([Prepared::Object(KEY, SMALL)]),
            Operation::Delete,
        ),
        page(
            Scenario::new(
                "bulk delete: a web page with status 200",
                PAGE,
                Call::DeleteMany { keys: &THREE },
            )
            .prepared(THREE.map(|key| Prepared::Object(key, SMALL))),
            Operation::Delete,
        ),
        page(
            upload("multipart: a web page with status 200 for create", PAGE),
            Operation::CreateMultipart,
        ),
        get(
            "get: body decompressed on its way, without a length",
            "There is an error within 200 s. The body has other bytes, and nothing says how many.",
        )
        .rules([decompressed(false)])
        .right(Right::OtherError)
        .endless(),
        get(
            "get: body decompressed on its way, under the headers of the compressed one",
            "There is an error within 200 s. The body has other bytes, as many as announced.",
        )
        .rules([decompressed(true)])
        .right(Right::OtherError)
        .endless(),
        range("get range: the range is ignored, 200 with the whole object")
            .rules([ignored().always()]),
        get(
            "get: connection reset in the body, and ranges are ignored",
            READ,
        )
        .rules([broken_body(Failure::Reset), ignored().from_call(2).always()]),
        get("get: no ETag", READ).rules([without_etag(Operation::Get).always()]),
        Scenario::new(
            "head: no ETag",
            "The size is that of the object.",
            Call::Head { key: KEY },
        )
        .prepared([OBJECT_THERE])
        .rules([without_etag(Operation::Head).always()]),
    ]
}

/// Every request of this operation gets a page of HTML, as from a console at the endpoint.
fn page(scenario: Scenario, operation: Operation) -> Scenario {
    scenario
        .rules([Rule::new(operation, Fault::HtmlPage).always()])
        .right(Right::NamedError {
            words: &["html"],
            requests: 1,
        })
}

fn decompressed(keep_headers: bool) -> Rule {
    let fault = Fault::DecompressBody {
        length: 2 * MIB as u64,
        keep_headers,
    };
    Rule::new(Operation::Get, fault).always()
}

/// RFC 9110 lets a server ignore a range, so a client must expect the whole.
fn ignored() -> Rule {
    Rule::new(Operation::Get, Fault::IgnoreRange)
}

fn without_etag(operation: Operation) -> Rule {
    Rule::new(operation, Fault::NoEtag)
}

fn range(name: &str) -> Scenario {
    let call = Call::GetRange {
        key: KEY,
        range: BREAK..900_000,
    };
    Scenario::new(name, "The bytes are those of the range.", call).prepared([OBJECT_THERE])
}

const PAGE: &str = "There is an error after one request, its text says that HTML came, and nothing \
                    has changed.";
const THREE: [&str; 3] = ["folder/a", "folder/b", "folder/c"];
