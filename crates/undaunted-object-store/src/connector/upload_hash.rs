//! What a service is told of a body that it is sent, so that it refuses one that arrives changed.
//!
//! | service | told | by |
//! |---|---|---|
//! | S3 | the SHA-256 of the body, which is signed | object_store |
//! | S3, where bodies are not signed | its CRC-64/NVME | object_store, as `open` sets it up |
//! | Google | its CRC-32C | this |
//! | Azure | nothing: the header has to be signed, before this sees the request | |

use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use http::{HeaderValue, Method};
use http_body::Body;
use object_store::client::HttpRequest;

/// Tells Google the CRC of an object, or of a part of one.
pub(super) fn add_for_google(request: &mut HttpRequest) {
    let has_content = request.method() == Method::PUT && request.body().content_length() > 0;
    if !has_content || request.headers().contains_key(X_GOOG_HASH) {
        return;
    }
    let mut crc = Digest::new(CrcAlgorithm::Crc32Iscsi);
    if let Some(bytes) = request.body().as_bytes() {
        crc.update(bytes);
    } else {
        // It shares its bytes, which are in memory: it is always ready.
        let mut body = request.body().clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match std::pin::Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => {
                    crc.update(frame.data_ref().unwrap_or(&Bytes::new()));
                }
                Poll::Ready(None) => break,
                // A hash of a part of it would be a wrong one.
                Poll::Ready(Some(Err(_))) | Poll::Pending => return,
            }
        }
    }
    let crc = u32::try_from(crc.finalize()).unwrap_or_default();
    let hash = format!("crc32c={}", BASE64_STANDARD.encode(crc.to_be_bytes()));
    if let Ok(hash) = HeaderValue::from_str(&hash) {
        request.headers_mut().insert(X_GOOG_HASH, hash);
    }
}

const X_GOOG_HASH: &str = "x-goog-hash";

#[cfg(test)]
mod tests {
    use object_store::PutPayload;
    use object_store::client::HttpRequestBody;

    use super::*;

    fn told(method: Method, body: impl Into<HttpRequestBody>) -> Option<String> {
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = method;
        add_for_google(&mut request);
        let hash = request.headers().get(X_GOOG_HASH)?;
        Some(hash.to_str().unwrap().to_owned())
    }

    #[test]
    fn google_is_told_the_crc_of_what_it_is_sent() {
        let pieces: PutPayload = [&b"1234"[..], b"", b"56789"]
            .into_iter()
            .map(Bytes::from_static)
            .collect();
        for body in [pieces.into(), HttpRequestBody::from("123456789".to_owned())] {
            assert_eq!(told(Method::PUT, body).as_deref(), Some("crc32c=4waSgw=="));
        }
        // A copy has no body, and a completion is no content.
        assert_eq!(told(Method::PUT, Bytes::new()), None);
        assert_eq!(told(Method::POST, "<Complete/>".to_owned()), None);
    }
}
