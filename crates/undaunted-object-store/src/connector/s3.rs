//! What S3 asks of its clients, and object_store leaves to the HTTP client: to follow a temporary
//! redirect with a signature for the new place, and to find out what a failed HEAD does not say.

use std::fmt;
use std::net::Ipv4Addr;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderValue, Method, StatusCode, Uri};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, Result};
use url::Url;

/// Makes S3's clients of another connector's.
#[derive(Debug)]
pub(crate) struct S3Connector<C> {
    inner: C,
    bucket: String,
    credentials: AwsCredentialProvider,
}

impl<C> S3Connector<C> {
    pub(crate) const fn new(inner: C, bucket: String, credentials: AwsCredentialProvider) -> Self {
        Self {
            inner,
            bucket,
            credentials,
        }
    }
}

impl<C: HttpConnector> HttpConnector for S3Connector<C> {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(S3Client {
            inner: self.inner.connect(options)?,
            bucket: self.bucket.clone(),
            credentials: self.credentials.clone(),
        }))
    }
}

struct S3Client {
    inner: HttpClient,
    bucket: String,
    credentials: AwsCredentialProvider,
}

#[async_trait]
impl HttpService for S3Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut request = request;
        let mut response = self.inner.execute(request.clone()).await?;
        for _ in 0..MOST_REDIRECTS {
            if !self.redirect(&mut request, &response).await? {
                break;
            }
            response = self.inner.execute(request.clone()).await?;
        }
        let says_nothing = matches!(
            response.status(),
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN
        );
        if says_nothing && request.method() == Method::HEAD {
            return self.ask_for_code(request, response).await;
        }
        Ok(response)
    }
}

impl S3Client {
    /// Turns the request to where the response says that the bucket is for now. Returns whether
    /// it says so.
    async fn redirect(
        &self,
        request: &mut HttpRequest,
        response: &HttpResponse,
    ) -> Result<bool, HttpError> {
        if response.status() != StatusCode::TEMPORARY_REDIRECT {
            return Ok(false);
        }
        let location = response.headers().get(LOCATION);
        let Some(target) = location.and_then(|location| self.target(request.uri(), location))
        else {
            return Ok(false);
        };
        let region = response.headers().get("x-amz-bucket-region");
        let region = region.and_then(|region| region.to_str().ok());
        let mut redirected = request.clone();
        *redirected.uri_mut() = target;
        if !self.sign(&mut redirected, region).await? {
            return Ok(false);
        }
        *request = redirected;
        Ok(true)
    }

    /// Where a `Location` leads, if that is to the same object of the same bucket.
    ///
    /// Whoever answers in place of S3 could send a client anywhere, and what it would send there
    /// are the session token and the content.
    fn target(&self, from: &Uri, location: &HeaderValue) -> Option<Uri> {
        let from = Url::parse(&from.to_string()).ok()?;
        let mut to = from.join(location.to_str().ok()?).ok()?;
        let is_as_safe = to.scheme() == "https" || to.scheme() == from.scheme();
        if !is_as_safe || !to.username().is_empty() || to.password().is_some() {
            return None;
        }
        if !self.is_same_operator(from.host_str()?, to.host_str()?) {
            return None;
        }
        let asked = self.key(&from).unwrap_or_else(|| from.path());
        if !is_same_key(asked, self.key(&to)?) {
            return None;
        }
        to.set_fragment(None);
        // S3 adds a parameter of its own to the query.
        let said: Vec<_> = to.query_pairs().into_owned().collect();
        for (name, value) in from.query_pairs() {
            if !said.iter().any(|(said, _)| *said == name) {
                to.query_pairs_mut().append_pair(&name, &value);
            }
        }
        to.as_str().parse().ok()
    }

    /// Whether two hosts belong to one operator, as far as their names show: the same host, two of
    /// Amazon's, or two of one domain.
    fn is_same_operator(&self, from: &str, to: &str) -> bool {
        let endpoint = |host: &str| {
            let prefix = format!("{}.", self.bucket);
            host.strip_prefix(&prefix).unwrap_or(host).to_owned()
        };
        let (from, to) = (endpoint(from), endpoint(to));
        let is_loopback = |host: &str| LOOPBACK.contains(&host);
        let is_of_domain = |domain: &str| {
            domain.contains('.')
                && domain.parse::<Ipv4Addr>().is_err()
                && to
                    .strip_suffix(domain)
                    .is_some_and(|rest| rest.ends_with('.'))
        };
        from == to
            || (is_loopback(&from) && is_loopback(&to))
            || AMAZON
                .iter()
                .any(|domain| from.ends_with(domain) && to.ends_with(domain))
            || (from.parse::<Ipv4Addr>().is_err()
                && from
                    .split_once('.')
                    .is_some_and(|(_, domain)| is_of_domain(domain)))
    }

