//! Where DST is: a directory and a name, a key, or stdout.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path as FsPath, PathBuf};

use object_store::path::Path;

use super::source::Source;
use crate::endpoint::{Endpoint, EndpointConfig};
use crate::error::{CliError, FailedObject, UsageError};
use crate::location::{LocalLocation, Location, StoreLocation};
use crate::settings::CopySettings;
use crate::tree;

/// DST, not open yet.
#[derive(Debug)]
pub(super) enum Destination {
    Folder {
        /// The resolved directory.
        folder: PathBuf,
        /// Its name in messages.
        display_name: PathBuf,
        /// The name of the copy in it; a tree has none.
        name: Option<String>,
    },
    Store {
        location: StoreLocation,
        key: Path,
    },
    Stdout,
}

impl Destination {
    pub(super) fn find(settings: &CopySettings, source: &Source) -> Result<Self, CliError> {
        match &settings.destination {
            Location::Stream => Ok(Self::Stdout),
            Location::Local(local) if source.is_tree => folder_of_tree(local),
            Location::Local(local) => file(local, source.name.as_deref()),
            Location::Store(store) => {
                let mut key = store.path.clone();
                if !source.is_tree && (store.has_slash || store.path.is_root()) {
                    name_of(source.name.as_deref(), &settings.destination)?;
                    key = key.parts().chain(source.key.parts().next_back()).collect();
                }
                Ok(Self::Store {
                    location: store.clone(),
                    key,
                })
            }
        }
    }

    /// Opens the destination; a local directory is made, but not for a dry run. Returns it with the
    /// key of the copy, or the prefix of the tree.
    pub(super) fn open(
        self,
        settings: &CopySettings,
        config: EndpointConfig,
    ) -> Result<(Option<Endpoint>, Path, MadeFolders), CliError> {
        match self {
            Self::Stdout => Ok((None, Path::ROOT, MadeFolders::default())),
            Self::Store { location, key } => {
                let options = &settings.destination_options;
                let endpoint = Endpoint::store(&location, options, config)?;
                Ok((Some(endpoint), key, MadeFolders::default()))
            }
            Self::Folder {
                folder,
                display_name,
                name,
            } => {
                let key = match name {
                    Some(name) => tree::key_of(FsPath::new(&name))
                        .map_err(|reason| UsageError::Name { name, reason })?,
                    None => Path::ROOT,
                };
                if settings.dry_run && !folder.is_dir() {
                    MadeFolders::check(&folder).map_err(|error| {
                        FailedObject::io(display_name.display().to_string(), &error)
                    })?;
                    let endpoint = Endpoint::missing_folder(folder, display_name, config);
                    return Ok((Some(endpoint), key, MadeFolders::default()));
                }
                let made = MadeFolders::make(&folder).map_err(|error| {
                    FailedObject::io(display_name.display().to_string(), &error)
                })?;
                let endpoint = Endpoint::folder(folder, display_name, config)?;
                Ok((Some(endpoint), key, made))
            }
        }
    }
}

/// Directories that were made, to be removed again if they stay empty.
#[derive(Debug, Default)]
pub(super) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    fn make(folder: &FsPath) -> io::Result<Self> {
        let missing = folder.ancestors().take_while(|folder| !folder.exists());
        let missing = missing.map(ToOwned::to_owned).collect();
        fs::create_dir_all(folder)?;
        Ok(Self(missing))
    }

    /// Fails if the directory cannot be made because something else is in its place.
    fn check(folder: &FsPath) -> io::Result<()> {
        let existing = folder.ancestors().find(|folder| folder.exists());
        if existing.is_none_or(FsPath::is_dir) {
            return Ok(());
        }
        Err(io::ErrorKind::NotADirectory.into())
    }

    /// Removes those that are empty.
    pub(super) fn remove_if_empty(&self) {
        for folder in &self.0 {
            // Fails for the first that is not empty; its parents are not empty either.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}

fn folder_of_tree(local: &LocalLocation) -> Result<Destination, CliError> {
    if let Some(metadata) = existing(local)?
        && !metadata.is_dir()
    {
        let path = local.path.display().to_string();
        return Err(UsageError::TreeOntoFile { path }.into());
    }
    Ok(Destination::Folder {
        folder: local.resolved(),
        display_name: local.path.clone(),
        name: None,
    })
}

fn file(local: &LocalLocation, source_name: Option<&str>) -> Result<Destination, CliError> {
    let path = || local.path.display().to_string();
    let into = match existing(local)? {
        Some(metadata) if metadata.is_dir() => true,
        Some(_) if local.has_slash => {
            return Err(UsageError::SlashAfterFile { path: path() }.into());
        }
        Some(metadata) if !metadata.is_file() => {
            return Err(UsageError::SpecialDestination { path: path() }.into());
        }
        Some(_) => false,
        None => local.has_slash,
    };
    let resolved = local.resolved();
    if into {
        let name = name_of(source_name, &Location::Local(local.clone()))?;
        return Ok(Destination::Folder {
            folder: resolved,
            display_name: local.path.clone(),
            name: Some(name.to_owned()),
        });
    }
    let (Some(folder), Some(name)) = (resolved.parent(), resolved.file_name()) else {
        let path = path();
        return Err(UsageError::SpecialDestination { path }.into());
    };
    let name = name.to_str().ok_or_else(|| UsageError::Name {
        name: name.display().to_string(),
        reason: tree::NOT_UTF8,
    })?;
    Ok(Destination::Folder {
        folder: folder.to_owned(),
        display_name: local.path.parent().unwrap_or(folder).to_owned(),
        name: Some(name.to_owned()),
    })
}

/// What exists at the path. Links are followed, and must not be broken.
fn existing(local: &LocalLocation) -> Result<Option<Metadata>, CliError> {
    let display_name = || local.path.display().to_string();
    // With a trailing slash a file would be an error that does not say that it is a file.
    let without_slash: PathBuf = local.path.components().collect();
    match fs::metadata(&without_slash) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::symlink_metadata(&without_slash) {
                Ok(_) => Err(UsageError::DanglingDestination {
                    path: display_name(),
                }
                .into()),
                Err(_) => Ok(None),
            }
        }
        Err(error) => Err(FailedObject::io(display_name(), &error).into()),
    }
}

fn name_of<'a>(name: Option<&'a str>, destination: &Location) -> Result<&'a str, UsageError> {
    name.ok_or_else(|| UsageError::NamelessStdin {
        path: destination.display_name(),
    })
}
