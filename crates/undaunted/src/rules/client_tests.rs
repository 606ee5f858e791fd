//! What rules by status and code make of the errors of other clients.

#![cfg(all(
    feature = "aws_smithy1",
    feature = "object_store014",
    feature = "opendal059",
    feature = "reqwest012",
    feature = "reqwest013",
    feature = "tonic014"
))]

use std::error::Error;
use std::time::Duration;

use aws_smithy_types1::body::SdkBody;
use aws_smithy_types1::error::ErrorMetadata;
use aws_smithy1::client::orchestrator::HttpResponse;
use aws_smithy1::client::result::SdkError;
use object_store014::Error as StoreError;
use opendal059::{Error as OpendalError, ErrorKind as Kind};
use tonic014::{Code, Status};

use super::*;

type Aws = SdkError<ErrorMetadata, HttpResponse>;

fn rules() -> Rules {
    Rules::builder()
        .retryable_status(400..=499)
        .permanent_status([429, 503])
        .throttled_codes(["Slow_Down", "Conflict", "ABORTED"])
        .permanent_codes(["QuotaExceeded", "UNKNOWN"])
        .build()
        .unwrap()
}

const BY_STATUS: &str = "transient: retryable_status 400-499";
const UNAVAILABLE: &str = "permanent: permanent_status 503";
const LIMITED: &str = "permanent: permanent_status 429";
const NOTHING: &str = "nothing";

fn response(status: u16) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())
}

fn aws(status: u16, code: &str) -> Aws {
    let mut error = ErrorMetadata::builder();
    if !code.is_empty() {
        error = error.code(code);
    }
    Aws::service_error(error.build(), response(status))
}

fn tonic(code: Code) -> Status {
    Status::new(code, "test")
}

fn judged(error: &(dyn Error + 'static)) -> String {
    written(rules().judge(error))
}

fn retryable<E: Retryable + Error + 'static>(error: &E) -> String {
    written(rules().judge_retryable(error, error))
}

fn written(judgement: Option<Judgement>) -> String {
    let Some(Judgement { verdict, rule }) = judgement else {
        return NOTHING.to_owned();
    };
    format!("{verdict}: {}", rule.as_deref().unwrap_or_default())
}

#[test]
fn a_response_of_an_aws_sdk_has_its_status_and_its_code() {
    let slow_down = "throttled: throttled_codes Slow_Down";
    let quota = "permanent: permanent_codes QuotaExceeded";
    for (error, want, boxed) in [
        (aws(423, ""), BY_STATUS, NOTHING),
        (aws(503, ""), UNAVAILABLE, NOTHING),
        (aws(503, "SlowDown"), slow_down, slow_down),
        (aws(503, "QuotaExceeded"), quota, quota),
        (aws(404, "NoSuchKey"), NOTHING, NOTHING),
        (Aws::timeout_error("slow"), NOTHING, NOTHING),
        (
            Aws::response_error("a page", response(423)),
            BY_STATUS,
            NOTHING,
        ),
    ] {
        assert_eq!(retryable(&error), want, "{error:?}");
        let error: Box<dyn Error + Send + Sync> = error.into();
        assert_eq!(judged(&*error), boxed, "{error:?}, boxed");
    }
}

#[test]
fn a_kind_of_opendal_is_a_code_and_may_stand_for_a_status() {
    for (kind, want) in [
        (Kind::PermissionDenied, BY_STATUS),
        (Kind::RangeNotSatisfied, BY_STATUS),
        (Kind::RateLimited, LIMITED),
        (Kind::Conflict, "throttled: throttled_codes Conflict"),
        (Kind::NotFound, NOTHING),
        (Kind::AlreadyExists, NOTHING),
        (Kind::ConditionNotMatch, NOTHING),
        (Kind::Unexpected, NOTHING),
    ] {
        assert_eq!(judged(&OpendalError::new(kind, "test")), want, "{kind}");
    }
}

#[test]
fn a_code_of_grpc_is_a_code_and_stands_for_a_status() {
    for (code, want) in [
        (Code::PermissionDenied, BY_STATUS),
        (Code::Unavailable, UNAVAILABLE),
        (Code::ResourceExhausted, LIMITED),
        (Code::Aborted, "throttled: throttled_codes ABORTED"),
        (Code::Unknown, "permanent: permanent_codes UNKNOWN"),
        (Code::NotFound, NOTHING),
        (Code::AlreadyExists, NOTHING),
        (Code::Internal, NOTHING),
        (Code::Ok, NOTHING),
    ] {
        assert_eq!(judged(&tonic(code)), want, "{code:?}");
    }
    // The names are tonic's own.
    for code in (0..=16).map(Code::from_i32) {
        let name = format!("{code:?}");
        assert_eq!(crate::errors::code(&tonic(code)), Some(name.as_str()));
    }
}

#[test]
fn clients_of_http_have_the_status_that_they_made_an_error() {
    let response = |status: u16| http1::Response::builder().status(status).body("").unwrap();
    let old = reqwest012::Response::from(response(423)).error_for_status();
    assert_eq!(judged(&old.unwrap_err()), BY_STATUS);
    let new = reqwest013::Response::from(response(503)).error_for_status();
    assert_eq!(judged(&new.unwrap_err()), UNAVAILABLE);
    let store = StoreError::PermissionDenied {
        path: "a".into(),
        source: "denied".into(),
    };
    assert_eq!(judged(&store), BY_STATUS);
}

#[test]
fn a_wait_that_the_service_asks_for_is_obeyed_whichever_error_has_it() {
    let mut status = tonic(Code::Aborted);
    let pushback = "1500".parse().unwrap();
    status
        .metadata_mut()
        .insert("grpc-retry-pushback-ms", pushback);
    let retry_after = Some(Duration::from_millis(1_500));
    let judged = rules().judge(&status).unwrap();
    assert_eq!(judged.verdict, Verdict::Throttled { retry_after });

    let mut locked = response(423);
    locked.headers_mut().insert("retry-after", "7");
    let locked = Aws::service_error(ErrorMetadata::builder().build(), locked);
    let retry_after = Some(Duration::from_secs(7));
    let judged = rules().judge_retryable(&locked, &locked).unwrap();
    assert_eq!(judged.verdict, Verdict::Transient { retry_after });
}
