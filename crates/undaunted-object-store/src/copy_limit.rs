//! Copies that fail, and what to do about it: objects that are too large to be copied by one request,
//! and conditions that a service may overlook.
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
    /// The failure of a copy, what to do about it, or that the object is too large for one.
    pub(crate) async fn explain_copy(&self, location: &Path, error: Error) -> Error {
        if let (Some(advice), Error::NotSupported { .. }) = (self.capabilities.copy_advice, &error)
        {
            return Error::NotSupported {
                source: advice.into(),
            };
        }
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

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use undaunted::{HttpFailure, RetryConfig};
    use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation, Rule};

    use super::*;
    use crate::capabilities::Capabilities;

    /// The failure of a copy of 4 bytes, of a store that copies no more than this.
    async fn refused(limit: u64, failure: Failure) -> Error {
        let refuse = Rule::new(Operation::Copy, Fault::FailBefore(failure)).always();
        let store = FaultyStore::new(InMemory::new(), FaultPlan::scripted([refuse]));
        let config = RetryConfig::builder().max_retries(0).build().unwrap();
        let store = RetryStore::builder(store)
            .config(config)
            .capabilities(Capabilities::none().with_copy_limit(limit))
            .build();
        let path = Path::from("a");
        store.put(&path, "1234".into()).await.unwrap();
        store.copy(&path, &Path::from("b")).await.unwrap_err()
    }

    #[tokio::test]
    async fn only_an_object_beyond_the_limit_is_too_large() {
        let error = refused(3, Failure::status(400)).await;
        let large = cause::<TooLargeToCopy>(&error).unwrap();
        assert_eq!((large.size(), large.limit()), (4, 3));
        for (limit, failure) in [
            (4, Failure::status(400)),
            (3, Failure::status(503)),
            (3, Failure::status(404)),
        ] {
            let error = refused(limit, failure).await;
            assert!(cause::<TooLargeToCopy>(&error).is_none(), "{error}");
            let failure = cause::<HttpFailure>(&error).is_some();
            assert!(
                failure || matches!(error, Error::NotFound { .. }),
                "{error}"
            );
        }
    }
}
