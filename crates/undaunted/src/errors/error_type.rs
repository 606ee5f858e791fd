//! What an error is called in spans and metrics: OpenTelemetry's `error.type`, of which there are few.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use super::causes::along_causes;
use super::http::HttpFailure;
use super::known::{code, kind, status};
use super::storage::{StorageError, StorageErrorKind};
use crate::verdict::TimedOut;

/// What an error is called in spans and metrics: the value of OpenTelemetry's attribute `error.type`.
///
/// It is the service's code if that is one of those that services are known to send (`SlowDown`), else
/// the HTTP status (`503`), else the kind of the error of the standard library (`connection_reset`),
/// `timeout` for a limit that ran out, and otherwise `other`. So it has few values whatever a service
/// sends, and never a part of a message.
///
/// ```
/// use std::io;
/// use undaunted::{HttpFailure, error_type};
///
/// assert_eq!(error_type(&HttpFailure::new(503).with_code("SlowDown")), "SlowDown");
/// assert_eq!(error_type(&HttpFailure::new(503).with_code("made up 7f3a")), "503");
/// assert_eq!(error_type(&io::Error::from(io::ErrorKind::ConnectionReset)), "connection_reset");
/// ```
#[must_use]
pub fn error_type(error: &(dyn Error + 'static)) -> Cow<'static, str> {
    known(error).unwrap_or(Cow::Borrowed(OTHER))
}

/// What a response is called.
pub(crate) fn of_response(status: u16, code: Option<&str>) -> Cow<'static, str> {
    match code.and_then(known_code) {
        Some(code) => Cow::Borrowed(code),
        None => Cow::Owned(status.to_string()),
    }
}

/// A response says most, then a limit, then the kind of the standard library's error, which is found
/// behind that of a client.
fn known(error: &(dyn Error + 'static)) -> Option<Cow<'static, str>> {
    if let Some(named) = along_causes(error).find_map(of_status) {
        return Some(named);
    }
    if along_causes(error).any(<dyn Error>::is::<TimedOut>) {
        return Some(Cow::Borrowed("timeout"));
    }
    let of_kind = along_causes(error).find_map(of_kind);
    let kind = of_kind.or_else(|| along_causes(error).find_map(kind));
    kind.map(Cow::Borrowed)
}

fn of_status(error: &(dyn Error + 'static)) -> Option<Cow<'static, str>> {
    if let Some(failure) = error.downcast_ref::<HttpFailure>() {
        return Some(of_response(failure.status(), failure.code()));
    }
    let code = code(error);
    match status(error) {
        Some(status) => Some(of_response(status, code)),
        None => code.and_then(known_code).map(Cow::Borrowed),
    }
}

fn known_code(code: &str) -> Option<&'static str> {
    let known = super::http::known_codes().chain(CODES);
    known.copied().find(|known| *known == code)
}

fn of_kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(storage) = error.downcast_ref::<StorageError>() {
        return Some(match storage.kind() {
            StorageErrorKind::AlreadyExists => "already_exists",
            StorageErrorKind::Configuration => "configuration",
            StorageErrorKind::Connection => "connection",
            StorageErrorKind::InvalidCredentials => "invalid_credentials",
            StorageErrorKind::NotFound => "not_found",
            StorageErrorKind::PermissionDenied => "permission_denied",
            StorageErrorKind::RateLimited { .. } => "rate_limited",
            StorageErrorKind::ServiceUnavailable { .. } => "service_unavailable",
            StorageErrorKind::Timeout => "timeout",
        });
    }
    Some(match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::AddrInUse => "addr_in_use",
        io::ErrorKind::AddrNotAvailable => "addr_not_available",
        io::ErrorKind::AlreadyExists => "already_exists",
        io::ErrorKind::BrokenPipe => "broken_pipe",
        io::ErrorKind::ConnectionAborted => "connection_aborted",
        io::ErrorKind::ConnectionRefused => "connection_refused",
        io::ErrorKind::ConnectionReset => "connection_reset",
        io::ErrorKind::HostUnreachable => "host_unreachable",
        io::ErrorKind::Interrupted => "interrupted",
        io::ErrorKind::InvalidData => "invalid_data",
        io::ErrorKind::InvalidInput => "invalid_input",
        io::ErrorKind::NetworkDown => "network_down",
        io::ErrorKind::NetworkUnreachable => "network_unreachable",
        io::ErrorKind::NotConnected => "not_connected",
        io::ErrorKind::NotFound => "not_found",
        io::ErrorKind::OutOfMemory => "out_of_memory",
        io::ErrorKind::PermissionDenied => "permission_denied",
        io::ErrorKind::QuotaExceeded => "quota_exceeded",
        io::ErrorKind::ReadOnlyFilesystem => "read_only_filesystem",
        io::ErrorKind::ResourceBusy => "resource_busy",
        io::ErrorKind::StorageFull => "storage_full",
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::UnexpectedEof => "unexpected_eof",
        io::ErrorKind::Unsupported => "unsupported",
        io::ErrorKind::WouldBlock => "would_block",
        io::ErrorKind::WriteZero => "write_zero",
        // Another may be behind it.
        _ => return None,
    })
}

/// What OpenTelemetry writes `_OTHER` for HTTP; here it need not be HTTP.
const OTHER: &str = "other";

/// Codes of permanent failures of S3, Google and Azure that a reader of a chart looks for. Those that
/// say that a failure is transient are known anyway.
const CODES: &[&str] = &[
    "AccessDenied",
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "BadDigest",
    "BlobAlreadyExists",
    "BlobNotFound",
    "BucketAlreadyExists",
    "ConditionNotMet",
    "ContainerNotFound",
    "EntityTooLarge",
    "EntityTooSmall",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidArgument",
    "InvalidDigest",
    "InvalidObjectState",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidRange",
    "InvalidToken",
    "MalformedXML",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchUpload",
    "NotImplemented",
    "PermanentRedirect",
    "PreconditionFailed",
    "QuotaExceeded",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Retryable;

    #[test]
    fn the_cause_is_found_behind_what_wraps_it() {
        let failure = HttpFailure::new(500).with_code("InternalError");
        let wrapped = StorageError::new(StorageErrorKind::Connection).with_source(failure);
        assert_eq!(error_type(&wrapped), "InternalError");
        let limit = std::time::Duration::from_secs(1);
        let timed_out = io::Error::timed_out(TimedOut::Attempt { limit });
        assert_eq!(error_type(&timed_out), "timeout");
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(error_type(&io::Error::other(eof)), "unexpected_eof");
        assert_eq!(error_type(&io::Error::other("words")), "other");
    }

    #[test]
    fn an_error_of_the_standard_library_is_named_by_its_kind() {
        use io::ErrorKind as Kind;
        for kind in [
            Kind::AddrInUse,
            Kind::AddrNotAvailable,
            Kind::AlreadyExists,
            Kind::BrokenPipe,
            Kind::ConnectionAborted,
            Kind::ConnectionRefused,
            Kind::ConnectionReset,
            Kind::HostUnreachable,
            Kind::Interrupted,
            Kind::InvalidData,
            Kind::InvalidInput,
            Kind::NetworkDown,
            Kind::NetworkUnreachable,
            Kind::NotConnected,
            Kind::NotFound,
            Kind::OutOfMemory,
            Kind::PermissionDenied,
            Kind::QuotaExceeded,
            Kind::ReadOnlyFilesystem,
            Kind::ResourceBusy,
            Kind::StorageFull,
            Kind::UnexpectedEof,
            Kind::Unsupported,
            Kind::WouldBlock,
            Kind::WriteZero,
        ] {
            let mut expected = String::new();
            for letter in format!("{kind:?}").chars() {
                if letter.is_uppercase() && !expected.is_empty() {
                    expected.push('_');
                }
                expected.push(letter.to_ascii_lowercase());
            }
            assert_eq!(error_type(&io::Error::from(kind)), expected);
        }
        assert_eq!(error_type(&io::Error::from(Kind::TimedOut)), "timeout");
    }

    #[test]
    fn a_boxed_error_is_named_by_what_is_in_it() {
        let failure = || HttpFailure::new(503).with_code("SlowDown");
        let boxed: Box<dyn Error> = Box::new(failure());
        assert_eq!(boxed.error_type(), "SlowDown");
        let boxed: Box<dyn Error + Send + Sync> = Box::new(failure());
        assert_eq!(boxed.error_type(), "SlowDown");
    }

    #[test]
    fn what_a_service_makes_up_is_no_type() {
        let failure = HttpFailure::new(400).with_code("Key-a/secret.txt");
        assert_eq!(error_type(&failure), "400");
    }

    #[test]
    fn an_error_of_the_callers_own_is_named_by_its_type_or_its_response() {
        #[derive(Debug)]
        struct OfMyOwn(Option<u16>);
        impl std::fmt::Display for OfMyOwn {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("private words")
            }
        }
        impl Retryable for OfMyOwn {
            fn verdict(&self) -> crate::Verdict {
                crate::Verdict::Permanent
            }
            fn timed_out(_: TimedOut) -> Self {
                Self(None)
            }
            fn failed_response(&self) -> Option<crate::FailedResponse<'_>> {
                Some(crate::FailedResponse {
                    status: self.0?,
                    code: None,
                    retry_after: None,
                })
            }
        }
        assert_eq!(OfMyOwn(Some(429)).error_type(), "429");
        assert!(OfMyOwn(None).error_type().ends_with("OfMyOwn"));
    }
}
