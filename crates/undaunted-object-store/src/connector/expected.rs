//! What a request expects of the response that says it succeeded.
//!
//! A 200 may come from something else that listens at the endpoint: a web console, a captive
//! portal, a proxy that cut the body. object_store would take an HTML page for an object or for
//! an empty list, so the response has to show that it is the service's.

use bytes::Bytes;
use http::{HeaderMap, Method};
use object_store::client::HttpRequest;

/// The kind of service that an [`HttpConnector`](object_store::client::HttpConnector) talks to.
///
/// Responses of the three clouds have to show that they are the service's. A web server may send
/// anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// S3, and services that speak its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
    /// A web server or WebDAV.
    Web,
}

/// What the response to a request has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// XML with this root element.
    Document(&'static str),
    /// A page of a list: XML with this root element, whose keys are looked through.
    List(&'static str),
    /// The responses to the requests that a batch of Azure's holds.
    Batch,
    /// An object or what is known about it: it has an ETag or a header of the service's own.
    Object,
    /// What was written has an ETag.
    Written,
    /// Nothing that the client reads. It must not be a web page all the same.
    NoContent,
    /// The service is not known, or may send anything.
    Anything,
}

impl Expected {
    /// What `request` expects. Without a service, what the request itself shows decides.
    pub(super) fn of(service: Option<Service>, request: &HttpRequest) -> Self {
        let query = Query(request.uri().query().unwrap_or_default());
        match service.or_else(|| shown_by(request, &query)) {
            Some(Service::S3) => of_s3("x-amz-copy-source", request, &query),
            Some(Service::Google) => of_s3("x-goog-copy-source", request, &query),
            Some(Service::Azure) => of_azure(request, &query),
            Some(Service::Web) | None => Self::Anything,
        }
    }

    /// What a bulk delete of S3's expects.
    pub(super) const DELETIONS: Self = Self::Document("DeleteResult");
}

/// Whether a response has a header that only a storage service sends.
///
/// Some S3-compatible services leave out the ETag of objects that they did not write
/// themselves, and object_store does without it.
pub(super) fn has_header_of_service(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        SERVICE_HEADERS.iter().any(|start| name.starts_with(start))
    })
}

/// The body of a request that object_store wrote in one piece.
pub(super) fn body_of(request: &HttpRequest) -> &[u8] {
    request
        .body()
        .as_bytes()
        .map(Bytes::as_ref)
        .unwrap_or_default()
}

fn shown_by(request: &HttpRequest, query: &Query<'_>) -> Option<Service> {
    let headers = request.headers();
    let has_prefix = |prefix: &str| headers.keys().any(|name| name.as_str().starts_with(prefix));
    if headers.contains_key("x-ms-version") {
        Some(Service::Azure)
    } else if has_prefix("x-goog-") {
        Some(Service::Google)
    } else if has_prefix("x-amz-") || query.get("list-type").is_some() {
        Some(Service::S3)
    } else {
        None
    }
}

/// Google's XML interface is S3's in all that object_store uses of it.
fn of_s3(copy_source: &str, request: &HttpRequest, query: &Query<'_>) -> Expected {
    let is_part = query.get("partNumber").is_some();
    match *request.method() {
        Method::GET if query.get("list-type").is_some() => Expected::List("ListBucketResult"),
        Method::GET if query.get("session").is_some() => Expected::Document("CreateSessionResult"),
        Method::GET | Method::HEAD if query.is_of_object() => Expected::Object,
        Method::POST if query.get("uploads").is_some() => {
            Expected::Document("InitiateMultipartUploadResult")
        }
        Method::POST if query.get("uploadId").is_some() => Expected::Document(COMPLETION),
        Method::POST if query.get("delete").is_some() => Expected::DELETIONS,
        Method::PUT if request.headers().contains_key(copy_source) => {
            Expected::Document(if is_part {
                "CopyPartResult"
            } else {
                "CopyObjectResult"
            })
        }
        Method::PUT if is_part || query.is_of_object() => Expected::Written,
        Method::DELETE => Expected::NoContent,
        // Such as Google's signing of a text, which is another service.
        _ => Expected::Anything,
    }
}

fn of_azure(request: &HttpRequest, query: &Query<'_>) -> Expected {
    match (request.method().as_str(), query.get("comp")) {
        ("GET", Some("list")) => Expected::List("EnumerationResults"),
        ("GET" | "HEAD", None) => Expected::Object,
        ("PUT", None | Some("blocklist")) => Expected::Written,
        ("POST", Some("batch")) => Expected::Batch,
        ("POST", Some("userdelegationkey")) => Expected::Document("UserDelegationKey"),
        ("PUT", Some("block")) | ("DELETE", None) => Expected::NoContent,
        _ => Expected::Anything,
    }
}

/// The query of a request's URL.
struct Query<'r>(&'r str);

impl<'r> Query<'r> {
    fn get(&self, name: &str) -> Option<&'r str> {
        self.0.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    /// Whether the request is for an object and not for something that is known about it: a
    /// query may choose a version or carry a signature.
    fn is_of_object(&self) -> bool {
        SUBRESOURCES.iter().all(|name| self.get(name).is_none())
    }
}

