//! Objects that are too large to be copied by one request.
//!
//! S3 copies larger ones by parts, for which object_store has no request. What S3 says to a copy
//! of one is not always clear, so the size is checked, and the error says what to do.

use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore};
use tokio::time::timeout;
use undaunted::Retryable;

use crate::connector::UnexpectedResponse;
use crate::error::{TooLargeToCopy, cause};
use crate::full_text::permanent;
use crate::store::RetryStore;

impl<S: ObjectStore> RetryStore<S> {
    /// The failure of a copy, or that the object is too large for one.
    pub(crate) async fn explain_copy(&self, location: &Path, error: Error) -> Error {
        let (Some(limit), Error::Generic { .. }) = (self.capabilities.copy_limit, &error) else {
            return error;
        };
        // What is no refusal of the service's has another reason.
        if error.verdict().is_retryable() || cause::<UnexpectedResponse>(&error).is_some() {
            return error;
        }
        // Only a copy that failed costs this request. Where it fails too, nothing is explained.
        let head = GetOptions::new().with_head(true);
        let found = timeout(LAST_LOOK, (*self.inner).get_opts(location, head)).await;
        match found {
            Ok(Ok(found)) if found.meta.size > limit => {
                let size = found.meta.size;
                TooLargeToCopy::error(location, size, limit, permanent(error))
            }
            _ => error,
        }
    }
}

/// For one request to a service that has just failed.
const LAST_LOOK: Duration = Duration::from_secs(10);
