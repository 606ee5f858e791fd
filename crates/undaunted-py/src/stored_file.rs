//! The description of an object, as Python's `StoredFile`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectMeta};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The description of an object.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    key: String,
    meta: ObjectMeta,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl StoredFile {
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// An object as the store describes it.
    pub(crate) fn new(key: String, meta: ObjectMeta, attributes: &Attributes) -> Self {
        let mut stored = Self {
            key,
            meta,
            content_type: None,
            metadata: BTreeMap::new(),
        };
        for (attribute, value) in attributes {
            match attribute {
                Attribute::ContentType => stored.content_type = Some(value.to_string()),
                Attribute::Metadata(name) => {
                    stored.metadata.insert(name.to_string(), value.to_string());
                }
                _ => {}
            }
        }
        stored
    }

    /// An object that was just written. Services do not report the time of a write, so it has
    /// the time of this machine.
    pub(crate) fn written(
        key: String,
        size: u64,
        e_tag: Option<String>,
        attributes: &Attributes,
    ) -> Self {
        let meta = ObjectMeta {
            location: Path::default(),
            last_modified: DateTime::<Utc>::from(SystemTime::now()),
            size,
            e_tag,
            version: None,
        };
        Self::new(key, meta, attributes)
    }
}

impl<'py> IntoPyObject<'py> for StoredFile {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        (&self).into_pyobject(py)
    }
}

impl<'py> IntoPyObject<'py> for &StoredFile {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        CLASS.import(py, "undaunted._types", "StoredFile")?.call1((
            &self.key,
            self.meta.size,
            self.content_type.as_deref(),
            self.meta.e_tag.as_deref(),
            self.meta.last_modified,
            &self.metadata,
        ))
    }
}

static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
