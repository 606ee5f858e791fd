//! Reads and puts whose futures are in no box of their own: for the methods of the trait, which box
//! them, and for undaunted-object-store-013, whose methods have a box around them already.

use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, PutOptions, PutPayload, PutResult, Result};

use crate::hedged::HedgedOnce;
use crate::operation::Operation;
use crate::store::RetryStore;
use crate::{body, token, write};

pub async fn get<S: ObjectStore>(
    store: &RetryStore<S>,
    location: &Path,
    options: GetOptions,
) -> Result<GetResult> {
    let once = HedgedOnce::default();
    let attempt = || {
        store
            .policy
            .get(&*store.inner, location, options.clone(), &once)
    };
    let mut result = store
        .policy
        .retry_reported(Operation::Get, location, attempt, |got| &mut got.extensions)
        .await?;
    result.attributes = token::strip(result.attributes);
    Ok(body::resumed(
        &store.inner,
        &store.policy,
        location,
        options,
        result,
        once,
    ))
}

pub async fn put<S: ObjectStore>(
    store: &RetryStore<S>,
    location: &Path,
    payload: PutPayload,
    opts: PutOptions,
) -> Result<PutResult> {
    write::put(&*store.inner, &store.policy, location, payload, opts).await
}
