//! A request of a client as a request to the upstream: the same, signed by another.

use std::borrow::Cow;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use hyper::header::{
    self, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue,
};
use hyper::{HeaderMap, Request, Uri};
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode,
};
use s3s::{Body, S3Error, S3Request, S3Result};

use super::trailers::with_trailers;
use super::{OutgoingBody, Upstream, bad_gateway};
use crate::server::host;

impl Upstream {
    /// The request to send. Its signature says of the body what that of the client said.
    pub(super) async fn outgoing(
        &self,
        request: S3Request<Body>,
    ) -> S3Result<Request<OutgoingBody>> {
        let S3Request {
            input,
            method,
            uri,
            mut headers,
            trailing_headers,
            ..
        } = request;
        let uri = host::in_path(&headers, &uri);
        let digest = headers.remove(CONTENT_SHA256);
        let digest = digest.and_then(|digest| digest.to_str().ok().map(ToOwned::to_owned));
        let trailers = trailing_headers.filter(|_| headers.contains_key(TRAILER));
        remove_of_this_hop(&mut headers);
        let (body, payload) = if let Some(trailers) = trailers {
            // The length of the content is what `s3s` leaves as that of the body.
            if let Some(length) = headers.remove(CONTENT_LENGTH) {
                headers.insert(DECODED_LENGTH, length);
            }
            add_chunked(&mut headers);
            let body = with_trailers(input, trailers);
            (body, SignableBody::StreamingUnsignedPayloadTrailer)
        } else {
            headers.remove(TRAILER);
            let body = http_body_util::BodyExt::boxed_unsync(input);
            let payload = match digest.filter(|digest| is_sha256(digest)) {
                Some(digest) => SignableBody::Precomputed(digest),
                None => SignableBody::UnsignedPayload,
            };
            (body, payload)
        };
        let mut outgoing = Request::new(body);
        *outgoing.method_mut() = method;
        *outgoing.uri_mut() = self.uri(&uri)?;
        *outgoing.headers_mut() = headers;
        self.sign(&mut outgoing, payload).await?;
        Ok(outgoing)
    }

    async fn sign(
        &self,
        request: &mut Request<OutgoingBody>,
        payload: SignableBody<'_>,
    ) -> S3Result<()> {
        let host = HeaderValue::from_str(self.inner.authority.as_str());
        let host = host.map_err(|error| bad_gateway(error.to_string()))?;
        request.headers_mut().insert(HOST, host);
        let Some(provider) = &self.inner.credentials else {
            if matches!(payload, SignableBody::StreamingUnsignedPayloadTrailer) {
                let value = HeaderValue::from_static("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
                request.headers_mut().insert(CONTENT_SHA256, value);
            }
            return Ok(());
        };
        let credential = provider.get_credential().await;
        let credential = credential.map_err(|error| {
            bad_gateway(format!(
                "there are no credentials for the upstream: {error}"
            ))
        })?;
        let identity = Credentials::new(
            credential.key_id.clone(),
            credential.secret_key.clone(),
            credential.token.clone(),
            None,
            "upstream",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.inner.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(cannot_sign)?;
        let uri = request.uri().to_string();
        // A value that is no text is not signed, and is sent.
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, payload);
        let signed = sign(signable.map_err(cannot_sign)?, &params.into()).map_err(cannot_sign)?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.headers() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(cannot_sign)?;
            let mut value = HeaderValue::from_str(value).map_err(cannot_sign)?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    /// The address of the same thing, written as it is signed, and without a signature.
    pub(super) fn uri(&self, uri: &Uri) -> S3Result<Uri> {
        let inner = &self.inner;
        let path = percent_encode(
            &percent_decode_str(uri.path()).collect::<Vec<u8>>(),
            IN_PATH,
        )
        .to_string();
        let query = query(uri.query().unwrap_or_default());
        let mark = if query.is_empty() { "" } else { "?" };
        Uri::builder()
            .scheme(inner.scheme.clone())
            .authority(inner.authority.clone())
            .path_and_query(format!("{}{path}{mark}{query}", inner.base))
            .build()
            .map_err(|error| bad_gateway(error.to_string()))
    }
}

fn query(query: &str) -> String {
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (plain(name), plain(value))
        });
    let is_of_signature = |name: &str| PRESIGNED.iter().any(|of| of.eq_ignore_ascii_case(name));
    let pairs = pairs
        .filter(|(name, _)| !is_of_signature(name))
        .map(|(name, value)| {
            let (name, value) = (
                utf8_percent_encode(&name, IN_QUERY),
                utf8_percent_encode(&value, IN_QUERY),
            );
            format!("{name}={value}")
        });
    pairs.collect::<Vec<_>>().join("&")
}

