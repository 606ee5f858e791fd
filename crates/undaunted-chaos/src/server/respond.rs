//! From a request to an answer, or to none.

use std::io;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use s3s::Body;
use undaunted::HttpFailure;

use super::backend::Backend;
use super::body::{Ending, Spoiled};
use super::record::{Open, Records, RequestRecord};
use super::request::record_of;
use super::wire::Reset;
use crate::hit::Hit;
use crate::rule::Call;
use crate::{Failure, Fault, FaultPlan, Operation};

/// Answers requests as the plan wants it.
pub(super) struct Responder {
    pub(super) backend: Backend,
    pub(super) plan: FaultPlan,
    pub(super) records: Records,
    /// How long what never comes is waited for.
    pub(super) hang: Duration,
}

type Answer = Response<Spoiled>;

impl Responder {
    /// The answer; an error ends the connection without one.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        reset: &Reset,
    ) -> io::Result<Answer> {
        let record = record_of(&request);
        let planned = self.plan.begin_call(&Call {
            operation: record.operation,
            key: &record.key,
            part: record.part,
            method: Some(&record.method),
        });
        let mut open = self.records.begin(record.clone());
        let answer = self
            .hit(request, &record, planned.into_hits(), &mut open, reset)
            .await?;
        open.answered(answer.status().as_u16());
        Ok(answer.map(|body| body.recorded(open)))
    }

    async fn hit(
        &self,
        request: Request<Incoming>,
        record: &RequestRecord,
        hits: Vec<Hit>,
        open: &mut Open,
        reset: &Reset,
    ) -> io::Result<Answer> {
        let mut last = None;
        for hit in hits {
            open.hit(&hit.fault().to_string());
            if let Fault::Delay(lasts) = hit.fault() {
                let lasts = *lasts;
                hit.fire();
                tokio::time::sleep(lasts).await;
            } else if let Some(failure) = hit.fault().refusal() {
                hit.fire();
                // Closing with unread data would be a reset, which only a reset may be.
                drain(request).await;
                return self.fail(&failure, record.operation, reset).await;
            } else {
                last = Some(hit);
            }
        }
        let answer = self.serve(request, record).await?;
        let Some(mut hit) = last.filter(|_| answer.status().is_success()) else {
            return Ok(answer);
        };
        let length = content_length(&answer);
        match hit.fault().clone() {
            Fault::FailAfter(failure) => {
                hit.fire();
                self.fail(&failure, record.operation, reset).await
            }
            Fault::BreakList { failure, .. } => {
                hit.fire();
                Ok(spoil(answer, length / 2, self.ending(&failure, reset)))
            }
            fault => {
                let Some(at) = hit.position_in(length) else {
                    return Ok(answer);
                };
                hit.fire();
                Ok(match fault {
                    Fault::BreakBody { failure, .. } => {
                        spoil(answer, at, self.ending(&failure, reset))
                    }
                    Fault::ReplaceObject { failure, .. } => {
                        let (backend, path) = (self.backend.clone(), record.path.clone());
                        let replacing = Box::pin(async move { backend.replace(&path).await });
                        let then = Box::new(self.ending(&failure, reset));
                        spoil(answer, at, Ending::Replace(replacing, then))
                    }
                    Fault::ShortBody { .. } => short(answer, at),
                    Fault::CorruptBody { .. } => spoil(answer, at, Ending::Corrupt),
                    Fault::StallBody { lasts, .. } => spoil(answer, at, Ending::Stall(lasts)),
                    _ => answer,
                })
            }
        }
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
        record: &RequestRecord,
    ) -> io::Result<Answer> {
        let answer = self.backend.serve(request.map(Body::from), record).await?;
        Ok(answer.map(Spoiled::whole))
    }

    /// An answer that is a failure, or none.
    async fn fail(
        &self,
        failure: &Failure,
        operation: Operation,
        reset: &Reset,
    ) -> io::Result<Answer> {
        match failure {
            Failure::Status(failure) => return Ok(status(failure, operation)),
            Failure::Closed => {}
            Failure::Timeout => tokio::time::sleep(self.hang).await,
            _ => reset.ask(),
        }
        Err(closed())
    }

    fn ending(&self, failure: &Failure, reset: &Reset) -> Ending {
        match failure {
            Failure::Closed => Ending::Close,
            Failure::Timeout => Ending::Hang(self.hang),
            _ => Ending::Reset(reset.clone()),
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "closed as planned")
}

/// The answer of S3's to a failure: a document with a code, but not to a HEAD.
fn status(failure: &HttpFailure, operation: Operation) -> Answer {
    let code = failure
        .code()
        .unwrap_or_else(|| usual_code(failure.status()));
    let document = match operation {
        Operation::Head => String::new(),
        _ => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>An injected fault.</Message><RequestId>{REQUEST_ID}</RequestId></Error>"
        ),
    };
    let mut answer = Response::new(Spoiled::whole(Body::from(document)));
    *answer.status_mut() =
        StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert("x-amz-request-id", HeaderValue::from_static(REQUEST_ID));
    if let Some(hint) = failure.retry_after() {
        // Whole seconds, rounded up: a client that comes earlier comes too early.
        let seconds = hint.as_secs() + u64::from(hint.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// What S3 calls a status that came without a code.
const fn usual_code(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "OperationAborted",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        501 => "NotImplemented",
        503 => "ServiceUnavailable",
        400..=499 => "InvalidRequest",
        _ => "InternalError",
    }
}

fn spoil(answer: Answer, at: u64, ending: Ending) -> Answer {
    answer.map(|body| body.spoiled(at, ending))
}

/// A body that ends cleanly too soon cannot announce its length.
fn short(mut answer: Answer, at: u64) -> Answer {
    answer.headers_mut().remove(CONTENT_LENGTH);
    spoil(answer, at, Ending::Clean)
}

fn content_length(answer: &Answer) -> u64 {
    let announced = answer.headers().get(CONTENT_LENGTH);
    announced
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_else(|| hyper::body::Body::size_hint(answer.body()).lower())
}

async fn drain(request: Request<Incoming>) {
    let mut body = request.into_body();
    // A client that stops sending gets its failure all the same.
    while let Some(Ok(_)) = body.frame().await {}
}

const REQUEST_ID: &str = "UNDAUNTED0000001";
