//! From a request to a response, or to none.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use object_store::Error;
use s3s::Body;
use tokio::net::TcpStream;

use super::backend::Backend;
use super::body::ResponseBody;
use super::connection::{Connection, ConnectionEnd};
use super::current_plan::CurrentPlan;
use super::document::{edited, without_element};
use super::finish::finished;
use super::objects::TookEffect;
use super::record::{OpenRecord, Records};
use super::refused::RequestHead;
use super::request::record_of;
use super::request_body::RequestBody;
use super::request_record::RequestRecord;
use crate::body::Replace;
use crate::call::IncomingCall;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::pending::{PendingFault, PendingFaults};

/// Responds to requests as the plan says.
pub(super) struct Responder {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) plan: CurrentPlan,
    pub(super) records: Records,
    /// How long what never comes is waited for.
    pub(super) hang: Duration,
    /// How many requests came.
    pub(super) count: AtomicU64,
}

impl Responder {
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream) {
        let connection = Connection::new(stream, self.hang);
        let end = connection.end();
        let service = service_fn(move |request| {
            let (responder, end) = (Arc::clone(&self), end.clone());
            async move { responder.respond(request, &end).await }
        });
        // An error here is a fault that was wanted, or a client that went away.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(connection), service)
            .await;
    }

    /// The response; an error ends the connection without one.
    async fn respond(
        &self,
        request: Request<Incoming>,
        end: &ConnectionEnd,
    ) -> io::Result<Response<ResponseBody>> {
        let record = record_of(&request);
        let faults = self.plan.plan().begin(&IncomingCall {
            operation: record.operation,
            key: &record.key,
            part: record.part,
            method: Some(&record.method),
        });
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut exchange = Exchange {
            backend: &self.backend,
            open: self.records.begin(record.clone()),
            record: &record,
            end,
            head: RequestHead::of(&request, number),
        };
        let response = exchange.respond(request, faults).await?;
        let mut open = exchange.open;
        open.responded(response.status().as_u16());
        Ok(response.map(|body| body.recorded(open)))
    }
}

/// One request, with what is needed to respond to it.
struct Exchange<'e> {
    backend: &'e Arc<dyn Backend>,
    record: &'e RequestRecord,
    open: OpenRecord,
    end: &'e ConnectionEnd,
    head: RequestHead,
}

impl Exchange<'_> {
    async fn respond(
        &mut self,
        mut request: Request<Incoming>,
        faults: PendingFaults,
    ) -> io::Result<Response<ResponseBody>> {
        let mut last = None;
        for fault in faults.0 {
            if let Fault::Delay(lasts) = fault.fault() {
                let lasts = *lasts;
                self.take_effect(&fault);
                tokio::time::sleep(lasts).await;
            } else if fault.fault().prevents_the_call() {
                self.take_effect(&fault);
                // Only a reset may be one.
                let (head, body) = request.into_parts();
                RequestBody::new(&head.headers, body).drain().await;
                return match self.head.refused(fault.fault()) {
                    Some(refusal) => Ok(refusal),
                    None => self.fail(fault.fault().failure()).await,
                };
            } else {
                last = Some(fault);
            }
        }
        if let Some(fault) = &last {
            request.extensions_mut().insert(fault.fault().clone());
        }
        let (head, body) = request.into_parts();
        let body = RequestBody::new(&head.headers, body);
        let request = Request::from_parts(head, Body::http_body(body.clone()));
        let response = self.backend.serve(request).await?;
        body.drain().await;
        let response = finished(response, &self.head.id, self.head.is_head);
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
        match fault.fault() {
            Fault::FailAfter(failure) => {
                self.take_effect(&fault);
                self.fail(Some(failure)).await
            }
            Fault::CutDocument { .. } => {
                let mut at = None;
                let cut = |document: Bytes| {
                    let length = document.len();
                    at = fault.position_in(length as u64);
                    let at = at.and_then(|at| usize::try_from(at).ok());
                    document.slice(..at.unwrap_or(length).min(length))
                };
                response = edited(response, cut).await?;
                if at.is_some() {
                    self.take_effect(&fault);
                }
                Ok(response)
            }
            Fault::NoEtag => {
                let mut has_effect = response.headers_mut().remove(ETAG).is_some();
                if !matches!(self.record.operation, Operation::Get | Operation::Head) {
                    response = edited(response, |document| {
                        let changed = without_element(&document, "ETag");
                        has_effect |= changed != document;
                        changed
                    })
                    .await?;
                }
                if has_effect {
                    self.take_effect(&fault);
                }
                Ok(response)
            }
            Fault::IgnoreRange
            | Fault::InsertKeys { .. }
            | Fault::RepeatToken
            | Fault::TruncatedWithoutToken => {
                if response.extensions().get::<TookEffect>().is_none() {
                    return Ok(response);
                }
                self.take_effect(&fault);
                Ok(response)
            }
            _ => Ok(self.hit_body(response, fault)),
        }
    }

    /// Lets a fault hit the bytes of a body as they go out.
    fn hit_body(
        &mut self,
        mut response: Response<ResponseBody>,
        mut fault: PendingFault,
    ) -> Response<ResponseBody> {
        let length = content_length(&response);
        let at = match fault.fault() {
            Fault::BreakList { .. } => Some(length / 2),
            _ => fault.position_in(length),
        };
        let Some(at) = at else {
            return response;
        };
        self.open.hit(&fault.fault().to_string());
        let headers = response.headers_mut();
        let announced: fn(ResponseBody) -> ResponseBody = match fault.fault() {
            Fault::DecompressBody {
                keep_headers: true, ..
            } => {
                let gzip = HeaderValue::from_static("gzip");
                headers.entry(CONTENT_ENCODING).or_insert(gzip);
                ResponseBody::with_wrong_length
            }
            Fault::DecompressBody { .. } => {
                begin_effect(&mut fault);
                headers.remove(CONTENT_ENCODING);
                headers.remove(CONTENT_LENGTH);
                ResponseBody::without_length
            }
            // A body that ends cleanly too soon cannot announce its length, and a client may refuse
            // it for that.
            Fault::ShortBody { .. } => {
                begin_effect(&mut fault);
                headers.remove(CONTENT_LENGTH);
                ResponseBody::without_length
            }
            _ => |body| body,
        };
        let (replace, end) = (self.replace(), self.end.clone());
        response.map(|body| announced(body.hit(at, fault, replace, end)))
    }

    fn take_effect(&mut self, fault: &PendingFault) {
        self.open.hit(&fault.fault().to_string());
        fault.take_effect();
    }

    /// The response that a failure is, or the end of the connection.
    async fn fail(&self, failure: Option<&Failure>) -> io::Result<Response<ResponseBody>> {
        match failure {
            Some(Failure::Status(failure)) => Ok(self.head.failed(failure, "")),
            failure => Err(self.end.prepare(failure.unwrap_or(&Failure::Closed)).await),
        }
    }

    fn replace(&self) -> Replace {
        let (backend, path) = (Arc::clone(self.backend), self.record.path.clone());
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

/// Counts a fault before it is over: the client may end it with what it has seen.
fn begin_effect(fault: &mut PendingFault) {
    fault.take_effect();
    fault.is_counted = true;
}

fn content_length(response: &Response<ResponseBody>) -> u64 {
    let announced = response.headers().get(CONTENT_LENGTH);
    announced
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_else(|| response.body().size_hint().lower())
}
