//! What undaunted-object-store-013 takes from this crate beside its API: it has no other use.

use std::future::Future;

use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, PutOptions, PutPayload, PutResult, Result};

pub use crate::full_text::{IsGeneric, full_text_with};
use crate::store::RetryStore;

/// [`ObjectStore::get_opts`] without a box around its future: the methods there have one already.
pub fn get<'s, S: ObjectStore>(
    store: &'s RetryStore<S>,
    location: &'s Path,
    options: GetOptions,
) -> impl Future<Output = Result<GetResult>> + use<'s, S> {
    store.get_unboxed(location, options)
}

/// [`ObjectStore::put_opts`] without a box around its future.
pub fn put<'s, S: ObjectStore>(
    store: &'s RetryStore<S>,
    location: &'s Path,
    payload: PutPayload,
    options: PutOptions,
) -> impl Future<Output = Result<PutResult>> + use<'s, S> {
    store.put_unboxed(location, payload, options)
}
