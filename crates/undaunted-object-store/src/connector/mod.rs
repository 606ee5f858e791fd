//! The connector: makes a service's responses readable for the layers above.

mod response;
mod xml;

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use undaunted::TimedOut;

use crate::evidence::has_stale_code;
use crate::observe;
use crate::verify::ETagIsNoMd5;

/// An [`HttpConnector`] around another, for a store whose retries happen in a
/// [`RetryStore`](crate::RetryStore).
///
/// [`open`](crate::open) installs it everywhere. For a store that you build yourself, give it
/// to the builder's `with_http_connector`. It does five things:
///
/// - A status that may be retried becomes an error that carries an
///   [`HttpFailure`](undaunted::HttpFailure): status, code, the wait that the service asks
///   for, request id. That keeps object_store's own retries out, which would not wait as
///   asked, and lets the layers above judge by type and not by words. Statuses that mean
///   something to object_store (401, 403, 404, 409, 412 …) pass, unless the service's code says
///   that another attempt is wanted, as S3's 409 `ConditionalRequestConflict` does.
/// - A success of S3's that holds an error document is an error. It is known by its root
///   element, and never by words that a key may contain.
/// - The time to the head of a response is limited, [`head_timeout`](Self::head_timeout), and
///   the time for the whole of it is not: a body may take as long as it keeps coming.
/// - An object that comes without its length, as a proxy may send it, has that of its range, or
///   is asked for again: nothing else tells a body that was cut from one that is complete.
/// - Hints are read from `Retry-After`, `retry-after-ms`, `x-ms-retry-after-ms` and
///   `x-amz-retry-after`.
#[derive(Debug)]
pub struct RetryConnector<C> {
    inner: C,
    head_timeout: Duration,
}

impl<C: HttpConnector> RetryConnector<C> {
    /// Makes the responses of `inner`'s clients readable.
    pub const fn new(inner: C) -> Self {
        Self {
            inner,
            head_timeout: HEAD_TIMEOUT,
        }
    }

    /// How long the head of a response may take from the moment that the request is sent.
    /// Default 30 s. What the request itself carries adds a second for every 64 KiB.
    #[must_use]
    pub const fn head_timeout(mut self, head_timeout: Duration) -> Self {
        self.head_timeout = head_timeout;
        self
    }
}

impl<C: HttpConnector> HttpConnector for RetryConnector<C> {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // object_store's timeout covers the body, and would end any long download.
        let options = options.clone().with_timeout_disabled();
        Ok(HttpClient::new(Service {
            client: self.inner.connect(&options)?,
            head_timeout: self.head_timeout,
        }))
    }
}

struct Service {
    client: HttpClient,
    head_timeout: Duration,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let checks_body = may_hide_an_error(&request);
        let is_get = request.method() == Method::GET;
        let limit = self.head_timeout + upload_time(request.body().content_length());
        let response = tokio::time::timeout(limit, self.client.execute(request))
            .await
            .map_err(|_| HttpError::new(HttpErrorKind::Timeout, TimedOut::Attempt { limit }))??;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            failed(response).await
        } else if checks_body && status == StatusCode::OK {
            succeeded_perhaps(response).await
        } else if is_get && status.is_success() {
            response::with_length(with_kind_of_etag(response))
        } else {
            Ok(response)
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// S3 makes the ETag of an object that is encrypted with a customer's key of something else
/// than its content.
fn with_kind_of_etag(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers();
    let has_key_service = headers
        .get("x-amz-server-side-encryption")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"aws:"));
    if has_key_service || headers.contains_key("x-amz-server-side-encryption-customer-algorithm") {
        response.extensions_mut().insert(ETagIsNoMd5);
    }
    response
}

/// A failure that may be retried becomes an error; any other passes as it came.
async fn failed(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (head, body) = response.into_parts();
    // A body that breaks takes nothing away from what the status says.
    let body = body.bytes().await.unwrap_or_default();
    let failure = response::failure(head.status, &head.headers, &body, now());
    if failure.verdict().is_retryable() || has_stale_code(&failure) || head.status.is_server_error()
    {
        // `Unknown` is the kind that object_store never retries by itself.
        return Err(HttpError::new(HttpErrorKind::Unknown, failure));
    }
    observe::record_response(&failure);
    Ok(HttpResponse::from_parts(head, HttpResponseBody::from(body)))
}

/// S3 may begin to respond before it knows the outcome, and so say 200 to a failure.
async fn succeeded_perhaps(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (head, body) = response.into_parts();
    let body = body.bytes().await?;
    if xml::has_root(&body, b"Error") {
        let failure = response::failure(head.status, &head.headers, &body, now());
        return Err(HttpError::new(HttpErrorKind::Unknown, failure));
    }
    for (key, code) in xml::delete_errors(&body) {
        observe::record_delete_code(key, code);
    }
    let body = HttpResponseBody::from(xml::hide_error_words(body));
    Ok(HttpResponse::from_parts(head, body))
}

/// The three requests of S3's whose success may be a failure: copy, complete, bulk delete.
fn may_hide_an_error(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| {
        query.split('&').any(|pair| {
            let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
            key == name
        })
    };
    match *request.method() {
        Method::PUT => request.headers().contains_key("x-amz-copy-source"),
        Method::POST => has("uploadId") || has("delete"),
        _ => false,
    }
}

fn upload_time(bytes: usize) -> Duration {
    Duration::from_secs(u64::try_from(bytes / SLOWEST_UPLOAD).unwrap_or(u64::MAX))
}

fn now() -> SystemTime {
    SystemTime::now()
}

/// As long as object_store's own timeout.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes a second below which an upload is taken to be stuck: a bad mobile link.
const SLOWEST_UPLOAD: usize = 64 * 1024;
