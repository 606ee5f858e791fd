//! What is known about an object, as Python's `StoredFile`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use object_store::{Attribute, Attributes, ObjectMeta};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// An object, and what is known about it.
#[derive(Debug)]
pub(crate) struct Stored {
    key: String,
    size: u64,
    content_type: Option<String>,
    etag: Option<String>,
    last_modified: Option<DateTime<Utc>>,
    metadata: BTreeMap<String, String>,
}

impl Stored {
    /// An object as the store describes it.
    pub(crate) fn described(key: String, meta: ObjectMeta, attributes: &Attributes) -> Self {
        let mut stored = Self {
            key,
            size: meta.size,
            content_type: None,
            etag: meta.e_tag,
            last_modified: Some(meta.last_modified),
            metadata: BTreeMap::new(),
        };
        stored.describe(attributes);
        stored
    }

    /// An object that was just written. No service says when it did it, so that is the time
    /// of this machine.
    pub(crate) fn written(
        key: String,
        size: u64,
        etag: Option<String>,
        attributes: &Attributes,
    ) -> Self {
        let mut stored = Self {
            key,
            size,
            content_type: None,
            etag,
            last_modified: Some(DateTime::<Utc>::from(std::time::SystemTime::now())),
            metadata: BTreeMap::new(),
        };
        stored.describe(attributes);
        stored
    }

    fn describe(&mut self, attributes: &Attributes) {
        for (attribute, value) in attributes {
            match attribute {
                Attribute::ContentType => self.content_type = Some(value.to_string()),
                Attribute::Metadata(name) => {
                    self.metadata.insert(name.to_string(), value.to_string());
                }
                _ => {}
            }
        }
    }
}

impl<'py> IntoPyObject<'py> for Stored {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        CLASS.import(py, "undaunted._types", "StoredFile")?.call1((
            self.key,
            self.size,
            self.content_type,
            self.etag,
            self.last_modified,
            self.metadata,
        ))
    }
}

static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
