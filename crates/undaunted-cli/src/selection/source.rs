//! What SRC is: an object, a tree, or stdin.

use std::fs;
use std::path::{Path as FsPath, PathBuf};

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::endpoint::{Endpoint, Setup};
use crate::error::{CliError, UsageError};
use crate::error::FailedObject;
use crate::location::{LocalLocation, Location, StoreLocation, resolve};
use crate::options;
use crate::tree;

/// The source, open.
#[derive(Debug)]
pub(super) struct Origin {
    /// None is stdin.
    pub(super) endpoint: Option<Endpoint>,
    /// The key of the object, or the prefix of the tree.
    pub(super) key: Path,
    pub(super) is_tree: bool,
    /// The name that a copy into a directory gets.
    pub(super) name: Option<String>,
    /// What messages call it.
    pub(super) display_name: String,
    /// The resolved path, if it is local.
    pub(super) real: Option<PathBuf>,
}

pub(super) async fn find(settings: &CopySettings, setup: Setup) -> Result<Origin, CliError> {
    match &settings.source {
        Location::Stream => Ok(Origin {
            endpoint: None,
            key: Path::ROOT,
            is_tree: false,
            name: None,
            display_name: settings.source.display_name(),
            real: None,
        }),
        Location::Local(local) => find_local(local, settings.recursive, setup),
        Location::Store(store) => find_in_store(store, settings, setup).await,
    }
}

fn find_local(local: &LocalLocation, recursive: bool, setup: Setup) -> Result<Origin, CliError> {
    let display_name = local.path.display().to_string();
    let metadata = fs::metadata(&local.path).map_err(|error| {
        let is_link = fs::symlink_metadata(&local.path).is_ok_and(|found| found.is_symlink());
        let failure = FailedObject::io(&display_name, &error);
        if is_link {
            failure.and("it is a symbolic link that leads nowhere")
        } else {
            failure
        }
    })?;
    let real = resolve(&local.path);
    if metadata.is_dir() {
        if !recursive {
            return Err(UsageError::Directory { path: display_name }.into());
        }
        let endpoint = Endpoint::folder(real.clone(), local.path.clone(), setup)?;
        return Ok(Origin {
            endpoint: Some(endpoint),
            key: Path::ROOT,
            is_tree: true,
            name: None,
            display_name,
            real: Some(real),
        });
    }
    tree::check_file(&local.path, &metadata).map_err(|reason| FailedObject::new(&display_name, reason))?;
    // The directory and the name as they are written: the name of a link is the link's.
    let name = local.path.file_name().unwrap_or_default();
    let key = tree::key_of(FsPath::new(name)).map_err(|reason| UsageError::Name {
        name: name.display().to_string(),
        reason,
    })?;
    let parent = local.path.parent().unwrap_or(FsPath::new(""));
    let folder = resolve(if parent.as_os_str().is_empty() {
        FsPath::new(".")
    } else {
        parent
    });
    Ok(Origin {
        endpoint: Some(Endpoint::folder(folder, parent.to_owned(), setup)?),
        name: Some(key.to_string()),
        key,
        is_tree: false,
        display_name,
        real: Some(real),
    })
}

async fn find_in_store(
    store: &StoreLocation,
    settings: &CopySettings,
    setup: Setup,
) -> Result<Origin, CliError> {
    let display_name = settings.source.display_name();
    let is_prefix = store.slash || store.path.is_root();
    if is_prefix && !settings.recursive {
        return Err(UsageError::Directory { path: display_name }.into());
    }
    let endpoint = Endpoint::store(store, &settings.source_options, setup)?;
    let is_tree = settings.recursive && is_tree(&endpoint, store, &display_name).await?;
    if !is_tree && !settings.recursive {
        check_is_object(&endpoint, store, &display_name).await?;
    }
    Ok(Origin {
        endpoint: Some(endpoint),
        key: store.path.clone(),
        is_tree,
        name: store.path.filename().map(ToOwned::to_owned),
        display_name,
        real: None,
    })
}

/// Whether there is something below, or, failing that, an object of this name.
async fn is_tree(
    endpoint: &Endpoint,
    store: &StoreLocation,
    display_name: &str,
) -> Result<bool, CliError> {
    if has_something_below(endpoint, &store.path, display_name).await? {
        return Ok(true);
    }
    if store.path.is_root() {
        // An empty store is an empty tree.
        return Ok(true);
    }
    let found = endpoint.store.head(&store.path).await;
    found.map_err(|error| nothing_there(display_name, &error))?;
    Ok(false)
}

/// Says what would help if the name is only that of a prefix.
async fn check_is_object(
    endpoint: &Endpoint,
    store: &StoreLocation,
    display_name: &str,
) -> Result<(), CliError> {
    match endpoint.store.head(&store.path).await {
        Err(error @ object_store::Error::NotFound { .. }) => {
            // A web server may have no lists; then the first answer is all there is to say.
            match has_something_below(endpoint, &store.path, display_name).await {
                Ok(true) => Err(UsageError::Directory {
                    path: display_name.to_owned(),
                }
                .into()),
                _ => Err(nothing_there(display_name, &error).into()),
            }
        }
        Err(error) => Err(FailedObject::store(display_name, &error).into()),
        Ok(_) => Ok(()),
    }
}

async fn has_something_below(
    endpoint: &Endpoint,
    prefix: &Path,
    display_name: &str,
) -> Result<bool, CliError> {
    let first = endpoint.store.list(Some(prefix)).try_next().await;
    Ok(first
        .map_err(|error| FailedObject::store(display_name, &error))?
        .is_some())
}

fn nothing_there(display_name: &str, error: &object_store::Error) -> Failure {
    match error {
        object_store::Error::NotFound { .. } => FailedObject::new(display_name, "there is no such object"),
        error => FailedObject::store(display_name, error),
    }
}
