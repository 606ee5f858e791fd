//! Where the journals of uploads are: beside a local destination, and in a directory of the user's
//! for one in a store.

pub(crate) mod journal;
pub(crate) mod journal_file;

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path as FsPath, PathBuf};
use std::time::{Duration, SystemTime};

use journal::{SourceVersion, UploadHead};
use object_store::ObjectMeta;
use object_store::path::Path;
use twox_hash::XxHash3_128;
use undaunted_object_store::PartSize;

use crate::endpoint::Endpoint;
use crate::location::Location;
use crate::settings::{CopySettings, StoreOptions};
use crate::store_identity::StoreIdentity;
use crate::store_kind::StoreKind;

/// The journals of one command.
#[derive(Debug)]
pub(crate) struct Journals {
    /// The directory for those of stores, if there is one.
    folder: Option<PathBuf>,
    source: Option<String>,
    destination: Option<String>,
}

impl Journals {
    pub(crate) fn new(settings: &CopySettings) -> Self {
        let folder = settings.state_dir.clone().or_else(state_dir);
        Self {
            folder: folder.map(|folder| folder.join("uploads")),
            source: identity(&settings.source, &settings.source_options),
            destination: identity(&settings.destination, &settings.destination_options),
        }
    }

    /// The journal of an upload to this key. None for stores whose uploads cannot be continued.
    pub(crate) fn place(&self, destination: &Endpoint, to: &Path) -> Option<PathBuf> {
        match destination.kind {
            StoreKind::Local => {
                // One zero fewer than the staging file.
                let staging = PartSize::staging_file(&destination.file(to)?);
                let name = staging.file_name()?.to_str()?.strip_suffix('0')?;
                Some(staging.with_file_name(name))
            }
            StoreKind::Azure | StoreKind::Google | StoreKind::S3 => {
                let store = self.destination.as_deref().unwrap_or_default();
                let name = hash(&format!("{store} {to}"));
                let folder = self.folder.as_ref()?;
                Some(folder.join(format!("{name:032x}.{EXTENSION}")))
            }
            StoreKind::Http | StoreKind::Memory => None,
        }
    }

    /// The object to copy, and which version of it.
    pub(crate) fn source(&self, source: &Endpoint, meta: &ObjectMeta) -> SourceVersion {
        let key = &meta.location;
        let name = source.file(key).map_or_else(
            || source.display_name(key),
            |file| file.display().to_string(),
        );
        let name = match &self.source {
            Some(store) => format!("{name} in store {store}"),
            None => name,
        };
        SourceVersion::new(name, meta)
    }

    /// What tells the store of the destination from others. None if it is local.
    pub(crate) fn store(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// The journals of stores that nothing was added to for long.
    pub(crate) fn forgotten(&self) -> Vec<PathBuf> {
        let entries = self.folder.as_ref().map(fs::read_dir);
        let Some(Ok(entries)) = entries else {
            return Vec::new();
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.filter(|path| is_forgotten(path)).collect()
    }

    /// A second journal, for an upload that could not be aborted when its own one was needed: it
    /// is found when it is forgotten. None if the destination is local, where one is enough.
    pub(crate) fn second_place(&self, head: &UploadHead) -> Option<PathBuf> {
        let (store, folder) = (self.destination.as_deref()?, self.folder.as_ref()?);
        let name = hash(&format!("{store} {} {}", head.key, head.upload));
        Some(folder.join(format!("{name:032x}.{EXTENSION}")))
    }
}

/// Whether this is the journal of an upload to a store, and nothing was added to it for long.
pub(crate) fn is_forgotten(path: &FsPath) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = changed.map(|changed| SystemTime::now().duration_since(changed));
    path.extension().is_some_and(|found| found == EXTENSION)
        && matches!(age, Ok(Ok(age)) if age > FORGOTTEN_AFTER)
}

/// Makes the directory of a journal, for its owner only.
pub(crate) fn make_folder_of(journal: &FsPath) -> io::Result<()> {
    let folder = journal.parent().unwrap_or(journal);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The directory that the environment names, or else the usual one.
fn state_dir() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable(STATE_DIR) {
        return Some(folder.into());
    }
    // A relative one is not valid, says the XDG Base Directory Specification.
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.filter(|state| state.is_absolute());
    let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("undaunted"))
}

/// What tells the store from others of the same URL, without its secrets.
fn identity(location: &Location, options: &StoreOptions) -> Option<String> {
    let Location::Store(location) = location else {
        return None;
    };
    let identity = format!("{:?}", StoreIdentity::of(location, options));
    Some(format!("{:016x}", hash(&identity) >> 64))
}

fn hash(text: &str) -> u128 {
    XxHash3_128::oneshot(text.as_bytes())
}

/// Names the directory of the state.
const STATE_DIR: &str = "UNDAUNTED_STATE_DIR";

const EXTENSION: &str = "journal";

/// As long as stores keep the parts of an upload that is not completed, where they end it by
/// themselves.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(7 * 24);
