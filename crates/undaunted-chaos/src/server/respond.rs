//! From a request to a response, or to none.

use std::io;

use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, Response};
use object_store::Error;
use s3s::Body;

use super::backend::S3Backend;
use super::body::ResponseBody;
use super::connection::ConnectionEnd;
use super::failed::failed;
use super::record::{OpenRecord, Records, RequestRecord};
use super::request::record_of;
use crate::body::Replace;
use crate::call::IncomingCall;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::pending::{PendingFault, PendingFaults};
use crate::plan::FaultPlan;

/// Responds to requests as the plan says.
pub(super) struct Responder {
    pub(super) backend: S3Backend,
    pub(super) plan: FaultPlan,
    pub(super) records: Records,
}

impl Responder {
    /// The response; an error ends the connection without one.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
        end: &ConnectionEnd,
    ) -> io::Result<Response<ResponseBody>> {
        let record = record_of(&request);
        let faults = self.plan.begin(&IncomingCall {
            operation: record.operation,
            key: &record.key,
            part: record.part,
            method: Some(&record.method),
        });
        let mut exchange = Exchange {
            backend: &self.backend,
            open: self.records.begin(record.clone()),
            record: &record,
            end,
        };
        let response = exchange.respond(request, faults).await?;
        let mut open = exchange.open;
        open.responded(response.status().as_u16());
        Ok(response.map(|body| body.recorded(open)))
    }
}

/// One request, with what is needed to respond to it.
struct Exchange<'e> {
    backend: &'e S3Backend,
    record: &'e RequestRecord,
    open: OpenRecord,
    end: &'e ConnectionEnd,
}

impl Exchange<'_> {
    async fn respond(
        &mut self,
        request: Request<Incoming>,
        faults: PendingFaults,
    ) -> io::Result<Response<ResponseBody>> {
        let mut last = None;
        for fault in faults.0 {
            if let Fault::Delay(lasts) = fault.fault() {
                let lasts = *lasts;
                self.take_effect(&fault);
                tokio::time::sleep(lasts).await;
            } else if let Some(failure) = fault.fault().refusal() {
                self.take_effect(&fault);
                // Closing with unread data would be a reset, which only a reset may be.
                drain(request).await;
                return self.fail(&failure).await;
            } else {
                last = Some(fault);
            }
        }
        let request = request.map(Body::from);
        let response = self.backend.serve(request, self.record).await?;
        let response = response.map(ResponseBody::new);
        match last.filter(|_| response.status().is_success()) {
            Some(fault) => self.hit(response, fault).await,
            None => Ok(response),
        }
    }

    /// Lets a fault hit the response of a request that was carried out.
    async fn hit(
        &mut self,
        mut response: Response<ResponseBody>,
        mut fault: PendingFault,
    ) -> io::Result<Response<ResponseBody>> {
        let length = content_length(&response);
        let at = match fault.fault() {
            Fault::FailAfter(failure) => {
                self.take_effect(&fault);
                return self.fail(failure).await;
            }
            Fault::BreakList { .. } => Some(length / 2),
            _ => fault.position_in(length),
        };
        let Some(at) = at else {
            return Ok(response);
        };
        self.open.hit(&fault.fault().to_string());
        let announces = !matches!(fault.fault(), Fault::ShortBody { .. });
        if !announces {
            // A body that ends cleanly too soon cannot announce its length.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let (replace, end) = (self.replace(), self.end.clone());
        Ok(response.map(|body| {
            let body = body.hit(at, fault, replace, end);
            if announces {
                body
            } else {
                body.without_length()
            }
        }))
    }

    fn take_effect(&mut self, fault: &PendingFault) {
        self.open.hit(&fault.fault().to_string());
        fault.take_effect();
    }

    /// The response that a failure is, or the end of the connection.
    async fn fail(&self, failure: &Failure) -> io::Result<Response<ResponseBody>> {
        match failure {
            Failure::Status(failure) => Ok(failed(failure, self.record.operation)),
            failure => Err(self.end.prepare(failure).await),
        }
    }

    fn replace(&self) -> Replace {
        let (backend, path) = (self.backend.clone(), self.record.path.clone());
        Box::new(move || {
            Box::pin(async move {
                let replaced = backend.replace(&path).await;
                replaced.map_err(|error| Error::Generic {
                    store: "S3Server",
                    source: Box::new(error),
                })
            })
        })
    }
}

fn content_length(response: &Response<ResponseBody>) -> u64 {
    let announced = response.headers().get(CONTENT_LENGTH);
    announced
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_else(|| response.body().size_hint().lower())
}

async fn drain(request: Request<Incoming>) {
    let mut body = request.into_body();
    // A client that stops sending gets its failure all the same.
    while let Some(Ok(_)) = body.frame().await {}
}
