//! What all responses of S3 have in common, whoever made them.

use std::fmt::Write;

use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use s3s::Body;

use super::document::{between, with_references};

/// Adds what `s3s` leaves out to a response that was made here. That of an upstream has it.
pub(super) fn finished(mut response: Response<Body>, id: &str, is_head: bool) -> Response<Body> {
    if response.headers().contains_key(REQUEST_ID) {
        return response;
    }
    for (name, value) in [(REQUEST_ID, id), (SECOND_ID, id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    let is_part = response.headers().contains_key(CONTENT_RANGE);
    if is_head && is_part && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let is_xml = kind.is_some_and(|kind| kind.as_bytes() == b"application/xml");
    // An object that is XML comes as a stream, and a document has a declaration.
    let document = response.body().bytes().filter(|_| is_xml);
    let Some(document) = document.filter(|document| document.starts_with(DECLARATION)) else {
        return response;
    };
    let document = with_references(&document);
    let document = match document.strip_suffix(END) {
        Some(error) => explained(&response, error, id),
        None => document.to_vec(),
    };
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(document);
    response
}

/// The document of an error, with all its elements.
fn explained(response: &Response<Body>, error: &[u8], id: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(error);
    let mut document = text.to_string();
    let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
    let known = MESSAGES.iter().find(|(known, _)| *known == code);
    // Writing into a string does not fail.
    let mut element = |name: &str, text: &str| {
        let _ = write!(document, "<{name}>{text}</{name}>");
    };
    if let Some((_, message)) = known.filter(|_| !text.contains("<Message>")) {
        element("Message", message);
    }
    let range = response.headers().get(CONTENT_RANGE);
    let size = range.and_then(|range| range.to_str().ok()?.strip_prefix("bytes */"));
    if let Some(size) = size {
        element("ActualObjectSize", size);
    }
    element("RequestId", id);
    element("HostId", id);
    document.push_str("</Error>");
    document.into_bytes()
}

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const SECOND_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const DECLARATION: &[u8] = b"<?xml";
const END: &[u8] = b"</Error>";
/// What S3 says where `s3s` says only the code.
const MESSAGES: [(&str, &str); 10] = [
    (
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    ),
    ("InvalidBucketName", "The specified bucket is not valid."),
    ("InvalidRange", "The requested range is not satisfiable"),
    (
        "InvalidStorageClass",
        "The storage class you specified is not valid",
    ),
    ("InvalidURI", "Couldn't parse the specified URI."),
    ("KeyTooLongError", "Your key is too long"),
    (
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
    ),
    (
        "MissingContentLength",
        "You must provide the Content-Length HTTP header.",
    ),
    (
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
    ),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your \
         key and signing method.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response<Body> {
        let response = Response::builder().status(status);
        let response = response.header(CONTENT_TYPE, "application/xml");
        response.body(Body::from(body.to_owned())).unwrap()
    }

    fn text(response: &Response<Body>) -> String {
        String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn an_error_gets_what_s3_says_of_it() {
        let error = "<?xml?><Error><Code>InvalidRange</Code></Error>";
        let mut refused = response(416, error);
        let range = HeaderValue::from_static("bytes */10");
        refused.headers_mut().insert(CONTENT_RANGE, range);
        let refused = finished(refused, "ID", false);
        assert_eq!(refused.headers()[REQUEST_ID], "ID");
        assert_eq!(
            text(&refused),
            "<?xml?><Error><Code>InvalidRange</Code>\
             <Message>The requested range is not satisfiable</Message>\
             <ActualObjectSize>10</ActualObjectSize>\
             <RequestId>ID</RequestId><HostId>ID</HostId></Error>"
        );
    }

    #[test]
    fn control_characters_are_references_in_documents_only() {
        let document = finished(response(200, "<?xml?><K>a\r\u{1}</K>"), "ID", false);
        assert_eq!(text(&document), "<?xml?><K>a&#xd;&#x1;</K>");
        let other = finished(response(200, "a\r"), "ID", false);
        assert_eq!(text(&other), "a\r");
    }

    #[test]
    fn a_head_of_a_part_says_so() {
        let mut part = response(200, "");
        let range = HeaderValue::from_static("bytes 0-1/10");
        part.headers_mut().insert(CONTENT_RANGE, range);
        assert_eq!(finished(part, "ID", true).status().as_u16(), 206);
    }
}
