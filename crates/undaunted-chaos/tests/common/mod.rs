//! What several of the tests need.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use std::error::Error as _;

use futures::TryStreamExt;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use tempfile::TempDir;

#[cfg(feature = "server")]
pub(crate) mod s3;

/// A local store, and the folder that must live as long.
pub(crate) fn local() -> (LocalFileSystem, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    (store, folder)
}

/// The content of an object, or none if there is no such object.
pub(crate) async fn content(store: &dyn ObjectStore, key: &Path) -> Option<String> {
    match store.get(key).await {
        Ok(result) => {
            let bytes = result.bytes().await.unwrap();
            Some(String::from_utf8(bytes.to_vec()).unwrap())
        }
        Err(Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// All keys of a store, in order.
pub(crate) async fn keys(store: &dyn ObjectStore) -> Vec<String> {
    let mut keys: Vec<String> = store
        .list(None)
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .unwrap();
    keys.sort();
    keys
}

/// The kind of an injected failure; panics for an error that was not injected.
pub(crate) fn injected(error: &Error) -> HttpErrorKind {
    assert!(
        matches!(
            error,
            Error::Generic {
                store: "FaultyStore",
                ..
            }
        ),
        "{error}"
    );
    let source = error.source().unwrap();
    source.downcast_ref::<HttpError>().unwrap().kind()
}
