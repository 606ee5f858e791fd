//! What a failure proves of the request that failed.

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use undaunted::HttpFailure;

use crate::credentials::CredentialError;
use crate::error::cause;

/// Whether this failure proves that the operation changed nothing.
///
/// Three things prove it: there were no credentials to sign with, the connection was never made, or
/// the service said that it turned the request away or did not begin with it. `Request` does not:
/// it also stands for connections that were closed in the middle of a response.
pub(crate) fn proves_not_applied(error: &Error) -> bool {
    if let Some(failure) = cause::<HttpFailure>(error) {
        return failure.proves_not_applied() || has_code_of_change(failure);
    }
    cause::<CredentialError>(error).is_some()
        || cause::<Unprocessed>(error).is_some()
        || cause::<HttpError>(error).is_some_and(|http| http.kind() == HttpErrorKind::Connect)
}

/// A request that the server says it has not begun to process, as HTTP/2 has words for.
#[derive(Debug, thiserror::Error)]
#[error("the server did not process the request")]
pub(crate) struct Unprocessed {
    pub(crate) source: HttpError,
}

/// Whether the service refused the request because its credentials or its time had become
/// stale, which signing it anew may mend.
pub(crate) fn is_stale(error: &Error) -> bool {
    cause::<HttpFailure>(error).is_some_and(has_stale_code)
}

/// [`is_stale`], of a response.
pub(crate) fn has_stale_code(failure: &HttpFailure) -> bool {
    let code = failure.code();
    code.is_some_and(|code| STALE_CODES.contains(&code))
}

/// Whether the service refused a body because it is not the one whose checksum came with it: it was
/// changed on its way, which may not happen again.
pub(crate) fn arrived_changed(error: &Error) -> bool {
    cause::<HttpFailure>(error).is_some_and(has_code_of_change)
}

/// [`arrived_changed`], of a response.
pub(crate) fn has_code_of_change(failure: &HttpFailure) -> bool {
    let code = failure.code();
    code.is_some_and(|code| CODES_OF_CHANGE.contains(&code))
}

/// Whether the service does not know who asks: what Google and Azure say to an expired token.
/// Their codes for it say other things as well.
pub(crate) fn is_unauthenticated(error: &Error) -> bool {
    matches!(error, Error::Unauthenticated { .. })
        || cause::<HttpFailure>(error).is_some_and(|failure| failure.status() == 401)
}

/// S3's codes for a token that is expired or was revoked, and for a request signed too long ago.
/// `InvalidTokenId` is MinIO's.
const STALE_CODES: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "InvalidTokenId",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "TokenRefreshRequired",
];

/// Those of S3 and Google for the checksum of a header, of S3 for that of a signature, and Azure's.
const CODES_OF_CHANGE: [&str; 4] = [
    "BadDigest",
    "Crc64Mismatch",
    "Md5Mismatch",
    "XAmzContentSHA256Mismatch",
];

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn only_a_refused_connection_and_a_refused_request_prove_it() {
        let http = |kind| generic(HttpError::new(kind, io::Error::other("cause")));
        assert!(proves_not_applied(&http(HttpErrorKind::Connect)));
        for kind in [HttpErrorKind::Request, HttpErrorKind::Timeout] {
            assert!(!proves_not_applied(&http(kind)), "{kind:?}");
        }
        assert!(proves_not_applied(&generic(HttpFailure::new(429))));
        assert!(!proves_not_applied(&generic(HttpFailure::new(503))));
        assert!(!proves_not_applied(&generic(io::Error::other("cause"))));
    }

    #[test]
    fn who_asks_is_not_known_by_a_401_and_by_nothing_else() {
        let unauthenticated = Error::Unauthenticated {
            path: "a".to_owned(),
            source: "test".into(),
        };
        assert!(is_unauthenticated(&unauthenticated));
        assert!(is_unauthenticated(&generic(HttpFailure::new(401))));
        assert!(!is_unauthenticated(&generic(HttpFailure::new(403))));
        assert!(!is_unauthenticated(&generic(io::Error::other("cause"))));
    }
}
