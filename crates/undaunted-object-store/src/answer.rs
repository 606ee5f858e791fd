//! The answer of a service behind a failure that object_store has a variant for.
//!
//! "Permission denied" may mean that these credentials may not, or that nobody knows them: only
//! the service's code tells. object_store keeps it as text, so the connector leaves the answer
//! here, for the task that asked. A connector that moves requests to other tasks
//! (`SpawnedReqwestConnector` outside ours) loses it.

use std::cell::RefCell;
use std::future::Future;

use undaunted::HttpFailure;

tokio::task_local! {
    static LAST: RefCell<Option<HttpFailure>>;
}

/// Runs an operation of a store that has a [`RetryConnector`](crate::RetryConnector), and
/// returns beside its result the last answer of the service that was a failure for good.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
/// use undaunted_object_store::with_last_failure;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = InMemory::new();
/// let (result, answer) = with_last_failure(store.get(&Path::from("a"))).await;
/// assert!(result.is_err());
/// // A store in memory asks no service.
/// assert_eq!(answer, None);
/// # }
/// ```
pub async fn with_last_failure<T>(operation: impl Future<Output = T>) -> (T, Option<HttpFailure>) {
    let observed = async {
        let result = operation.await;
        (result, LAST.with(RefCell::take))
    };
    LAST.scope(RefCell::default(), observed).await
}

/// Leaves an answer for whoever observes this task.
pub(crate) fn leave(failure: HttpFailure) {
    // Most operations are not observed.
    let _ = LAST.try_with(|last| last.replace(Some(failure)));
}
