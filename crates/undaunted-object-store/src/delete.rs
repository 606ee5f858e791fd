//! Deletes: each key is retried by itself, and reported once, in the order it came.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, Result};

use crate::classify::proves_not_applied;
use crate::operation::Operation;
use crate::policy::Policy;

/// Deletes one object. That it is not there is an error at first, and the wished-for outcome
/// once an earlier attempt may have deleted it.
pub(crate) async fn one<S: ObjectStore>(inner: &S, policy: &Policy, location: &Path) -> Result<()> {
    let listener = policy.listener(Operation::Delete, location);
    let mut call = policy.call(Operation::Delete, location, &listener);
    let mut maybe_applied = false;
    loop {
        match call.attempt(inner.delete(location)).await {
            Ok(()) => return Ok(()),
            Err(Error::NotFound { .. }) if maybe_applied => {
                return call.attempt(async { Ok(()) }).await;
            }
            Err(error) => {
                maybe_applied |= !proves_not_applied(&error);
                call.failed(error).await?;
            }
        }
    }
}

/// Deletes many, some at a time.
pub(crate) fn stream<S: ObjectStore>(
    inner: Arc<S>,
    policy: Arc<Policy>,
    locations: BoxStream<'static, Result<Path>>,
) -> BoxStream<'static, Result<Path>> {
    locations
        .map(move |location| {
            let inner = Arc::clone(&inner);
            let policy = Arc::clone(&policy);
            async move {
                let location = location?;
                one(&inner, &policy, &location).await?;
                Ok(location)
            }
        })
        .buffered(CONCURRENCY)
        .boxed()
}

/// Deletes under way at a time; object_store's own stores use the same number.
const CONCURRENCY: usize = 10;
