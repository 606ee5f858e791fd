//! The services' codes for single keys of a bulk delete.
//!
//! S3 answers a bulk delete with a list of the keys that failed and why. object_store puts
//! that into an error whose type cannot be named, so the connector reads the list on its way
//! and leaves it here, for the task that asked. A connector that moves requests to other tasks
//! (`SpawnedReqwestConnector` outside ours) loses it: those failures then count as permanent.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;

use object_store::Error;
use object_store::path::Path;
use undaunted::HttpFailure;

use crate::error::generic;

/// Codes by key, as the services write the keys.
#[derive(Debug, Default)]
pub(crate) struct Codes(HashMap<String, String>);

tokio::task_local! {
    static CODES: RefCell<Codes>;
}

/// Runs deletes, and returns the codes that the connector saw beside their result.
pub(crate) async fn observe<T>(deletes: impl Future<Output = T>) -> (T, Codes) {
    let observed = async {
        let result = deletes.await;
        (result, CODES.with(RefCell::take))
    };
    CODES.scope(RefCell::default(), observed).await
}

/// Leaves a key's code for whoever observes this task.
pub(crate) fn leave(key: String, code: String) {
    // Nobody observes a delete that does not go through a `RetryStore`.
    let _ = CODES.try_with(|codes| codes.borrow_mut().0.insert(key, code));
}

impl Codes {
    /// The error of one key, with the service's code in place of what the client made of it.
    pub(crate) fn explain(&self, location: &Path, error: Error) -> Error {
        match self.0.get(location.as_ref()) {
            Some(code) => generic(KeyFailed {
                location: location.clone(),
                source: HttpFailure::new(200).with_code(code.as_str()),
            }),
            None => error,
        }
    }
}

/// A key of a bulk delete that the service refused.
#[derive(Debug, thiserror::Error)]
#[error("deleting {location} failed: {source}")]
struct KeyFailed {
    location: Path,
    source: HttpFailure,
}