fn plain(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn remove_of_this_hop(headers: &mut HeaderMap) {
    for name in OF_THIS_HOP {
        headers.remove(name);
    }
    // `s3s` has taken the framing off.
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok());
    if let Some(encoding) = encoding.map(ToOwned::to_owned) {
        let rest = encoding.split(',').map(str::trim);
        let rest: Vec<_> = rest
            .filter(|coding| !coding.eq_ignore_ascii_case(CHUNKED) && !coding.is_empty())
            .collect();
        headers.remove(CONTENT_ENCODING);
        if let (false, Ok(value)) = (rest.is_empty(), HeaderValue::from_str(&rest.join(", "))) {
            headers.insert(CONTENT_ENCODING, value);
        }
    }
}

fn add_chunked(headers: &mut HeaderMap) {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let encoding = match encoding {
        Some(encoding) => Cow::Owned(format!("{CHUNKED},{encoding}")),
        None => Cow::Borrowed(CHUNKED),
    };
    if let Ok(value) = HeaderValue::from_str(&encoding) {
        headers.insert(CONTENT_ENCODING, value);
    }
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn cannot_sign(error: impl std::fmt::Display) -> S3Error {
    bad_gateway(format!(
        "the request cannot be signed for the upstream: {error}"
    ))
}

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
const TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");
const CHUNKED: &str = "aws-chunked";
/// Of the connection to the client, and of its signature.
const OF_THIS_HOP: [HeaderName; 15] = [
    AUTHORIZATION,
    EXPECT,
    HOST,
    DECODED_LENGTH,
    header::CONNECTION,
    header::DATE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
];
/// What a signature in a URL consists of.
const PRESIGNED: [&str; 9] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "AWSAccessKeyId",
    "Signature",
];
/// Everything but what a signature has as it is.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(upstream: &str, uri: &str) -> String {
        let upstream = Upstream::new(upstream, "us-east-1", None).unwrap();
        upstream.uri(&uri.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_address_is_written_as_it_is_signed() {
        for (uri, want) in [
            ("/b/k", "http://h:1/b/k"),
            ("/b/a//b/../%2e/!%20+", "http://h:1/b/a//b/.././%21%20%2B"),
            ("/b?uploads", "http://h:1/b?uploads="),
            (
                "/b?prefix=a/b&delimiter=%2F",
                "http://h:1/b?prefix=a%2Fb&delimiter=%2F",
            ),
            (
                "/b/k?partNumber=1&X-Amz-Signature=0&X-Amz-Date=1",
                "http://h:1/b/k?partNumber=1",
            ),
            ("/b?prefix=a+b", "http://h:1/b?prefix=a%20b"),
        ] {
            assert_eq!(sent("http://h:1", uri), want);
        }
        assert_eq!(sent("https://h/base/", "/b/k"), "https://h/base/b/k");
    }

    #[test]
    fn a_url_that_is_no_endpoint_is_refused() {
        for (url, why) in [
            ("localhost:1", "it is written http://HOST:PORT"),
            ("ftp://h", "neither http nor https"),
            ("http://h/?a=b", "it has a query"),
            ("http://a:b@h", "credentials are not part of a URL"),
            ("", "cannot be an upstream"),
        ] {
            let error = Upstream::new(url, "us-east-1", None)
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_framing_of_this_hop_is_taken_off() {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_ENCODING,
            HeaderValue::from_static("aws-chunked,gzip"),
        );
        headers.insert(AUTHORIZATION, HeaderValue::from_static("secret"));
        remove_of_this_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
        add_chunked(&mut headers);
        assert_eq!(headers[CONTENT_ENCODING], "aws-chunked,gzip");
    }
}
