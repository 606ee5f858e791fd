//! Scenarios in which S3's XML ends short without an error, or says no ETag.

use undaunted_chaos::{CutAt, Fault, Operation, Rule};

use super::words::{KEY, OLD, SMALL, WRITTEN, before, coded, upload};
use crate::call::Call;
use crate::scenario::{Prepared, Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        list("list: the XML ends short without an error", 5, HALF),
        list("list: an empty document", 5, EMPTY),
        list(
            "list of 3 pages: the XML of the second page ends short without an error",
            25,
            HALF,
        )
        .page_size(10)
        .rules([cut(Operation::List, HALF).from_call(2)]),
        Scenario::new(
            "copy: applied, the XML ends short without an error",
            "Both objects exist, with the same bytes.",
            Call::Copy {
                from: KEY,
                to: "folder/copy",
            },
        )
        .prepared([Prepared::Object(KEY, OLD)])
        .rules([cut(Operation::Copy, HALF)])
        .price(SHOWN),
        Scenario::new(
            "bulk delete: applied, the XML ends short without an error",
            "The call succeeds, and all three objects are gone.",
            Call::DeleteMany { keys: &THREE },
        )
        .prepared(THREE.map(|key| Prepared::Object(key, SMALL)))
        .rules([cut(Operation::Delete, HALF)])
        .price(SHOWN),
        upload(
            "multipart: create applied, the XML ends short without an error",
            WRITTEN,
        )
        .rules([cut(Operation::CreateMultipart, HALF)]),
        upload(
            "multipart: complete applied, the XML ends short without an error",
            WRITTEN,
        )
        .rules([cut(COMPLETE, HALF)])
        .price(SHOWN),
        upload(
            "multipart: complete applied, an empty document, then 404 NoSuchUpload",
            WRITTEN,
        )
        .rules([
            cut(COMPLETE, EMPTY),
            before(COMPLETE, coded(404, "NoSuchUpload"))
                .from_call(2)
                .always(),
        ])
        .price(SHOWN),
        upload("multipart: complete applied, no ETag", WRITTEN)
            .rules([Rule::new(COMPLETE, Fault::NoEtag)])
            .price(SHOWN),
        upload(
            "multipart: no ETag for any part",
            "The call succeeds, and the object exists; or there is an error, no object, and \
             nothing left of the upload after the caller has aborted it.",
        )
        .rules([Rule::new(Operation::PutPart, Fault::NoEtag).always()])
        .right(Right::SuccessOrOtherError),
    ]
}

fn list(name: &str, count: usize, at: CutAt) -> Scenario {
    let call = Call::List { prefix: "list/" };
    Scenario::new(name, "Every key is listed once.", call)
        .prepared([Prepared::Files("list/", count)])
        .rules([cut(Operation::List, at)])
}

/// `Content-Length` is that of what is left, so that only the XML shows that it is cut.
fn cut(operation: Operation, at: CutAt) -> Rule {
    Rule::new(operation, Fault::CutDocument { at })
}

/// Why undaunted needs more requests than a client that believes the status.
const SHOWN: &str = "What arrived does not show that the request was carried out: such a document may \
                     hold an error. So it is sent again, and the effect is looked for if that \
                     fails. The others believe the status.";
const HALF: CutAt = CutAt::Percent(50);
const EMPTY: CutAt = CutAt::Byte(0);
const COMPLETE: Operation = Operation::CompleteMultipart;
const THREE: [&str; 3] = ["folder/a", "folder/b", "folder/c"];
