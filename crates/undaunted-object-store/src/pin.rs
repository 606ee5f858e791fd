//! Reads of one and the same object: by a condition of the request, and by a comparison of what
//! came.

use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectMeta, Result};

use crate::error::generic;

/// What only the same object has: to read an object in several requests, and be told if another
/// has taken its place in between.
///
/// A strong ETag becomes `If-Match`; where there is none, the version is asked for. Both need
/// the service's help, so what comes is compared once more, by time and size where there is
/// nothing better.
///
/// ```
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
/// use undaunted::RetryConfig;
/// use undaunted_object_store::{ObjectPin, RetryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> object_store::Result<()> {
/// let store = RetryStore::new(InMemory::new(), RetryConfig::storage());
/// let key = Path::from("a");
/// store.put(&key, "first".into()).await?;
/// let pin = ObjectPin::of(&store.head(&key).await?);
/// store.put(&key, "other".into()).await?;
/// let error = store.read_range(&key, 0..5, &pin).await.unwrap_err();
/// assert!(matches!(error, object_store::Error::Precondition { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPin(Option<ObjectMeta>);

impl ObjectPin {
    /// The object that this was said of.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Self {
        Self(Some(meta.clone()))
    }

    /// Whatever object is there at the first request.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// The object's size, if it is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.0.as_ref().map(|meta| meta.size)
    }

    /// Whether the service can be asked for this object and no other, so that the rest of a
    /// body can be asked for without ever joining two objects.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.strong_etag().is_some() || self.version().is_some()
    }

    /// Asks for this object and no other, as far as the service can be asked.
    #[must_use]
    pub fn options(&self) -> GetOptions {
        let if_match = self.strong_etag().map(ToOwned::to_owned);
        // Reading by version takes another permission on S3, so only where it must be.
        let version = match if_match {
            Some(_) => None,
            None => self.version().map(ToOwned::to_owned),
        };
        GetOptions {
            if_match,
            version,
            ..GetOptions::default()
        }
    }

    /// Compares the object with what was said of it later, perhaps by a server that does not heed
    /// conditions.
    ///
    /// # Errors
    ///
    /// [`Error::Precondition`] if the object was changed or replaced; [`Error::Generic`] if the
    /// service gives one ETag to two sizes, as it does of a body that is compressed or
    /// decompressed on its way.
    pub fn check(&self, location: &Path, now: &ObjectMeta) -> Result<()> {
        let Some(was) = &self.0 else {
            return Ok(());
        };
        let differs =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        let has_etags = was.e_tag.is_some() && now.e_tag.is_some();
        if was.size == now.size
            && !differs(&was.e_tag, &now.e_tag)
            && !differs(&was.version, &now.version)
            && (has_etags || was.last_modified == now.last_modified)
        {
            return Ok(());
        }
        // Two sizes of one strong ETag: the object is the same, and what came is not the object.
        let etag = self.strong_etag();
        if etag.is_some() && etag == now.e_tag.as_deref() && was.size != now.size {
            return Err(generic(Transcoded {
                location: location.clone(),
                was: was.size,
                now: now.size,
            }));
        }
        Err(changed(location, None))
    }

    /// A refused condition in the words that say what it means.
    pub(crate) fn explain(location: &Path, error: Error) -> Error {
        match error {
            Error::Precondition { .. } => changed(location, Some(error)),
            error => error,
        }
    }

    /// An ETag that stands for these very bytes. A weak one says that two objects mean the same,
    /// and never matches `If-Match`; some S3-compatible services send an empty one.
    fn strong_etag(&self) -> Option<&str> {
        let e_tag = self.0.as_ref()?.e_tag.as_deref()?;
        (!e_tag.starts_with("W/") && !e_tag.trim_matches('"').is_empty()).then_some(e_tag)
    }

    fn version(&self) -> Option<&str> {
        self.0.as_ref()?.version.as_deref()
    }
}

fn changed(location: &Path, source: Option<Error>) -> Error {
    Error::Precondition {
        path: location.to_string(),
        source: Box::new(Changed { source }),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it was changed or replaced while it was being read")]
struct Changed {
    source: Option<Error>,
}

/// A body of another length than the object's.
#[derive(Debug, thiserror::Error)]
#[error(
    "{location} has {was} bytes and came with {now}, under the same ETag: it was compressed or \
     decompressed on its way; store it without Content-Encoding or with Cache-Control: \
     no-transform, or read it past the proxy"
)]
struct Transcoded {
    location: Path,
    was: u64,
    now: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(e_tag: Option<&str>, version: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            location: Path::from("a"),
            last_modified: std::time::UNIX_EPOCH.into(),
            size: 3,
            e_tag: e_tag.map(ToOwned::to_owned),
            version: version.map(ToOwned::to_owned),
        }
    }

    fn asked(e_tag: Option<&str>, version: Option<&str>) -> (Option<String>, Option<String>) {
        let options = ObjectPin::of(&meta(e_tag, version)).options();
        (options.if_match, options.version)
    }

    #[test]
    fn the_version_is_asked_for_only_where_there_is_no_strong_etag() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(asked(Some("\"1\""), Some("v")), (some("\"1\""), None));
        assert_eq!(asked(Some("W/\"1\""), Some("v")), (None, some("v")));
        assert_eq!(asked(Some("W/\"1\""), None), (None, None));
        assert!(!ObjectPin::of(&meta(Some("W/\"1\""), None)).is_certain());
        assert!(!ObjectPin::none().is_certain());
        assert_eq!(asked(Some("\"\""), None), (None, None));
    }

    #[test]
    fn what_came_is_compared_by_the_best_that_both_have() {
        let later = |mut meta: ObjectMeta| {
            meta.last_modified += std::time::Duration::from_secs(1);
            meta
        };
        let is_same = |was: &ObjectMeta, now: &ObjectMeta| {
            ObjectPin::of(was).check(&was.location, now).is_ok()
        };
        let tagged = meta(Some("\"1\""), None);
        assert!(is_same(&tagged, &later(tagged.clone())));
        assert!(!is_same(&tagged, &meta(Some("\"2\""), None)));
        assert!(is_same(&tagged, &meta(None, None)));
        assert!(!is_same(&tagged, &later(meta(None, None))));
        let plain = meta(None, Some("v"));
        assert!(is_same(&plain, &plain));
        assert!(!is_same(&plain, &meta(None, Some("w"))));
        assert!(!is_same(&plain, &later(plain.clone())));
        // Whatever of it differs: another object, unless one ETag has two sizes.
        for other in [
            meta(Some("\"2\""), None),
            ObjectMeta {
                size: 4,
                ..meta(Some("\"2\""), None)
            },
            ObjectMeta {
                size: 4,
                ..meta(None, None)
            },
        ] {
            let checked = ObjectPin::of(&tagged).check(&tagged.location, &other);
            assert!(
                matches!(checked, Err(Error::Precondition { .. })),
                "{other:?}: {checked:?}"
            );
        }
        let longer = ObjectMeta {
            size: 4,
            ..tagged.clone()
        };
        let error = ObjectPin::of(&tagged)
            .check(&tagged.location, &longer)
            .unwrap_err();
        assert!(error.to_string().contains("Content-Encoding"), "{error}");
    }
}
