//! What SRC is: an object, a tree, or stdin.

use std::fs;
use std::path::{Path as FsPath, PathBuf};

use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use undaunted_object_store::observe;

use crate::endpoint::{Endpoint, EndpointConfig, Head};
use crate::error::{CliError, FailedObject, UsageError};
use crate::location::{LocalLocation, Location, StoreLocation, resolve};
use crate::request::{FailedRequest, request};
use crate::settings::CopySettings;
use crate::tree;

/// SRC, open.
#[derive(Debug)]
pub(super) struct Source {
    /// None is stdin.
    pub(super) endpoint: Option<Endpoint>,
    /// The key of the object, or the prefix of the tree.
    pub(super) key: Path,
    /// The object, if it was looked at.
    pub(super) head: Option<Head>,
    pub(super) is_tree: bool,
    /// The name of a copy into a directory. A tree and stdin have none.
    pub(super) name: Option<String>,
    /// Its name in messages.
    pub(super) display_name: String,
    /// The resolved path, if the source is local.
    pub(super) real: Option<PathBuf>,
}

impl Source {
    pub(super) async fn open(
        settings: &CopySettings,
        config: EndpointConfig,
    ) -> Result<Self, CliError> {
        match &settings.source {
            Location::Stream => Ok(Self {
                endpoint: None,
                key: Path::ROOT,
                head: None,
                is_tree: false,
                name: None,
                display_name: settings.source.display_name(),
                real: None,
            }),
            Location::Local(local) => open_local(local, settings.recursive, config),
            Location::Store(store) => open_store(store, settings, config).await,
        }
    }
}

fn open_local(
    local: &LocalLocation,
    recursive: bool,
    config: EndpointConfig,
) -> Result<Source, CliError> {
    let display_name = local.path.display().to_string();
    let metadata = fs::metadata(&local.path).map_err(|error| {
        let is_link = fs::symlink_metadata(&local.path).is_ok_and(|found| found.is_symlink());
        let failed = FailedObject::io(&display_name, &error);
        if is_link {
            failed.and("it is a broken symbolic link")
        } else {
            failed
        }
    })?;
    let real = resolve(&local.path);
    if metadata.is_dir() {
        if !recursive {
            return Err(UsageError::Directory { path: display_name }.into());
        }
        let endpoint = Endpoint::folder(real.clone(), local.path.clone(), config)?;
        return Ok(Source {
            endpoint: Some(endpoint),
            key: Path::ROOT,
            head: None,
            is_tree: true,
            name: None,
            display_name,
            real: Some(real),
        });
    }
    tree::check_file(&local.path, &metadata)
        .map_err(|reason| FailedObject::new(&display_name, reason))?;
    // The directory and the name as given: a link is copied under its own name.
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
    Ok(Source {
        endpoint: Some(Endpoint::folder(folder, parent.to_owned(), config)?),
        name: Some(key.to_string()),
        key,
        head: None,
        is_tree: false,
        display_name,
        real: Some(real),
    })
}

async fn open_store(
    store: &StoreLocation,
    settings: &CopySettings,
    config: EndpointConfig,
) -> Result<Source, CliError> {
    let display_name = settings.source.display_name();
    let is_prefix = store.has_slash || store.path.is_root();
    if is_prefix && !settings.recursive {
        return Err(UsageError::Directory { path: display_name }.into());
    }
    let endpoint = Endpoint::store(store, &settings.source_options, config)?;
    let head = if settings.recursive {
        object_unless_tree(&endpoint, store, &display_name).await?
    } else {
        Some(object(&endpoint, store, &display_name).await?)
    };
    Ok(Source {
        endpoint: Some(endpoint),
        key: store.path.clone(),
        is_tree: head.is_none(),
        head,
        name: store.path.filename().map(ToOwned::to_owned),
        display_name,
        real: None,
    })
}

/// None if there are objects below this prefix; otherwise there must be an object of this name.
async fn object_unless_tree(
    endpoint: &Endpoint,
    store: &StoreLocation,
    display_name: &str,
) -> Result<Option<Head>, CliError> {
    if has_something_below(endpoint, &store.path, display_name).await? {
        return Ok(None);
    }
    if store.path.is_root() {
        // An empty store is an empty tree.
        return Ok(None);
    }
    let found = request(endpoint.head(&store.path)).await;
    let head = found.map_err(|failed| not_found(display_name, &failed))?;
    Ok(Some(head))
}

/// The object of this name, unless there are only objects below it.
async fn object(
    endpoint: &Endpoint,
    store: &StoreLocation,
    display_name: &str,
) -> Result<Head, CliError> {
    let failed = match request(endpoint.head(&store.path)).await {
        Ok(head) => return Ok(head),
        Err(failed) => failed,
    };
    // A web server may have no lists: then nothing is known but the failure.
    if failed.is_not_found()
        && let Ok(true) = has_something_below(endpoint, &store.path, display_name).await
    {
        let path = display_name.to_owned();
        return Err(UsageError::Directory { path }.into());
    }
    Err(not_found(display_name, &failed).into())
}

async fn has_something_below(
    endpoint: &Endpoint,
    prefix: &Path,
    display_name: &str,
) -> Result<bool, CliError> {
    let mut list = endpoint.store.list(Some(prefix));
    let (first, observed) = observe(request(list.try_next())).await;
    let first = first.map_err(|failed| FailedObject::request(display_name, &failed))?;
    // What is left out of a list is below the prefix too, and so is the mark of a folder.
    Ok(first.is_some() || !observed.skipped_keys.is_empty() || observed.folder_markers > 0)
}

fn not_found(display_name: &str, failed: &FailedRequest) -> FailedObject {
    if failed.is_not_found() {
        FailedObject::new(display_name, "no such object")
    } else {
        FailedObject::request(display_name, failed)
    }
}
