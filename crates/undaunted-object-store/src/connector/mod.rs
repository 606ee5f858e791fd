//! The connector: makes a service's responses readable for the layers above.

mod batch;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
pub(crate) mod client;
mod connections;
mod document;
mod expected;
#[cfg(feature = "_fuzz")]
pub(crate) mod fuzz;
mod listing;
mod measured;
mod page;
mod ranges;
#[cfg(feature = "aws")]
mod redirect;
mod response;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
pub(crate) mod runtime;
#[cfg(feature = "aws")]
pub(crate) mod s3;
#[cfg(feature = "aws")]
pub(crate) mod source;
mod success;
#[cfg(feature = "_client")]
mod transport;
#[cfg(not(feature = "_client"))]
#[path = "no_transport.rs"]
mod transport;
mod upload_hash;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Method, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpResponse, HttpResponseBody, HttpService,
};

use crate::evidence::{has_code_of_change, has_stale_code};
use crate::observe;
use crate::verify::{ETagIsNoMd5, StoredCrc, StoredMd5};

use connections::Connections;
pub use expected::Service;
pub use page::UnexpectedResponse;
use ranges::Asked;
pub use ranges::RangeSupport;
use success::Check;
use transport::Proxy;

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
    inner: Arc<C>,
    service: Option<Service>,
    head_timeout: Duration,
}

impl<C: HttpConnector> RetryConnector<C> {
    /// Makes the responses of `inner`'s clients readable.
    pub fn new(inner: C) -> Self {
        Self {
            inner: Arc::new(inner),
            service: None,
            head_timeout: HEAD_TIMEOUT,
        }
    }

    /// The service that is talked to. Default: what the single request shows, which leaves out
    /// requests without a signature.
    #[must_use]
    pub const fn service(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
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
        let mut options = options.clone().with_timeout_disabled();
        let idle = options.get_config_value(&ClientConfigKey::PoolIdleTimeout);
        if idle.is_none() {
            options = options.with_pool_idle_timeout(IDLE_TIMEOUT);
        }
        Ok(HttpClient::new(CheckedClient {
            proxy: Proxy::of(&options),
            connections: Connections::open(Arc::clone(&self.inner), options)?,
            service: self.service,
            head_timeout: self.head_timeout,
        }))
    }
}

/// A client whose responses are checked.
struct CheckedClient<C> {
    proxy: Proxy,
    connections: Connections<C>,
    service: Option<Service>,
    head_timeout: Duration,
}

#[async_trait]
impl<C: HttpConnector> HttpService for CheckedClient<C> {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if matches!(self.service, Some(Service::Google)) {
            upload_hash::add_for_google(&mut request);
        }
        let check = Check::of(self.service, &request);
        let secrets = Secrets::of(&request);
        let asked = Asked::of(&request);
        let is_get = request.method() == Method::GET;
        let limit = self.head_timeout + upload_time(request.body().content_length());
        let response = self.connections.send(request, limit).await;
        let response = response.map_err(|error| self.proxy.named_in(error, &secrets.url))?;
        let response = transport::with_sorted_body(response);
        let status = response.status();
        if !status.is_success() {
            return failed(response, &secrets).await;
        }
        let response = check.pass(response).await?;
        let response = if is_get {
            response::with_length(with_what_is_stored(response, self.service))?
        } else {
            response
        };
        Ok(asked.cut(response))
    }
}

impl<C> fmt::Debug for CheckedClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedClient").finish_non_exhaustive()
    }
}

/// Notes what a response says of the object as it is stored: its CRC or MD5, and whether its ETag may be
/// an MD5. S3 makes the ETag of an object that is encrypted with a customer's key of something else
/// than its content.
fn with_what_is_stored(mut response: HttpResponse, service: Option<Service>) -> HttpResponse {
    if let Some(crc) = StoredCrc::said_in(response.status(), response.headers()) {
        response.extensions_mut().insert(crc);
    } else if service == Some(Service::Azure) {
        if let Some(md5) = StoredMd5::said_in(response.status(), response.headers()) {
            response.extensions_mut().insert(md5);
        }
    }
    let headers = response.headers();
    let has_key_service = headers
        .get("x-amz-server-side-encryption")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"aws:"));
    if has_key_service || headers.contains_key("x-amz-server-side-encryption-customer-algorithm") {
        response.extensions_mut().insert(ETagIsNoMd5);
    }
    response
}

