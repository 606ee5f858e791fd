//! Objects that are too large to be copied by one request.
//!
//! S3 copies larger ones by parts, for which object_store has no request. A copy that S3 would
//! refuse is refused here, in words that say what to do.

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, Result};

use crate::error::generic;
use crate::store::RetryStore;

/// An object that the store cannot copy by one request, or rename by a copy.
///
/// It is permanent, and nothing was sent. Read the object and write it with
/// [`put_multipart`](object_store::ObjectStoreExt::put_multipart) instead. It comes as the source
/// of an [`Error::Generic`](object_store::Error::Generic).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{location} has {size} bytes, and the store copies at most {limit} by one request: read it and \
     write the copy in parts, as `undaunted cp` does"
)]
pub struct TooLargeToCopy {
    location: Path,
    size: u64,
    limit: u64,
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
}

impl<S: ObjectStore> RetryStore<S> {
    /// Fails if the object is known to be too large to be copied.
    pub(crate) async fn check_size_of_copy(&self, location: &Path) -> Result<()> {
        let Some(limit) = self.capabilities.copy_limit else {
            return Ok(());
        };
        let head = GetOptions::new().with_head(true);
        // Where the size cannot be asked for, the copy itself tells what is wrong.
        let Ok(found) = (*self.inner).get_opts(location, head).await else {
            return Ok(());
        };
        let size = found.meta.size;
        if size <= limit {
            return Ok(());
        }
        Err(generic(TooLargeToCopy {
            location: location.clone(),
            size,
            limit,
        }))
    }
}
