//! The response behind an error of object_store's, which keeps no more of it than its text.

use object_store::Error;
use undaunted::{HttpFailure, Retryable};

use crate::credentials::CredentialError;
use crate::error::cause;
use crate::full_text::full_text;

/// An error with the response that object_store made it of, for rules and for callers that look for
/// an [`HttpFailure`]: object_store keeps the text of most responses, and no more.
pub(crate) fn with_response(mut error: Error, response: Option<HttpFailure>) -> Error {
    let Some(failure) = response.filter(|response| fits(&error, response.status())) else {
        return error;
    };
    // A failure that may pass is not the response's.
    let is_another = matches!(error, Error::Generic { .. }) && error.verdict().is_retryable();
    let is_ours = cause::<CredentialError>(&error).is_some();
    if is_another || is_ours || cause::<HttpFailure>(&error).is_some() {
        return error;
    }
    let (Error::AlreadyExists { source, .. }
    | Error::Generic { source, .. }
    | Error::NotFound { source, .. }
    | Error::NotModified { source, .. }
    | Error::PermissionDenied { source, .. }
    | Error::Precondition { source, .. }
    | Error::Unauthenticated { source, .. }) = &mut error
    else {
        return error;
    };
    let text = full_text(source.as_ref());
    *source = Box::new(Responded { text, failure });
    error
}

/// Whether object_store makes an error like this of a response with this status. An attempt may send
/// several requests, and the last response need not be that of the one that failed.
pub(crate) fn fits(error: &Error, status: u16) -> bool {
    match error {
        Error::Unauthenticated { .. } => status == 401,
        Error::PermissionDenied { .. } => status == 403,
        Error::NotFound { .. } => status == 404,
        // Whoever wants to create an object sets a condition for it.
        Error::AlreadyExists { .. } => matches!(status, 304 | 409 | 412),
        Error::Precondition { .. } => status == 412,
        Error::NotModified { .. } => status == 304,
        Error::Generic { .. } => !matches!(status, 304 | 401 | 403 | 404 | 409 | 412),
        _ => true,
    }
}

/// What object_store says of a response, and the response.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Responded {
    text: String,
    #[source]
    failure: HttpFailure,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::generic;

    fn path() -> String {
        "a".to_owned()
    }

    /// An error of each variant, and the statuses of which it may be made.
    fn errors() -> Vec<(Error, &'static [u16])> {
        let source = || "text".into();
        vec![
            (
                Error::Unauthenticated {
                    path: path(),
                    source: source(),
                },
                &[401],
            ),
            (
                Error::PermissionDenied {
                    path: path(),
                    source: source(),
                },
                &[403],
            ),
            (
                Error::NotFound {
                    path: path(),
                    source: source(),
                },
                &[404],
            ),
            (
                Error::AlreadyExists {
                    path: path(),
                    source: source(),
                },
                &[304, 409, 412],
            ),
            (
                Error::Precondition {
                    path: path(),
                    source: source(),
                },
                &[412],
            ),
            (
                Error::NotModified {
                    path: path(),
                    source: source(),
                },
                &[304],
            ),
            (generic("text"), &[400, 416, 507]),
        ]
    }

    #[test]
    fn an_error_gets_the_response_that_it_was_made_of_and_no_other() {
        for status in [304, 400, 401, 403, 404, 409, 412, 416, 507] {
            for (error, fitting) in errors() {
                let variant = std::mem::discriminant(&error);
                let error = with_response(error, Some(HttpFailure::new(status)));
                assert_eq!(std::mem::discriminant(&error), variant);
                let found = cause::<HttpFailure>(&error).map(HttpFailure::status);
                let expected = fitting.contains(&status).then_some(status);
                assert_eq!(found, expected, "{error:?}");
                assert!(full_text(&error).contains("text"), "{error:?}");
            }
        }
    }

    #[test]
    fn an_error_that_has_a_response_or_needs_none_keeps_what_it_has() {
        let own = generic(HttpFailure::new(400));
        let own = with_response(own, Some(HttpFailure::new(416)));
        assert_eq!(cause::<HttpFailure>(&own).unwrap().status(), 400);
        // A connection that broke after a response: that is not what broke it.
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let broken = with_response(generic(broken), Some(HttpFailure::new(400)));
        assert!(cause::<HttpFailure>(&broken).is_none(), "{broken:?}");
    }
}