    /// The key within the bucket that a URL is for, as the URL writes it; nothing if it is for
    /// another bucket.
    fn key<'u>(&self, url: &'u Url) -> Option<&'u str> {
        let host = url.host_str()?.strip_prefix(self.bucket.as_str());
        if host.is_some_and(|rest| rest.starts_with('.')) {
            return Some(url.path());
        }
        let key = url.path().strip_prefix('/')?.strip_prefix(&self.bucket)?;
        (key.is_empty() || key.starts_with('/')).then_some(key)
    }

    /// Signs a request anew that was signed, if this signature is one that can be made here.
    async fn sign(
        &self,
        request: &mut HttpRequest,
        region: Option<&str>,
    ) -> Result<bool, HttpError> {
        let Some(authorization) = request.headers().get(AUTHORIZATION) else {
            return Ok(true);
        };
        let scope = authorization.to_str().ok().and_then(Scope::of);
        let Some(scope) = scope.filter(|scope| scope.service == "s3") else {
            return Ok(false);
        };
        let region = region.unwrap_or(&scope.region).to_owned();
        let hash = request.headers().get("x-amz-content-sha256");
        let hash = hash.map(|hash| hash.as_bytes().to_owned());
        let digest = hash.as_deref().and_then(digest);
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(unsigned)?;
        request.headers_mut().remove("x-amz-security-token");
        AwsAuthorizer::new(&credential, "s3", &region)
            .with_sign_payload(hash.as_deref() != Some(b"UNSIGNED-PAYLOAD"))
            .try_authorize(request, digest.as_deref())
            .map_err(unsigned)?;
        Ok(true)
    }

    /// A HEAD's failure has no body, and so no code: a GET of one byte has. Should that succeed,
    /// the HEAD has its response.
    async fn ask_for_code(
        &self,
        head: HttpRequest,
        failed: HttpResponse,
    ) -> Result<HttpResponse, HttpError> {
        if head.headers().contains_key(RANGE) {
            return Ok(failed);
        }
        let mut get = head;
        *get.method_mut() = Method::GET;
        get.headers_mut().insert(RANGE, FIRST_BYTE);
        let Some(mut got) = self.resend(&mut get).await else {
            return Ok(failed);
        };
        if got.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // An empty object has no first byte.
            get.headers_mut().remove(RANGE);
            match self.resend(&mut get).await {
                Some(whole) => got = whole,
                None => return Ok(failed),
            }
        }
        Ok(if got.status().is_success() {
            without_body(got)
        } else {
            got
        })
    }

    async fn resend(&self, request: &mut HttpRequest) -> Option<HttpResponse> {
        match self.sign(request, None).await {
            Ok(true) => self.inner.execute(request.clone()).await.ok(),
            _ => None,
        }
    }
}

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client").finish_non_exhaustive()
    }
}

/// What a signature of version 4 is for.
struct Scope {
    region: String,
    service: String,
}

