//! Errors of the store's own.

use std::error::Error as StdError;

use object_store::Error;
use object_store::path::Path;
use undaunted::HttpFailure;

use crate::operation::Operation;

/// A write whose response was lost, of which it cannot be told whether it took effect.
///
/// The operation ended with a conflict after an earlier attempt that may have been applied, or
/// its retries ended without a response, and what is there now proves neither. The caller
/// decides: read what is there, or write under another condition. It is permanent. It comes as
/// the source of an [`Error::Generic`]:
///
/// ```
/// use std::error::Error as _;
/// use undaunted_object_store::Ambiguous;
///
/// fn is_undecided(error: &object_store::Error) -> bool {
///     error.source().is_some_and(|source| source.is::<Ambiguous>())
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {location} may or may not have taken effect: {reason}")]
pub struct Ambiguous {
    operation: Operation,
    location: Path,
    reason: String,
    source: Box<dyn StdError + Send + Sync>,
}

impl Ambiguous {
    /// The operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The object that it was to write.
    #[must_use]
    pub const fn location(&self) -> &Path {
        &self.location
    }

    pub(crate) fn error(
        operation: Operation,
        location: &Path,
        reason: impl Into<String>,
        source: Box<dyn StdError + Send + Sync>,
    ) -> Error {
        generic(Self {
            operation,
            location: location.clone(),
            reason: reason.into(),
            source,
        })
    }
}

/// The first cause of this type along the `source()` of an error, such as object_store's of any
/// version: an [`Ambiguous`], a [`Corrupt`], the service's own response.
///
/// ```
/// use object_store::Error;
/// use undaunted::HttpFailure;
/// use undaunted_object_store::cause;
///
/// let source = Box::new(HttpFailure::new(503).with_code("SlowDown"));
/// let error = Error::Generic { store: "S3", source };
/// assert_eq!(cause::<HttpFailure>(&error).and_then(HttpFailure::code), Some("SlowDown"));
/// ```
#[must_use]
pub fn cause<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        link = error.source();
    }
    None
}

/// What was read is not what the store said that it has: some of it arrived changed.
///
/// Found at the end of a body, before its last bytes are handed over, by the checksum that the
/// service says, or with [`verify_reads`](crate::RetryStoreBuilder::verify_reads) by the ETag. Such
/// an object is read again once. Where that helps no more it comes as the source of an
/// [`Error::Generic`], and is permanent: what was handed over cannot be taken back, so whoever kept
/// it must read anew.
#[derive(Debug, thiserror::Error)]
#[error(
    "what was read of {location} is not what was stored: its {algorithm} is {found}, and should be \
     {expected}"
)]
pub struct Corrupt {
    location: Path,
    algorithm: &'static str,
    expected: String,
    found: String,
}

impl Corrupt {
    pub(crate) fn new(
        location: &Path,
        algorithm: &'static str,
        expected: String,
        found: String,
    ) -> Self {
        Self {
            location: location.clone(),
            algorithm,
            expected,
            found,
        }
    }

    /// The object that was read.
    #[must_use]
    pub const fn location(&self) -> &Path {
        &self.location
    }
}

/// An object that the store cannot copy by one request, or rename by a copy.
///
/// It is permanent, and nothing was copied. Read the object and write it with
/// [`put_multipart`](object_store::ObjectStoreExt::put_multipart) instead. It comes as the source
/// of an [`Error::Generic`](object_store::Error::Generic).
#[derive(Debug, thiserror::Error)]
#[error(
    "{location} has {size} bytes, and the store copies at most {limit} by one request: read it and \
     write the copy in parts, as `undaunted cp` does"
)]
pub struct TooLargeToCopy {
    location: Path,
    size: u64,
    limit: u64,
    source: Box<dyn StdError + Send + Sync>,
}

impl TooLargeToCopy {
    /// The object.
    #[must_use]
    pub const fn location(&self) -> &Path {
        &self.location
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The most that the store copies.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn error(
        location: &Path,
        size: u64,
        limit: u64,
        source: Box<dyn StdError + Send + Sync>,
    ) -> Error {
        generic(Self {
            location: location.clone(),
            size,
            limit,
            source,
        })
    }
}

/// Why a list that broke was not resumed.
#[derive(Debug, thiserror::Error)]
#[error("cannot resume the list of {store}: this store does not list in key order")]
pub(crate) struct OutOfOrder {
    pub(crate) store: String,
    pub(crate) source: Error,
}

/// A failure that the connector made of a status which object_store has a variant for, in
/// that variant.
pub(crate) fn with_meaning(error: Error, location: &Path) -> Error {
    if !matches!(error, Error::Generic { .. }) {
        return error;
    }
    let status = cause::<HttpFailure>(&error).map(HttpFailure::status);
    let path = location.to_string();
    match status {
        Some(401) => Error::Unauthenticated {
            path,
            source: Box::new(error),
        },
        Some(403) => Error::PermissionDenied {
            path,
            source: Box::new(error),
        },
        _ => error,
    }
}

/// A body all of which has arrived, and not as it was stored: a broken one, that is worth another
/// attempt. After that it is [`Corrupt`].
pub(crate) fn arrived_changed(corrupt: &Error) -> Error {
    generic(std::io::Error::new(
        std::io::ErrorKind::UnexpectedEof,
        corrupt.to_string(),
    ))
}

/// An error of ours as one of the trait's.
pub(crate) fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic {
        store: "RetryStore",
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_object() {
        let path = Path::from("a");
        let source = || Box::new(HttpFailure::new(500));
        let ambiguous = Ambiguous::error(Operation::Put, &path, "nobody knows", source());
        let ambiguous = cause::<Ambiguous>(&ambiguous).unwrap();
        assert_eq!(ambiguous.location(), &path);
        assert_eq!(ambiguous.operation(), Operation::Put);
        let large = TooLargeToCopy::error(&path, 2, 1, source());
        let large = cause::<TooLargeToCopy>(&large).unwrap();
        assert_eq!(large.location(), &path);
        let corrupt = Corrupt::new(&path, "MD5", "1".to_owned(), "2".to_owned());
        assert_eq!(corrupt.location(), &path);
    }

    #[test]
    fn a_status_becomes_the_variant_that_means_it() {
        let meaning = |status| with_meaning(generic(HttpFailure::new(status)), &Path::from("a"));
        assert!(matches!(meaning(401), Error::Unauthenticated { .. }));
        assert!(matches!(meaning(403), Error::PermissionDenied { .. }));
        for other in [400, 404, 503] {
            assert!(matches!(meaning(other), Error::Generic { .. }), "{other}");
        }
    }
}
