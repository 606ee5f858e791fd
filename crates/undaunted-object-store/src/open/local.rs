//! Local files.

use std::path::absolute;
use std::sync::Arc;

use object_store::ObjectStoreScheme;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use super::{Backend, OpenError, Target};
use crate::capabilities::Capabilities;
use crate::local_parts::LocalParts;

pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    let files = target.apply("file", LocalFileSystem::new(), |_, _, _| None)?;
    Ok(Backend::of_files(files))
}

impl Backend {
    /// Local files, and what can be done with them beyond the trait.
    #[must_use]
    pub fn of_files(files: LocalFileSystem) -> Self {
        let files = Arc::new(files);
        let capabilities = Capabilities::none()
            .with_parts(Arc::new(LocalParts::new(files.clone())))
            .with_native_rename();
        Self::new(files, capabilities)
    }
}

/// A path as it is written on a command line: relative to the current folder, or absolute.
pub(super) fn plain_path(text: &str, options: Vec<(String, String)>) -> Result<Target, OpenError> {
    let invalid = |reason: String| OpenError::InvalidPath {
        path: text.to_owned(),
        reason,
    };
    let path = absolute(text).map_err(|error| invalid(error.to_string()))?;
    let url =
        Url::from_file_path(&path).map_err(|()| invalid("it has no absolute form".to_owned()))?;
    let path = Path::from_absolute_path(&path).map_err(|error| invalid(error.to_string()))?;
    Ok(Target {
        scheme: ObjectStoreScheme::Local,
        url,
        path,
        options,
    })
}
