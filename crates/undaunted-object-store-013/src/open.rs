//! From a URL to a store.

use std::sync::Arc;

use object_store013::ObjectStore;
use object_store013::path::Path;
use tokio::runtime::Handle;
use undaunted::RetryConfig;

use crate::convert::to_013;
use crate::store::RetryStore;
use crate::v014::{self, OpenError};

/// Opens the store that a URL or a plain path points into, with retries around it, and returns it
/// with the path within it. See [`undaunted_object_store::open`].
///
/// # Errors
///
/// As there.
///
/// ```
/// use object_store013::ObjectStoreExt;
/// use undaunted::RetryConfig;
/// use undaunted_object_store_013::open;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, path) = open("memory:///reports/2026.csv", RetryConfig::storage())?;
/// store.put(&path, "a,b\n".into()).await?;
/// assert_eq!(path.as_ref(), "reports/2026.csv");
/// # Ok(())
/// # }
/// ```
pub fn open(
    url: &str,
    config: RetryConfig,
) -> Result<(RetryStore<Arc<dyn ObjectStore>>, Path), OpenError> {
    let (store, path) = v014::open(url, config)?;
    Ok((store.into(), to_013::path(&path)))
}

/// [`open`] with options, see [`undaunted_object_store::open_with`].
///
/// # Errors
///
/// As there.
///
/// ```no_run
/// use undaunted::RetryConfig;
/// use undaunted_object_store_013::open_with;
///
/// let options = [("aws_region", "eu-north-1"), ("aws_endpoint", "https://minio.example")];
/// let (store, path) = open_with("s3://bucket/reports", options, RetryConfig::storage())?;
/// # Ok::<(), undaunted_object_store_013::OpenError>(())
/// ```
pub fn open_with<K, V>(
    url: &str,
    options: impl IntoIterator<Item = (K, V)>,
    config: RetryConfig,
) -> Result<(RetryStore<Arc<dyn ObjectStore>>, Path), OpenError>
where
    K: Into<String>,
    V: Into<String>,
{
    let (store, path) = v014::open_with(url, options, config)?;
    Ok((store.into(), to_013::path(&path)))
}

/// [`open_with`] for a store that is used where no request can be made, see
/// [`undaunted_object_store::open_on`]: the requests are sent on `runtime`.
///
/// # Errors
///
/// As there.
pub fn open_on<K, V>(
    runtime: &Handle,
    url: &str,
    options: impl IntoIterator<Item = (K, V)>,
    config: RetryConfig,
) -> Result<(RetryStore<Arc<dyn ObjectStore>>, Path), OpenError>
where
    K: Into<String>,
    V: Into<String>,
{
    let (store, path) = v014::open_on(runtime, url, options, config)?;
    Ok((store.into(), to_013::path(&path)))
}
