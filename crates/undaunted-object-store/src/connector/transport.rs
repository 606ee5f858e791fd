//! Failures below HTTP: what the HTTP client says of TLS and HTTP/2, sorted by what it means.
//!
//! object_store knows kinds of errors and neither protocol, so that a certificate that does not
//! verify counts as a broken connection, and a stream that was reset as an unknown failure.

use std::error::Error;
use std::io;

use h2::Reason;
use http::{Uri, Version};
use http_body_util::BodyExt;
use hyper_util::client::proxy::matcher::Matcher;
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpError, HttpErrorKind, HttpResponse, HttpResponseBody,
};
use rustls::{AlertDescription, CertificateError};

use crate::evidence::Unprocessed;

/// The failure of a request, as what it means for a retry.
pub(super) fn sorted(error: HttpError) -> HttpError {
    if let Some(advice) = find::<rustls::Error>(&error).and_then(advice_on_tls) {
        let source = TlsFailure {
            advice,
            source: error,
        };
        // The kind that nobody retries.
        return HttpError::new(HttpErrorKind::Unknown, source);
    }
    let Some(stream) = find::<h2::Error>(&error) else {
        return error;
    };
    match stream.reason() {
        Some(Reason::REFUSED_STREAM) => unprocessed(error),
        // The server closes the connection, and did not begin this stream.
        Some(Reason::NO_ERROR) if stream.is_go_away() && stream.is_remote() => unprocessed(error),
        Some(Reason::HTTP_1_1_REQUIRED | Reason::INADEQUATE_SECURITY) => error,
        _ => HttpError::new(HttpErrorKind::Interrupted, error),
    }
}

/// The response, whose body's failures are sorted too.
pub(super) fn with_sorted_body(response: HttpResponse) -> HttpResponse {
    if response.version() != Version::HTTP_2 {
        return response;
    }
    response.map(|body| HttpResponseBody::new(body.map_err(sorted)))
}

/// The proxy that a client goes through, if any. It is named where no connection can be made:
/// the failure is the proxy's then, and says only the service's URL.
pub(super) struct Proxy(Option<String>);

impl Proxy {
    pub(super) fn of(options: &ClientOptions) -> Self {
        Self(options.get_config_value(&ClientConfigKey::ProxyUrl))
    }

    /// The failure of a request to this URL.
    pub(super) fn named_in(&self, error: HttpError, url: &Uri) -> HttpError {
        if error.kind() != HttpErrorKind::Connect {
            return error;
        }
        let of_option = self.0.as_ref().and_then(|proxy| proxy.parse().ok());
        let of_environment = || Some(Matcher::from_env().intercept(url)?.uri().clone());
        let Some(proxy) = of_option.or_else(of_environment) else {
            return error;
        };
        let failure = ProxyFailure {
            // Without user and password.
            host: proxy.host().unwrap_or_default().to_owned(),
            port: proxy.port_u16().map(|port| format!(":{port}")),
            source: error,
        };
        HttpError::new(HttpErrorKind::Connect, failure)
    }
}

/// A connection that was not made, through a proxy.
#[derive(Debug, thiserror::Error)]
#[error("through the proxy {host}{}", port.as_deref().unwrap_or_default())]
struct ProxyFailure {
    host: String,
    port: Option<String>,
    source: HttpError,
}

fn unprocessed(error: HttpError) -> HttpError {
    HttpError::new(HttpErrorKind::Interrupted, Unprocessed { source: error })
}

/// A TLS connection that would fail in the same way again.
#[derive(Debug, thiserror::Error)]
#[error("no TLS connection to the service: {advice}")]
struct TlsFailure {
    advice: &'static str,
    source: HttpError,
}

/// What is wrong, and what to do, if it is not over by itself.
fn advice_on_tls(error: &rustls::Error) -> Option<&'static str> {
    Some(match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired (or this machine's clock is wrong)"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet (or this machine's clock is wrong)"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host name than the endpoint's"
            }
            CertificateError::UnknownIssuer => {
                "its certificate is signed by nobody whom this machine trusts; add the issuer to \
                 the system's certificates"
            }
            _ => "its certificate does not verify",
        },
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS on this port; use http:// and allow_http if that is meant"
        }
        rustls::Error::AlertReceived(
            AlertDescription::CloseNotify
            | AlertDescription::InternalError
            | AlertDescription::UserCanceled,
        ) => return None,
        rustls::Error::AlertReceived(_)
        | rustls::Error::NoApplicationProtocol
        | rustls::Error::PeerIncompatible(_) => "it refused the TLS handshake",
        _ => return None,
    })
}