/// A failure that may be retried, or that object_store has no word for, becomes an error; any
/// other passes as it came.
async fn failed(response: HttpResponse, secrets: &Secrets) -> Result<HttpResponse, HttpError> {
    let status = response.status();
    if status.is_informational() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    // A body that breaks takes nothing away from what the status says.
    let body = body.bytes().await.unwrap_or_default();
    let failure = response::failure(head.status, &head.headers, &body);
    let is_of_no_variant = status.is_server_error() || status.is_redirection();
    if failure.verdict().is_retryable()
        || has_stale_code(&failure)
        || has_code_of_change(&failure)
        || is_of_no_variant
        || failure.region().is_some()
    {
        // `Unknown` is the kind that object_store never retries by itself.
        return Err(HttpError::new(HttpErrorKind::Unknown, failure));
    }
    observe::record_response(&failure);
    let shown = secrets.taken_out_of(&page::error_text(&body));
    Ok(HttpResponse::from_parts(
        head,
        HttpResponseBody::from(shown),
    ))
}

/// What a request has that must not be in the text of an error, should the service repeat it.
/// It is looked into only after a failure, so nothing is copied for a success.
struct Secrets {
    headers: [Option<HeaderValue>; SECRET_HEADERS.len()],
    url: Uri,
}

impl Secrets {
    fn of(request: &HttpRequest) -> Self {
        Self {
            headers: SECRET_HEADERS.map(|name| request.headers().get(name).cloned()),
            url: request.uri().clone(),
        }
    }

    fn taken_out_of(&self, text: &str) -> String {
        let headers = self.headers.iter().flatten();
        let of_headers = headers.filter_map(|value| value.to_str().ok());
        let query = self.url.query().unwrap_or_default();
        let of_query = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            SECRET_PARAMETERS.contains(&name).then_some(value)
        });
        let secrets = of_headers.chain(of_query);
        secrets
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

fn upload_time(bytes: usize) -> Duration {
    Duration::from_secs(u64::try_from(bytes / SLOWEST_UPLOAD).unwrap_or(u64::MAX))
}

const SECRET_HEADERS: [&str; 3] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
];

const SECRET_PARAMETERS: [&str; 3] = ["sig", "X-Amz-Security-Token", "X-Amz-Signature"];

/// As long as object_store's own timeout.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// As long as the three clouds keep an idle connection at least; S3 is the shortest. A connection
/// that something between has dropped says nothing, and costs the whole of the head timeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes a second below which an upload is taken to be stuck: a bad mobile link.
const SLOWEST_UPLOAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_a_request_must_not_tell_is_taken_out_of_the_text_of_an_error() {
        let mut request = HttpRequest::new(Bytes::new().into());
        *request.uri_mut() = "https://host/key?sig=SIGNED&comp=list&X-Amz-Signature="
            .parse()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", HeaderValue::from_static("Bearer SECRET"));
        headers.insert("x-amz-security-token", HeaderValue::from_static(""));
        let secrets = Secrets::of(&request);
        assert_eq!(
            secrets.taken_out_of("the list of Bearer SECRET with SIGNED failed"),
            "the list of … with … failed"
        );
    }

    #[test]
    fn a_second_is_added_for_every_64_kib_of_an_upload() {
        for (bytes, seconds) in [(0, 0), (65_535, 0), (65_536, 1), (655_360, 10)] {
            assert_eq!(upload_time(bytes), Duration::from_secs(seconds), "{bytes}");
        }
    }

    /// The response to a request that has failed, if that is passed on.
    async fn passed(status: u16) -> Option<u16> {
        let mut response = HttpResponse::new(HttpResponseBody::from(Bytes::new()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let secrets = Secrets::of(&HttpRequest::new(Bytes::new().into()));
        let response = failed(response, &secrets).await.ok()?;
        Some(response.status().as_u16())
    }

    #[tokio::test]
    async fn a_status_that_object_store_has_a_word_for_is_passed_on_and_no_other() {
        for status in [101, 304, 400, 401, 403, 404, 409, 412, 416] {
            assert_eq!(passed(status).await, Some(status));
        }
        for status in [301, 307, 408, 429, 500, 501, 503, 507] {
            assert_eq!(passed(status).await, None, "{status}");
        }
    }
}