impl Scope {
    /// Reads `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, ...`.
    fn of(authorization: &str) -> Option<Self> {
        let credential = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=")?;
        let mut parts = credential.split(',').next()?.rsplit('/');
        let (_, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

/// The response to the HEAD of an object, made of that to a GET.
fn without_body(response: HttpResponse) -> HttpResponse {
    let (mut head, _) = response.into_parts();
    let length = head.headers.remove(CONTENT_RANGE);
    let length = length.and_then(|range| {
        let (_, length) = range.to_str().ok()?.split_once('/')?;
        HeaderValue::from_str(length).ok()
    });
    if let Some(length) = length {
        head.headers.insert(CONTENT_LENGTH, length);
    }
    head.status = StatusCode::OK;
    HttpResponse::from_parts(head, HttpResponseBody::from(Bytes::new()))
}

/// Whether two URLs write the same key, perhaps with other characters escaped.
fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| Path::from_url_path(text.trim_start_matches('/'));
    one.trim_start_matches('/') == other.trim_start_matches('/')
        || matches!((key(one), key(other)), (Ok(one), Ok(other)) if one == other)
}

/// The bytes that a header writes as hexadecimal digits.
fn digest(hash: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    hash.chunks(2).map(byte).collect()
}

fn unsigned(error: object_store::Error) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

const FIRST_BYTE: HeaderValue = HeaderValue::from_static("bytes=0-0");

/// One is what S3 needs; a second one in case that the place moves meanwhile.
const MOST_REDIRECTS: usize = 2;

const AMAZON: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::StaticCredentialProvider;
    use object_store::aws::AwsCredential;
    use object_store::client::ReqwestConnector;

    use super::*;

    fn client() -> S3Client {
        let credential = AwsCredential {
            key_id: String::new(),
            secret_key: String::new(),
            token: None,
        };
        let connector = ReqwestConnector::default();
        S3Client {
            inner: connector.connect(&ClientOptions::new()).unwrap(),
            bucket: "bucket".to_owned(),
            credentials: Arc::new(StaticCredentialProvider::new(credential)),
        }
    }

    fn target(from: &str, to: &str) -> Option<String> {
        let location = HeaderValue::from_str(to).unwrap();
        let target = client().target(&from.parse().unwrap(), &location)?;
        Some(target.to_string())
    }

    #[test]
    fn the_same_object_is_followed_from_and_to_either_style_of_address() {
        let path_style = "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c";
        let host_style = "https://bucket.s3.us-east-1.amazonaws.com/a/b%20c";
        let elsewhere = [
            "https://bucket.s3-gztb4pa9sq.amazonaws.com/a/b%20c?rk=e2c69a31",
            "https://s3.eu-west-1.amazonaws.com/bucket/a/b%20c",
        ];
        for from in [path_style, host_style] {
            for to in elsewhere {
                assert_eq!(target(from, to).as_deref(), Some(to));
            }
        }
        // With the endpoint of a bucket, whatever its name is.
        assert!(target("https://files.example/k", elsewhere[1]).is_none());
        assert!(
            target(
                "https://files.store.example/k",
                "https://bucket.s3.store.example/k"
            )
            .is_some()
        );
        // Nobody else gets the session token and the content.
        for elsewhere in [
            "https://bucket.s3.example/k",
            "https://127.0.0.2/bucket/k",
            "https://evil.example/bucket/k",
        ] {
            assert!(
                target("https://files.store.example/bucket/k", elsewhere).is_none(),
                "{elsewhere}"
            );
            assert!(
                target("https://127.0.0.1/bucket/k", elsewhere).is_none(),
                "{elsewhere}"
            );
        }
        assert!(target("http://127.0.0.1:1/bucket/k", "http://localhost:2/bucket/k").is_some());
    }

    #[test]
    fn the_query_of_the_request_stays_and_that_of_the_location_is_added() {
        let from = "http://h/bucket/k?partNumber=1&uploadId=u";
        assert_eq!(
            target(from, "http://bucket.h/k?rk=1&uploadId=u").as_deref(),
            Some("http://bucket.h/k?rk=1&uploadId=u&partNumber=1")
        );
    }

    #[test]
    fn nothing_else_is_followed() {
        let from = "https://s3.us-east-1.amazonaws.com/bucket/k";
        for to in [
            "http://bucket.s3.eu-west-1.amazonaws.com/k",
            "https://other.s3.eu-west-1.amazonaws.com/k",
            "https://s3.eu-west-1.amazonaws.com/buckets/k",
            "https://s3.eu-west-1.amazonaws.com/bucket/kk",
            "https://user@bucket.s3.eu-west-1.amazonaws.com/k",
            "https://bucket/k",
            "/k",
        ] {
            assert_eq!(target(from, to), None, "{to}");
        }
    }

    #[test]
    fn the_scope_of_a_signature_is_read() {
        let scope = Scope::of(
            "AWS4-HMAC-SHA256 Credential=A/K/20261126/eu-west-1/s3/aws4_request, SignedHeaders=host",
        );
        let scope = scope.unwrap();
        assert_eq!((&*scope.region, &*scope.service), ("eu-west-1", "s3"));
        assert!(Scope::of("Bearer token").is_none());
        assert_eq!(digest(b"00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(digest(b"UNSIGNED-PAYLOAD"), None);
    }
}
