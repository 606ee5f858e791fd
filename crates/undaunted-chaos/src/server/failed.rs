//! The response of S3's to a request that failed.

use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use s3s::Body;
use undaunted::HttpFailure;

use super::body::ResponseBody;
use crate::operation::Operation;

/// A document with a code, but none to a HEAD.
pub(super) fn failed(failure: &HttpFailure, operation: Operation) -> Response<ResponseBody> {
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
    let mut response = Response::new(ResponseBody::new(Body::from(document)));
    *response.status_mut() =
        StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert("x-amz-request-id", HeaderValue::from_static(REQUEST_ID));
    if let Some(hint) = failure.retry_after() {
        // Whole seconds, rounded up: a client that comes earlier comes too early.
        let seconds = hint.as_secs() + u64::from(hint.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
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

const REQUEST_ID: &str = "UNDAUNTED0000001";
