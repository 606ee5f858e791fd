//! A second port, on which a test in any language changes the faults and reads the requests.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;

use super::current_plan::CurrentPlan;
use super::record::Records;
use super::request_record::RequestRecord;
use crate::file::ChaosFile;
use crate::plan::FaultPlan;

/// What the second port reads and changes. A clone shares it.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) plan: CurrentPlan,
    pub(super) records: Records,
}

impl Control {
    pub(super) async fn serve(self, stream: TcpStream) {
        let service = service_fn(move |request| {
            let control = self.clone();
            async move { Ok::<_, io::Error>(control.respond(request).await) }
        });
        // An error here is a client that went away.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if let Some(query) = head.uri.query().filter(|query| !query.is_empty()) {
            let text = format!("nothing here takes a query, and {query:?} would have no effect");
            return refused(&text);
        }
        match (head.uri.path(), head.method) {
            (CHAOS, Method::GET) => {
                let text = self.plan.text();
                response(
                    StatusCode::OK,
                    TOML,
                    text.unwrap_or_else(|| BY_CODE.to_owned()),
                )
            }
            (CHAOS, Method::PUT) => match Limited::new(body, LONGEST_FILE).collect().await {
                Ok(body) => self.set_chaos(&body.to_bytes()),
                Err(error) => refused(&format!("the chaos file did not arrive: {error}")),
            },
            (CHAOS, Method::DELETE) => {
                self.plan.set(FaultPlan::none(), Some(String::new()));
                done()
            }
            (CHAOS, _) => wrong_method("GET, PUT, DELETE"),
            (REQUESTS, Method::GET) => {
                let requests = self.records.all();
                let requests: Vec<_> = requests.iter().map(RequestLine::from).collect();
                match serde_json::to_string(&requests) {
                    Ok(text) => response(StatusCode::OK, JSON, text),
                    Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
                }
            }
            (REQUESTS, Method::DELETE) => {
                self.records.clear();
                done()
            }
            (REQUESTS, _) => wrong_method("GET, DELETE"),
            (METRICS, Method::GET) => {
                let text = self.records.metrics().to_string();
                response(StatusCode::OK, PROMETHEUS, text)
            }
            (METRICS, _) => wrong_method("GET"),
            (path, _) => {
                let text =
                    format!("{path} is not here: there are {CHAOS}, {REQUESTS} and {METRICS}");
                problem(StatusCode::NOT_FOUND, &text)
            }
        }
    }

    fn set_chaos(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let Ok(text) = std::str::from_utf8(body) else {
            return refused("the chaos file is not UTF-8");
        };
        // A chaos file has to say something; here, nothing means no faults.
        let is_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(is_nothing) {
            self.plan.set(FaultPlan::none(), Some(text.to_owned()));
            return done();
        }
        match text.parse::<ChaosFile>() {
            Ok(file) => {
                self.plan.set(file.plan(), Some(text.to_owned()));
                done()
            }
            Err(error) => refused(&error.to_string()),
        }
    }
}

/// A request as JSON.
#[derive(Debug, Serialize)]
struct RequestLine<'r> {
    /// Seconds since the first request.
    at: f64,
    /// None while it is in progress.
    seconds: Option<f64>,
    method: &'r str,
    path: &'r str,
    operation: &'static str,
    key: &'r str,
    part: Option<usize>,
    range: Option<&'r str>,
    condition: Option<&'r str>,
    bytes_in: u64,
    bytes_out: u64,
    status: Option<u16>,
    fault: Option<&'r str>,
}

impl<'r> From<&'r RequestRecord> for RequestLine<'r> {
    fn from(record: &'r RequestRecord) -> Self {
        let lasted = Some(record.lasted).filter(|lasted| *lasted != Duration::ZERO);
        Self {
            at: record.at.as_secs_f64(),
            seconds: lasted.map(|lasted| lasted.as_secs_f64()),
            method: &record.method,
            path: &record.path,
            operation: record.operation.as_str(),
            key: &record.key,
            part: record.part,
            range: record.range.as_deref(),
            condition: record.condition.as_deref(),
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            status: record.status,
            fault: record.fault.as_deref(),
        }
    }
}

fn refused(problem_text: &str) -> Response<Full<Bytes>> {
    problem(StatusCode::BAD_REQUEST, problem_text)
}

fn wrong_method(allowed: &'static str) -> Response<Full<Bytes>> {
    let text = format!("use one of {allowed}");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &text);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn problem(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let text = serde_json::json!({ "error": text }).to_string();
    response(status, JSON, text)
}

fn done() -> Response<Full<Bytes>> {
    let mut done = Response::default();
    *done.status_mut() = StatusCode::NO_CONTENT;
    done
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

const CHAOS: &str = "/_undaunted/chaos";
const REQUESTS: &str = "/_undaunted/requests";
const METRICS: &str = "/_undaunted/metrics";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TOML: &str = "application/toml";
const JSON: &str = "application/json";
/// There is no chaos file that could be sent back.
const BY_CODE: &str = "# These faults were made by code, and end when others are set.\n";
/// Of a chaos file, in bytes: far more than one has.
const LONGEST_FILE: usize = 1 << 20;
