//! The AWS SDK for Rust: the verdict of its `SdkError`, whatever the operation.

use std::borrow::Cow;
use std::error::Error;

use aws_smithy_types1::error::ErrorMetadata;
use aws_smithy_types1::error::metadata::ProvideErrorMetadata;
use aws_smithy_types1::retry::ErrorKind;
use aws_smithy1::client::orchestrator::HttpResponse;
use aws_smithy1::client::result::{ConnectorError, SdkError};

use super::causes::{known_along_sources, verdict_of_transport};
use super::error_type;
use super::http::HttpFailure;
use crate::verdict::{FailedResponse, Retryable, TimedOut, Verdict};

/// The verdict on an error of the SDK's, or none if it is not one. The type of an `SdkError` has
/// that of its operation in it, which nobody can ask for here, so its sources are known: the
/// connector's error, and the code of a response.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    if let Some(error) = error.downcast_ref::<ConnectorError>() {
        return Some(verdict_of_connector(error));
    }
    let code = error.downcast_ref::<ErrorMetadata>()?.code()?;
    Some(HttpFailure::new(0).with_code(code).verdict())
}

/// What kind of failure of a connection it is, where no error behind it says that.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<ConnectorError>()?;
    error.is_timeout().then_some("timeout")
}

/// The code of a response, behind an error of the SDK's that has no type for it.
pub(super) fn code<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e str> {
    error.downcast_ref::<ErrorMetadata>()?.code()
}

impl<E: ProvideErrorMetadata> Retryable for SdkError<E, HttpResponse> {
    /// A response has the verdict of its code, its status and its `Retry-After`. Timeouts are
    /// transient, and so are connections that break or cannot be made, unless the certificate
    /// does not verify, and responses that cannot be read. A request that cannot be made or that
    /// has no credentials is permanent.
    ///
    /// The SDK retries by itself: switch that off, with `RetryConfig::disabled()` of the SDK, or
    /// retries multiply.
    fn verdict(&self) -> Verdict {
        match self {
            Self::TimeoutError(_) => Verdict::TRANSIENT,
            Self::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => verdict_of_connector(error),
                None => Verdict::Permanent,
            },
            Self::ResponseError(error) => match HttpFailure::of(error.raw(), None) {
                failure if failure.status() >= 400 => failure.verdict(),
                _ => Verdict::TRANSIENT,
            },
            Self::ServiceError(error) => HttpFailure::of(error.raw(), error.err().code()).verdict(),
            _ => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        match timed_out {
            TimedOut::CannotCut { .. } => Self::construction_failure(timed_out),
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                Self::timeout_error(timed_out)
            }
        }
    }

    fn failed_response(&self) -> Option<FailedResponse<'_>> {
        let failure = HttpFailure::of(self.raw_response()?, None);
        let code = self.as_service_error().and_then(ProvideErrorMetadata::code);
        let response = FailedResponse::new(failure.status()).with_code(code);
        Some(response.with_retry_after(failure.retry_after()))
    }

    fn error_type(&self) -> Cow<'static, str> {
        if let Some(response) = self.failed_response() {
            return error_type::of_response(response.status, response.code);
        }
        match self {
            Self::TimeoutError(_) => Cow::Borrowed("timeout"),
            Self::DispatchFailure(failure) => failure
                .as_connector_error()
                .map_or(Cow::Borrowed("other"), |error| {
                    error_type::error_type(error)
                }),
            _ => Cow::Borrowed("other"),
        }
    }
}

impl HttpFailure {
    fn of(response: &HttpResponse, code: Option<&str>) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers();
        let failure = Self::from_headers(status, |name| headers.get(name), None);
        match code {
            Some(code) => failure.with_code(code),
            None => failure,
        }
    }
}