/// The first error of this type along `source()`. An [`io::Error`] leaves the error that it wraps
/// out of its sources, so that one is looked into.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        link = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;

    use super::*;

    fn wrapped(error: impl Error + Send + Sync + 'static) -> HttpError {
        let io = io::Error::other(error);
        sorted(HttpError::new(HttpErrorKind::Connect, io::Error::other(io)))
    }

    #[test]
    fn a_connection_that_tls_refuses_is_permanent_and_said() {
        let certificate = rustls::Error::InvalidCertificate;
        for (error, advice) in [
            (certificate(CertificateError::Expired), "has expired"),
            (
                certificate(CertificateError::NotValidYet),
                "is not valid yet",
            ),
            (
                certificate(CertificateError::NotValidForName),
                "another host name",
            ),
            (
                certificate(CertificateError::UnknownIssuer),
                "signed by nobody",
            ),
            (
                certificate(CertificateError::Revoked),
                "certificate does not verify",
            ),
            (
                rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                "does not speak TLS",
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
                "refused the TLS handshake",
            ),
            (
                rustls::Error::NoApplicationProtocol,
                "refused the TLS handshake",
            ),
        ] {
            let error = wrapped(error);
            assert_eq!(error.kind(), HttpErrorKind::Unknown, "{advice}");
            let text = error.source().unwrap().to_string();
            assert!(text.contains(advice), "{text}");
        }
    }

    #[test]
    fn a_handshake_that_broke_stays_a_failed_connection() {
        let alert = rustls::Error::AlertReceived(AlertDescription::InternalError);
        assert_eq!(wrapped(alert).kind(), HttpErrorKind::Connect);
        assert_eq!(
            wrapped(io::Error::from(io::ErrorKind::ConnectionRefused)).kind(),
            HttpErrorKind::Connect
        );
    }

    #[test]
    fn streams_that_were_reset_are_transient_and_refused_ones_not_applied() {
        for (reason, is_unprocessed) in [
            (Reason::REFUSED_STREAM, true),
            (Reason::INTERNAL_ERROR, false),
            (Reason::CANCEL, false),
            (Reason::ENHANCE_YOUR_CALM, false),
        ] {
            let error = wrapped(h2::Error::from(reason));
            assert_eq!(error.kind(), HttpErrorKind::Interrupted, "{reason}");
            assert_eq!(
                find::<Unprocessed>(&error).is_some(),
                is_unprocessed,
                "{reason}"
            );
        }
        let other = wrapped(h2::Error::from(Reason::HTTP_1_1_REQUIRED));
        assert_eq!(other.kind(), HttpErrorKind::Connect);
    }

    /// A body that fails as its stream is reset.
    struct Reset;

    impl http_body::Body for Reset {
        type Data = bytes::Bytes;
        type Error = HttpError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, HttpError>>> {
            let error = io::Error::other(h2::Error::from(Reason::INTERNAL_ERROR));
            Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Unknown, error))))
        }
    }

    #[tokio::test]
    async fn a_body_whose_stream_is_reset_is_broken() {
        for (version, kind) in [
            (Version::HTTP_2, HttpErrorKind::Interrupted),
            (Version::HTTP_11, HttpErrorKind::Unknown),
        ] {
            let mut response = HttpResponse::new(HttpResponseBody::new(Reset));
            *response.version_mut() = version;
            let body = with_sorted_body(response).into_body();
            assert_eq!(body.bytes().await.unwrap_err().kind(), kind, "{version:?}");
        }
    }

    #[test]
    fn the_proxy_is_named_where_no_connection_was_made_and_nowhere_else() {
        let options = ClientOptions::new().with_proxy_url("http://user:secret@proxy.example:3128");
        let proxy = Proxy::of(&options);
        let url = Uri::from_static("http://host/");
        let named = |kind| {
            let error = HttpError::new(kind, io::Error::other("refused"));
            let error = proxy.named_in(error, &url);
            assert_eq!(error.kind(), kind);
            error.source().unwrap().to_string()
        };
        assert_eq!(
            named(HttpErrorKind::Connect),
            "through the proxy proxy.example:3128"
        );
        assert_eq!(named(HttpErrorKind::Timeout), "refused");
    }
}
