//! Folders: what object stores make of the slashes in their keys.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Attributes, Error, ObjectStore, Result};
use undaunted_object_store::{RetryStore, observe};

use crate::key::Root;
use crate::left_out::LeftOut;
use crate::stored_file::StoredFile;

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// The objects directly in a folder, and the keys of the folders in it.
pub(crate) async fn list(
    store: &Store,
    root: &Root,
    folder: &Path,
    mut left_out: LeftOut,
) -> Result<(Vec<StoredFile>, Vec<String>)> {
    let prefix = Some(folder).filter(|folder| !folder.is_root());
    let (listed, seen) = observe(store.list_with_delimiter(prefix)).await;
    left_out.add(seen.skipped_keys);
    let listed = listed?;
    let folders = listed.common_prefixes.iter();
    let folders = folders.filter_map(|folder| root.key(folder)).collect();
    let objects = listed.objects.into_iter().filter_map(|meta| {
        let key = root.key(&meta.location)?;
        Some(StoredFile::new(key, meta, &Attributes::new()))
    });
    Ok((objects.collect(), folders))
}

/// Whether there is an object in a folder, at any depth, one that cannot be listed too, or the empty
/// object that marks a folder.
pub(crate) async fn exists(store: &Store, folder: &Path) -> Result<bool> {
    if store.capabilities().pages().is_none() {
        let prefix = Some(folder).filter(|folder| !folder.is_root());
        return Ok(store.list(prefix).next().await.transpose()?.is_some());
    }
    let prefix = format!("{folder}/");
    let prefix = Some(prefix.as_str()).filter(|_| !folder.is_root());
    let options = PaginatedListOptions {
        max_keys: Some(1),
        ..PaginatedListOptions::default()
    };
    let (page, seen) = observe(store.list_paginated(prefix, options)).await;
    let page = page?;
    let is_listed = !page.result.objects.is_empty() || page.page_token.is_some();
    Ok(is_listed || seen.folder_markers > 0 || !seen.skipped_keys.is_empty())
}

/// Deletes all of these objects: the first failure, once all were tried.
pub(crate) async fn delete_all(store: &Store, paths: Vec<Path>) -> Result<()> {
    let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
    let mut results = store.delete_stream(paths);
    let mut first_failure = Ok(());
    while let Some(result) = results.next().await {
        match result {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => first_failure = first_failure.and(Err(error)),
        }
    }
    first_failure
}
