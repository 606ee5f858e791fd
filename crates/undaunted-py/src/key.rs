//! Keys: the names of objects, relative to the path that the store was opened at.

use object_store::path::Path;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::storage_error;

/// The path that all keys are relative to.
#[derive(Clone, Debug)]
pub(crate) struct Root(Path);

impl Root {
    pub(crate) const fn new(path: Path) -> Self {
        Self(path)
    }

    /// The path of a key, which an argument of this name has.
    pub(crate) fn path(&self, py: Python<'_>, argument: &str, key: &str) -> PyResult<Path> {
        let refused = |reason: &str| {
            let message = format!("{argument} is {key:?}, but {reason}");
            storage_error(py, "StorageInvalidKeyError", message, Some(key))
        };
        if key.is_empty() {
            return Err(refused("must name an object"));
        }
        if key.starts_with('/') || key.ends_with('/') {
            return Err(refused("must neither begin nor end with a slash"));
        }
        self.below(key)
            .map_err(|reason| refused(&format!("cannot be the key of an object: {reason}")))
    }

    /// The path of a folder; the empty key is the root.
    pub(crate) fn folder(&self, py: Python<'_>, key: &str) -> PyResult<Path> {
        match key {
            "" => Ok(self.0.clone()),
            _ => self.path(py, "key", key),
        }
    }

    /// For a prefix of keys, which need not end at a slash: the folder that is listed, and the
    /// beginning of the full paths.
    pub(crate) fn prefix(&self, py: Python<'_>, prefix: &str) -> PyResult<(Option<Path>, String)> {
        let refused = |reason| {
            let message = format!("prefix is {prefix:?}, but cannot begin a key: {reason}");
            storage_error(py, "StorageInvalidKeyError", message, Some(prefix))
        };
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
        let below = Path::parse(path).map_err(|_| reason(path))?;
        Ok(self.0.parts().chain(below.parts()).collect())
    }
}

/// Why a path is none, in words of its own: object_store's have it once more, unescaped.
fn reason(path: &str) -> String {
    if let Some(control) = path.chars().find(char::is_ascii_control) {
        return format!("it has the control character {control:?}");
    }
    let is_dots = |segment| segment == "." || segment == "..";
    match path.split('/').find(|&segment| is_dots(segment)) {
        Some(dots) => format!("it has the segment {dots:?}"),
        None => "it has an empty segment, between two slashes".to_owned(),
    }
}

/// The text of an argument that is a key. Half of a surrogate pair, which Python puts in the place
/// of bytes that it cannot decode, is in no key.
pub(crate) fn text(argument: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = given.cast::<PyString>() else {
        let given = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "{argument} must be a str, not {given}"
        )));
    };
    text.to_cow().map(Into::into).map_err(|_| {
        let shown = text.repr().map(|shown| shown.to_string());
        let message = format!(
            "{argument} is {}, but must be text that UTF-8 can encode: it has half of a surrogate \
             pair",
            shown.unwrap_or_default()
        );
        storage_error(given.py(), "StorageInvalidKeyError", message, None)
    })
}