/// The root of the response to a completed upload, which has to have the object's ETag.
pub(super) const COMPLETION: &str = "CompleteMultipartUploadResult";

/// Of AWS, Google (its upload servers too), Azure, MinIO, Ceph and Swift.
const SERVICE_HEADERS: [&str; 7] = [
    "x-amz-",
    "x-goog-",
    "x-guploader-",
    "x-ms-",
    "x-minio-",
    "x-rgw-",
    "x-trans-id",
];

/// What S3 and Google know about an object beside its content.
const SUBRESOURCES: [&str; 6] = [
    "acl",
    "attributes",
    "retention",
    "session",
    "tagging",
    "torrent",
];

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;

    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&'static str, &'static str)]) -> HttpRequest {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(HttpRequestBody::empty()).unwrap()
    }

    #[test]
    fn every_request_of_s3_expects_its_own_response() {
        let copy = [("x-amz-copy-source", "b/k")];
        let cases: [(&str, &str, &[_], Expected); 16] = [
            (
                "GET",
                "http://h/b?list-type=2&prefix=t/",
                &[],
                Expected::List("ListBucketResult"),
            ),
            ("GET", "http://h/b/k", &[], Expected::Object),
            ("HEAD", "http://h/b/k", &[], Expected::Object),
            ("GET", "http://h/b/k?versionId=1", &[], Expected::Object),
            ("GET", "http://h/b/k?tagging", &[], Expected::Anything),
            (
                "GET",
                "http://h/?session",
                &[],
                Expected::Document("CreateSessionResult"),
            ),
            ("PUT", "http://h/b/k", &[], Expected::Written),
            (
                "PUT",
                "http://h/b/k",
                &copy,
                Expected::Document("CopyObjectResult"),
            ),
            (
                "PUT",
                "http://h/b/k?partNumber=1&uploadId=u",
                &[],
                Expected::Written,
            ),
            (
                "PUT",
                "http://h/b/k?partNumber=1&uploadId=u",
                &copy,
                Expected::Document("CopyPartResult"),
            ),
            (
                "POST",
                "http://h/b/k?uploads=",
                &[],
                Expected::Document("InitiateMultipartUploadResult"),
            ),
            (
                "POST",
                "http://h/b/k?uploadId=u",
                &[],
                Expected::Document(COMPLETION),
            ),
            (
                "POST",
                "http://h/b?delete",
                &[],
                Expected::Document("DeleteResult"),
            ),
            ("POST", "http://h/b/k?restore", &[], Expected::Anything),
            ("PUT", "http://h/b/k?tagging", &[], Expected::Anything),
            (
                "DELETE",
                "http://h/b/k?uploadId=u",
                &[],
                Expected::NoContent,
            ),
        ];
        for (method, uri, headers, expected) in cases {
            let request = request(method, uri, headers);
            assert_eq!(
                Expected::of(Some(Service::S3), &request),
                expected,
                "{method} {uri}"
            );
        }
    }

    #[test]
    fn every_request_of_azure_expects_its_own_response() {
        let cases = [
            (
                "GET",
                "http://h/c?restype=container&comp=list",
                Expected::List("EnumerationResults"),
            ),
            ("GET", "http://h/c/b?sig=s", Expected::Object),
            ("HEAD", "http://h/c/b", Expected::Object),
            ("PUT", "http://h/c/b", Expected::Written),
            (
                "PUT",
                "http://h/c/b?comp=block&blockid=1",
                Expected::NoContent,
            ),
            ("PUT", "http://h/c/b?comp=blocklist", Expected::Written),
            (
                "POST",
                "http://h/c?restype=container&comp=batch",
                Expected::Batch,
            ),
            (
                "POST",
                "http://h/?restype=service&comp=userdelegationkey",
                Expected::Document("UserDelegationKey"),
            ),
            ("DELETE", "http://h/c/b", Expected::NoContent),
            ("GET", "http://h/c/b?comp=tags", Expected::Anything),
        ];
        for (method, uri, expected) in cases {
            let request = request(method, uri, &[("x-ms-version", "2023-11-03")]);
            assert_eq!(Expected::of(None, &request), expected, "{method} {uri}");
        }
    }

    #[test]
    fn a_service_that_nobody_named_is_known_by_its_requests_or_not_at_all() {
        let signed = request("GET", "http://h/b/k", &[("x-amz-date", "20261126T000000Z")]);
        assert_eq!(Expected::of(None, &signed), Expected::Object);
        let plain = request("GET", "http://h/b/k", &[]);
        assert_eq!(Expected::of(None, &plain), Expected::Anything);
        assert_eq!(
            Expected::of(Some(Service::Web), &signed),
            Expected::Anything
        );
        let copy = request("PUT", "http://h/b/k", &[("x-goog-copy-source", "b/j")]);
        assert_eq!(
            Expected::of(None, &copy),
            Expected::Document("CopyObjectResult")
        );
    }
}
