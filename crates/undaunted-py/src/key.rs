//! Keys: the names of objects, relative to the path that the store was opened at.

use object_store::path::Path;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The path that all keys are relative to.
#[derive(Clone, Debug)]
pub(crate) struct Root(Path);

impl Root {
    pub(crate) const fn new(path: Path) -> Self {
        Self(path)
    }

    /// The path of a key.
    pub(crate) fn path(&self, key: &str) -> PyResult<Path> {
        if key.is_empty() {
            return Err(PyValueError::new_err("the key is empty: name an object"));
        }
        if key.starts_with('/') || key.ends_with('/') {
            return Err(PyValueError::new_err(format!(
                "the key {key:?} begins or ends with a slash: remove it"
            )));
        }
        self.below(key).map_err(|reason| {
            PyValueError::new_err(format!("{key:?} cannot be the key of an object: {reason}"))
        })
    }

    /// The path of a folder; the empty key is the root.
    pub(crate) fn folder(&self, key: &str) -> PyResult<Path> {
        match key {
            "" => Ok(self.0.clone()),
            _ => self.path(key),
        }
    }

    /// For a prefix of keys, which need not end at a slash: the folder that is listed, and the
    /// beginning of the full paths.
    pub(crate) fn prefix(&self, prefix: &str) -> PyResult<(Option<Path>, String)> {
        let refused =
            |reason| PyValueError::new_err(format!("{prefix:?} cannot begin a key: {reason}"));
        if prefix.starts_with('/') {
            return Err(refused("keys do not begin with a slash".to_owned()));
        }
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = self.below(folder).map_err(refused)?;
        let start = if self.0.is_root() {
            prefix.to_owned()
        } else {
            format!("{}/{prefix}", self.0)
        };
        Ok((Some(folder).filter(|folder| !folder.is_root()), start))
    }

    /// The key of a path, if it is below the root.
    pub(crate) fn key(&self, path: &Path) -> Option<String> {
        if self.0.is_root() {
            return Some(path.to_string());
        }
        let rest = path.as_ref().strip_prefix(self.0.as_ref())?;
        rest.strip_prefix('/').map(ToOwned::to_owned)
    }

    fn below(&self, path: &str) -> Result<Path, String> {
        if path.is_empty() {
            return Ok(self.0.clone());
        }
        let below = Path::parse(path).map_err(|error| error.to_string())?;
        Ok(self.0.parts().chain(below.parts()).collect())
    }
}