fn verdict_of_connector(error: &ConnectorError) -> Verdict {
    if error.is_timeout() {
        Verdict::TRANSIENT
    } else if error.is_io() {
        verdict_of_transport(error)
    } else {
        let known = error.source().and_then(known_along_sources);
        match error.as_other() {
            Some(ErrorKind::ThrottlingError) => Verdict::THROTTLED,
            Some(ErrorKind::TransientError | ErrorKind::ServerError) => verdict_of_transport(error),
            _ => known.unwrap_or(Verdict::Permanent),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use aws_smithy_types1::body::SdkBody;

    use super::*;
    use crate::errors::hyper1::garbled;

    type Failure = SdkError<ErrorMetadata, HttpResponse>;

    fn response(status: u16, hint: Option<(&'static str, &'static str)>) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        if let Some((name, value)) = hint {
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn service(status: u16, code: Option<&str>) -> Failure {
        let mut error = ErrorMetadata::builder();
        if let Some(code) = code {
            error = error.code(code);
        }
        SdkError::service_error(error.build(), response(status, None))
    }

    fn io(kind: io::ErrorKind) -> Failure {
        SdkError::dispatch_failure(ConnectorError::io(io::Error::from(kind).into()))
    }

    fn other(source: io::Error, kind: Option<ErrorKind>) -> Failure {
        SdkError::dispatch_failure(ConnectorError::other(source.into(), kind))
    }

    #[test]
    fn every_variant_has_its_verdict() {
        let user = ConnectorError::user("an invalid request".into());
        let cases = [
            (service(503, None), "transient"),
            (service(503, Some("SlowDown")), "throttled"),
            (service(400, Some("ThrottlingException")), "throttled"),
            (service(400, Some("RequestTimeout")), "transient"),
            (service(429, None), "throttled"),
            (service(404, Some("NoSuchKey")), "permanent"),
            (service(403, Some("AccessDenied")), "permanent"),
            (SdkError::timeout_error("slow"), "transient"),
            (SdkError::construction_failure("no bucket"), "permanent"),
            (SdkError::dispatch_failure(user), "permanent"),
            (io(io::ErrorKind::ConnectionReset), "transient"),
            (io(io::ErrorKind::InvalidData), "permanent"),
            (other(io::Error::other("no credentials"), None), "permanent"),
            (
                other(io::Error::other("?"), Some(ErrorKind::TransientError)),
                "transient",
            ),
            (
                other(io::Error::other("?"), Some(ErrorKind::ThrottlingError)),
                "throttled",
            ),
            (
                SdkError::response_error("cut", response(200, None)),
                "transient",
            ),
            (
                SdkError::response_error("a web page", response(403, None)),
                "permanent",
            ),
        ];
        for (error, want) in cases {
            assert_eq!(error.verdict().as_str(), want, "{error:?}");
        }
    }

    #[test]
    fn every_variant_has_its_type() {
        for (error, want) in [
            (service(503, Some("SlowDown")), "SlowDown"),
            (service(404, None), "404"),
            (SdkError::timeout_error("slow"), "timeout"),
            (io(io::ErrorKind::ConnectionReset), "connection_reset"),
            (SdkError::construction_failure("no bucket"), "other"),
        ] {
            assert_eq!(error.error_type(), want, "{error:?}");
        }
        // A connector's error is known by itself, as one in the chain of another.
        let timeout = ConnectorError::timeout("slow".into());
        assert_eq!(error_type::error_type(&timeout), "timeout");
    }

    #[test]
    fn a_garbled_response_is_a_broken_connection_and_no_wrong_certificate() {
        let garbled = || ConnectorError::io(garbled().into());
        let failure: Failure = SdkError::dispatch_failure(garbled());
        assert_eq!(failure.verdict(), Verdict::TRANSIENT);
        let boxed: Box<dyn Error> = Box::new(garbled());
        assert_eq!(boxed.verdict(), Verdict::TRANSIENT);
    }

    #[test]
    fn what_the_service_asks_for_is_the_hint() {
        let hint = |name, value| {
            let response = response(503, Some((name, value)));
            let error: Failure =
                SdkError::service_error(ErrorMetadata::builder().build(), response);
            error.verdict().retry_after()
        };
        assert_eq!(hint("retry-after", "7"), Some(Duration::from_secs(7)));
        let exact = Some(Duration::from_millis(1_500));
        assert_eq!(hint("x-amz-retry-after", "1500"), exact);
        assert_eq!(hint("retry-after", "Thu, 01 Jan 2099 00:00:00 GMT"), None);
    }

    #[test]
    fn a_boxed_error_is_known_by_its_connector_or_its_code() {
        let boxed: Box<dyn Error> = Box::new(io(io::ErrorKind::ConnectionReset));
        assert_eq!(boxed.verdict(), Verdict::TRANSIENT);
        let boxed: Box<dyn Error> = Box::new(service(503, Some("SlowDown")));
        assert_eq!(boxed.verdict(), Verdict::THROTTLED);
    }

    #[test]
    fn a_limit_is_the_source() {
        let limit = Duration::from_secs(1);
        let error = Failure::timed_out(TimedOut::Attempt { limit });
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
        assert!(error.source().is_some_and(<dyn Error>::is::<TimedOut>));
        let cannot_cut = Failure::timed_out(TimedOut::CannotCut { limit });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }
}
