//! Attributes that a service can keep: as headers of HTTP.

use http::{HeaderName, HeaderValue};
use object_store::{Attribute, Attributes, Error, Result};

use crate::error::generic;

/// An attribute that no header of HTTP can hold. Services keep attributes as headers, so it is refused
/// before anything is sent, by all stores: object_store's clients panic where they sign such a request.
/// It comes as the source of an [`Error::Generic`], and is permanent.
///
/// ```
/// use object_store::{Attribute, Attributes};
/// use undaunted_object_store::InvalidAttribute;
///
/// let attributes = Attributes::from_iter([(Attribute::ContentType, "text/csv\n")]);
/// let error = InvalidAttribute::check(&attributes).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the content type is \"text/csv\\n\": it must have no control characters, such as line breaks"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {text:?}: {expected}")]
pub struct InvalidAttribute {
    what: String,
    text: String,
    expected: &'static str,
}

impl InvalidAttribute {
    /// Whether a service can keep these attributes.
    ///
    /// # Errors
    ///
    /// The first of them that it cannot.
    pub fn check(attributes: &Attributes) -> Result<(), Self> {
        for (attribute, value) in attributes {
            if let Attribute::Metadata(name) = attribute {
                if HeaderName::from_bytes(name.as_bytes()).is_err() {
                    return Err(Self {
                        what: "a name of the metadata".to_owned(),
                        text: name.to_string(),
                        expected: "it must have ASCII letters, digits and dashes only",
                    });
                }
            }
            if HeaderValue::from_str(value).is_err() {
                return Err(Self {
                    what: named(attribute),
                    text: value.to_string(),
                    expected: "it must have no control characters, such as line breaks",
                });
            }
        }
        Ok(())
    }
}

/// What messages call an attribute.
fn named(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Metadata(name) => format!("the metadata {name:?}"),
        Attribute::ContentType => "the content type".to_owned(),
        Attribute::ContentEncoding => "the content encoding".to_owned(),
        Attribute::ContentLanguage => "the content language".to_owned(),
        Attribute::ContentDisposition => "the content disposition".to_owned(),
        Attribute::CacheControl => "the cache control".to_owned(),
        Attribute::StorageClass => "the storage class".to_owned(),
        other => format!("the attribute {other:?}"),
    }
}

/// Refuses attributes that no service can keep.
pub(crate) fn check(attributes: &Attributes) -> Result<(), Error> {
    InvalidAttribute::check(attributes).map_err(generic)
}
