//! Writes in one request.

use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions, PutPayload, PutResult, Result};

use crate::conditional::{self, Questions};
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::{Resolver, put_result};

/// Writes an object. An overwrite is simply repeated; a conditional write gets a token to be
/// known by.
pub(crate) async fn put<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    location: &Path,
    payload: PutPayload,
    mut opts: PutOptions,
) -> Result<PutResult> {
    if matches!(opts.mode, PutMode::Overwrite) {
        let attempt = || inner.put_opts(location, payload.clone(), opts.clone());
        return policy
            .retry_reported(Operation::Put, location, attempt)
            .await;
    }
    let token = policy.add_token(&mut opts.attributes);
    let resolver = Resolver {
        inner,
        policy,
        location,
    };
    let resolve = || async {
        match opts.mode {
            PutMode::Update(_) => resolver.update(token.as_ref(), &payload).await,
            PutMode::Create | PutMode::Overwrite => resolver.create(token.as_ref(), &payload).await,
        }
    };
    conditional::retry(
        policy,
        Operation::Put,
        location,
        Questions::Conflicts,
        || inner.put_opts(location, payload.clone(), opts.clone()),
        resolve,
        put_result,
    )
    .await
}
