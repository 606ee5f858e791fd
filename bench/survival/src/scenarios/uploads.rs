//! Multipart uploads.

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{KEY, LARGE, after, before, coded, request_timeout, slow_down, status};
use crate::call::Call;
use crate::scenario::{Right, Scenario};

pub fn forty() -> Vec<Scenario> {
    vec![
        upload("multipart", []),
        upload(
            "multipart: initiate, FIN after it was applied x1",
            [after(Operation::CreateMultipart, Failure::Closed)],
        ),
        upload(
            "multipart: a part, FIN after it was applied x1",
            [after(Operation::PutPart, Failure::Closed)],
        ),
        upload(
            "multipart: a part, 503 x2",
            [before(Operation::PutPart, slow_down()).count(2)],
        ),
        upload(
            "multipart: complete, 200 + InternalError, not applied x1",
            [before(COMPLETE, Failure::inside_success("InternalError"))],
        ),
        upload(
            "multipart: complete, 500 after it was applied x1",
            [after(COMPLETE, status(500))],
        ),
        upload(
            "multipart: complete, FIN after it was applied x1",
            [after(COMPLETE, Failure::Closed)],
        ),
    ]
}

pub fn further() -> Vec<Scenario> {
    vec![
        upload(
            "multipart: initiate, 503 x2",
            [before(Operation::CreateMultipart, slow_down()).count(2)],
        ),
        upload(
            "multipart: a part, 400 RequestTimeout x1",
            [before(Operation::PutPart, request_timeout())],
        ),
        upload(
            "multipart: complete, FIN after it was applied x1, the repeat 404 NoSuchUpload",
            [
                after(COMPLETE, Failure::Closed),
                before(COMPLETE, coded(404, "NoSuchUpload"))
                    .from_call(2)
                    .always(),
            ],
        ),
        upload(
            "multipart: a part, 500 for ever",
            [before(Operation::PutPart, status(500)).always()],
        )
        .says(
            "There is an error within 200 s, no object, and after the caller has given the \
             upload up nothing of it.",
        )
        .right(Right::GivesUp)
        .endless(),
    ]
}

fn upload<const N: usize>(name: &str, rules: [Rule; N]) -> Scenario {
    let call = Call::Upload {
        key: KEY,
        content: LARGE,
    };
    Scenario::new(name, "The call succeeds, and the object is there.", call).rules(rules)
}

const COMPLETE: Operation = Operation::CompleteMultipart;
