//! Keys: what a user calls an object, below the path that the store was opened at.

use object_store::path::Path;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Where in the store the keys begin.
#[derive(Clone, Debug)]
pub(crate) struct Root(Path);

impl Root {
    pub(crate) const fn new(path: Path) -> Self {
        Self(path)
    }

    /// The place of a key.
    pub(crate) fn place(&self, key: &str) -> PyResult<Path> {
        if key.is_empty() {
            return Err(PyValueError::new_err("the key is empty: name an object"));
        }
        if key.starts_with('/') || key.ends_with('/') {
            return Err(PyValueError::new_err(format!(
                "the key {key:?} begins or ends with a slash, which the key of an object does not"
            )));
        }
        self.below(key).map_err(|reason| {
            PyValueError::new_err(format!("{key:?} cannot be the key of an object: {reason}"))
        })
    }

    /// A prefix of keys, which need not end at a slash: the place to look in, and what the
    /// full path of an object must begin with.
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

    /// The key of a place, if it is one of ours.
    pub(crate) fn key(&self, place: &Path) -> Option<String> {
        if self.0.is_root() {
            return Some(place.to_string());
        }
        let rest = place.as_ref().strip_prefix(self.0.as_ref())?;
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
