//! The payload of a write: bytes, content type and metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use object_store::{Attribute, Attributes};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes};

/// The bytes of an object. A large `bytes` is not copied, since it cannot change.
pub(crate) fn data(data: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(if bytes.as_bytes().len() <= COPIED {
            Bytes::copy_from_slice(bytes.as_bytes())
        } else {
            Bytes::from_owner(PyBackedBytes::from(bytes.clone()))
        });
    }
    if let Ok(array) = data.cast::<PyByteArray>() {
        return Ok(Bytes::from(array.to_vec()));
    }
    let given = data.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "data must be bytes, not {given}"
    )))
}

/// The attributes of an object. Services keep them as HTTP headers, so values that no header can
/// hold are refused here, for all stores.
pub(crate) fn attributes(
    content_type: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
) -> PyResult<Attributes> {
    let mut attributes = Attributes::new();
    if let Some(content_type) = content_type {
        if !is_header_value(&content_type) {
            return Err(refused("content_type", &content_type));
        }
        attributes.insert(Attribute::ContentType, content_type.into());
    }
    for (name, value) in metadata.into_iter().flatten() {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(PyValueError::new_err(format!(
                "metadata has the name {name:?}, but must have names of ASCII letters, digits and \
                 dashes"
            )));
        }
        if !is_header_value(&value) {
            return Err(refused(&format!("metadata[{name:?}]"), &value));
        }
        attributes.insert(Attribute::Metadata(Cow::Owned(name)), value.into());
    }
    Ok(attributes)
}

/// Whether there is user metadata.
pub(crate) fn has_metadata(attributes: &Attributes) -> bool {
    attributes
        .iter()
        .any(|(attribute, _)| matches!(attribute, Attribute::Metadata(_)))
}

fn is_header_value(value: &str) -> bool {
    value.is_ascii() && HeaderValue::from_str(value).is_ok()
}

fn refused(name: &str, value: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{name} is {value:?}, but must be printable ASCII: encode other characters"
    ))
}

/// Up to this size a copy costs less than a reference that is counted.
const COPIED: usize = 4096;
