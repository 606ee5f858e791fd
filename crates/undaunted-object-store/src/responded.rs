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
