//! Scenarios of multipart uploads.

use undaunted_chaos::{Failure, Operation, Rule};

use super::words::{
    WRITTEN, after, before, coded, request_timeout, slow_down, status, upload as uploaded,
};
use crate::scenario::{Right, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    vec![
        upload("multipart: no fault", []),
        upload(
            "multipart: create applied, response lost (closed)",
            [after(Operation::CreateMultipart, Failure::Closed)],
        ),
        upload(
            "multipart: a part applied, response lost (closed)",
            [after(Operation::PutPart, Failure::Closed)],
        ),
        upload(
            "multipart: 503 for a part twice",
            [before(Operation::PutPart, slow_down()).count(2)],
        ),
        upload(
            "multipart: complete, 200 with InternalError in the body, not applied",
            [before(COMPLETE, Failure::inside_success("InternalError"))],
        ),
        upload(
            "multipart: complete applied, response lost (500)",
            [after(COMPLETE, status(500))],
        ),
        upload(
            "multipart: complete applied, response lost (closed)",
            [after(COMPLETE, Failure::Closed)],
        ),
        upload(
            "multipart: 503 for create twice",
            [before(Operation::CreateMultipart, slow_down()).count(2)],
        ),
        upload(
            "multipart: 400 RequestTimeout for a part",
            [before(Operation::PutPart, request_timeout())],
        ),
        upload(
            "multipart: complete applied, response lost (closed), then 404 NoSuchUpload",
            [
                after(COMPLETE, Failure::Closed),
                before(COMPLETE, coded(404, "NoSuchUpload"))
                    .from_call(2)
                    .always(),
            ],
        ),
        upload(
            "multipart: 500 for every part without end",
            [before(Operation::PutPart, status(500)).always()],
        )
        .says(
            "There is an error within 200 s, no object, and nothing left of the upload after the \
             caller has aborted it.",
        )
        .right(Right::OtherError)
        .endless(),
    ]
}

fn upload<const N: usize>(name: &str, rules: [Rule; N]) -> Scenario {
    uploaded(name, WRITTEN).rules(rules)
}

const COMPLETE: Operation = Operation::CompleteMultipart;
