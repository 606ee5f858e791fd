//! What S3 asks of its clients, and object_store leaves to the HTTP client: to follow a temporary
//! redirect with a signature for the new place, and to find out what a failed HEAD does not say.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderValue, Method, StatusCode};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, Result};

use super::redirect::Bucket;
use crate::verify::Unchecked;

/// Makes S3's clients of another connector's.
#[derive(Debug)]
pub(crate) struct S3Connector<C> {
    inner: C,
    bucket: Bucket,
    credentials: AwsCredentialProvider,
}

impl<C> S3Connector<C> {
    pub(crate) const fn new(inner: C, bucket: String, credentials: AwsCredentialProvider) -> Self {
        Self {
            inner,
            bucket: Bucket(bucket),
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
    bucket: Bucket,
    credentials: AwsCredentialProvider,
}

#[async_trait]
impl HttpService for S3Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut request = self.asking_for_checksum(request).await;
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
        let Some(target) =
            location.and_then(|location| self.bucket.target(request.uri(), location))
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

    /// S3 says the checksum of an object only to those who ask for it, by a header that has to be
    /// signed. object_store has no place for it in a single request.
    async fn asking_for_checksum(&self, request: HttpRequest) -> HttpRequest {
        let is_asked_for = gets_whole_object(&request)
            && request.extensions().get::<Unchecked>().is_none()
            && !request.headers().contains_key(CHECKSUM_MODE);
        if !is_asked_for {
            return request;
        }
        let mut asking = request.clone();
        let enabled = HeaderValue::from_static("ENABLED");
        asking.headers_mut().insert(CHECKSUM_MODE, enabled);
        match self.sign(&mut asking, None).await {
            Ok(true) => asking,
            Ok(false) | Err(_) => request,
        }
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
        // S3 Express signs with the keys of a session, which only object_store has.
        if request.headers().contains_key(SESSION_TOKEN) {
            return Ok(false);
        }
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

/// Whether this is the GET of an object that is not for a part of it. Lists have a query of their own.
fn gets_whole_object(request: &HttpRequest) -> bool {
    let query = request.uri().query();
    request.method() == Method::GET
        && !request.headers().contains_key(RANGE)
        && query.is_none_or(|query| query.starts_with("versionId=") && !query.contains('&'))
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

const CHECKSUM_MODE: &str = "x-amz-checksum-mode";

const SESSION_TOKEN: &str = "x-amz-s3session-token";

const FIRST_BYTE: HeaderValue = HeaderValue::from_static("bytes=0-0");

/// One is what S3 needs; a second one in case that the place moves meanwhile.
const MOST_REDIRECTS: usize = 2;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use object_store::StaticCredentialProvider;
    use object_store::aws::AwsCredential;

    use super::*;

    /// A service that takes down the headers of its requests.
    #[derive(Clone, Debug, Default)]
    struct Headers(Arc<Mutex<Vec<http::HeaderMap>>>);

    #[async_trait]
    impl HttpService for Headers {
        async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
            self.0.lock().unwrap().push(request.headers().clone());
            Ok(HttpResponse::new(HttpResponseBody::from(Bytes::new())))
        }
    }

    fn keys(token: Option<&str>) -> AwsCredential {
        AwsCredential {
            key_id: "OWN".to_owned(),
            secret_key: "secret".to_owned(),
            token: token.map(ToOwned::to_owned),
        }
    }

    /// What is sent for a GET with these headers, which are signed with the keys of their sender.
    async fn sent(
        query: &str,
        is_signed: bool,
        headers: &[(&'static str, &str)],
    ) -> http::HeaderMap {
        let seen = Headers::default();
        let client = S3Client {
            inner: HttpClient::new(seen.clone()),
            bucket: Bucket("bucket".to_owned()),
            credentials: Arc::new(StaticCredentialProvider::new(keys(Some("new")))),
        };
        let mut request = HttpRequest::new(Bytes::new().into());
        *request.uri_mut() = format!("https://s3.example/bucket/k{query}")
            .parse()
            .unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        if is_signed {
            let keys = AwsCredential {
                key_id: "SENDER".to_owned(),
                ..keys(None)
            };
            AwsAuthorizer::new(&keys, "s3", "eu-west-1")
                .try_authorize(&mut request, None)
                .unwrap();
        }
        client.call(request).await.unwrap();
        seen.0.lock().unwrap().remove(0)
    }

    fn text<'h>(headers: &'h http::HeaderMap, name: &str) -> &'h str {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn whole_objects_are_asked_for_with_their_checksum_and_a_signature_for_it() {
        for query in ["", "?versionId=v"] {
            let old_token = ("x-amz-security-token", "old");
            let payer = ("x-amz-request-payer", "requester");
            let headers = sent(query, true, &[old_token, payer]).await;
            assert_eq!(text(&headers, CHECKSUM_MODE), "ENABLED");
            assert_eq!(text(&headers, "x-amz-security-token"), "new");
            // Its payload, which is empty, is signed as before.
            assert!(text(&headers, "x-amz-content-sha256").starts_with("e3b0c44298fc1c14"));
            let authorization = text(&headers, "authorization");
            assert!(authorization.contains("Credential=OWN/"), "{authorization}");
            for signed in [
                "x-amz-checksum-mode",
                "x-amz-request-payer",
                "x-amz-security-token",
            ] {
                assert!(authorization.contains(signed), "{authorization}");
            }
        }
        // Without a signature there is nothing to sign anew.
        let anonymous = sent("", false, &[]).await;
        assert_eq!(text(&anonymous, CHECKSUM_MODE), "ENABLED");
        assert!(!anonymous.contains_key(AUTHORIZATION));
    }

    #[tokio::test]
    async fn what_cannot_be_signed_here_is_sent_as_it_is() {
        for (query, headers) in [
            // S3 Express: the keys of the session are not those of the store.
            ("", &[(SESSION_TOKEN, "session")][..]),
            ("", &[("range", "bytes=0-0")]),
            ("?list-type=2", &[]),
            ("?partNumber=1", &[]),
            ("?versionId=v&X-Amz-Signature=s", &[]),
        ] {
            let headers = sent(query, true, headers).await;
            assert!(!headers.contains_key(CHECKSUM_MODE), "{query}");
            let authorization = text(&headers, "authorization");
            assert!(authorization.contains("Credential=SENDER/"), "{query}");
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
