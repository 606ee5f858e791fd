//! From a URL to a store: everything that can be decided for the user is decided here.

use std::fmt;
use std::sync::Arc;

use object_store::list::PaginatedListStore;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use undaunted::RetryConfig;
use url::Url;

use crate::capabilities::Capabilities;
use crate::store::RetryStore;

mod disabled;
mod error;

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
mod cloud;

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
mod no_retries;

#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
use disabled as aws;

#[cfg(feature = "azure")]
mod azure;
#[cfg(not(feature = "azure"))]
use disabled as azure;

#[cfg(feature = "gcp")]
mod gcp;
#[cfg(not(feature = "gcp"))]
use disabled as gcp;

#[cfg(feature = "http")]
mod http;
#[cfg(not(feature = "http"))]
use disabled as http;

#[cfg(feature = "fs")]
mod local;
#[cfg(not(feature = "fs"))]
use disabled as local;

pub use error::OpenError;

/// Opens the store that a URL or a plain path points into, with retries around it, and
/// returns it with the path within it.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `file:///folder/file`, `folder/file` | local files | `fs` |
/// | `memory:///key` | a new, empty store in memory | |
/// | `s3://bucket/key`, `https://s3.<region>.amazonaws.com/..` | S3 and what speaks like it | `aws` |
/// | `gs://bucket/key` | Google Cloud Storage | `gcp` |
/// | `az://container/key`, `abfss://..`, `https://<account>.blob.core.windows.net/..` | Azure | `azure` |
/// | `http://host/..`, `https://host/..` | WebDAV, or plain reads | `http` |
///
/// `options` are object_store's configuration keys (`aws_region`, `google_service_account`,
/// `azure_storage_account_name`, `allow_http` …); the environment variables that object_store
/// knows count too, and options win over them.
///
/// What it sets up, beyond the store itself:
///
/// - The store's own retries are off, since two layers multiply: this one is the only one.
///   Fetching credentials still retries by itself, with object_store's defaults.
/// - A [`RetryConnector`](crate::RetryConnector) that makes the service's answers readable,
///   limits the time to the head of an answer (30 s) and lifts the limit on the whole of it.
/// - All that the store can do beyond the trait, see [`Capabilities`].
///
/// Do not put `#[retry]` or another retry around operations of the store: 4 attempts over 11
/// are 44.
///
/// # Errors
///
/// [`OpenError`] names what is wrong and what would be right. No connection is made, so a
/// wrong credential shows at the first operation.
///
/// ```
/// use object_store::ObjectStoreExt;
/// use undaunted::RetryConfig;
/// use undaunted_object_store::{NO_OPTIONS, open};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, path) = open("memory:///reports/2026.csv", NO_OPTIONS, RetryConfig::storage())?;
/// store.put(&path, "a,b\n".into()).await?;
/// assert_eq!(path.as_ref(), "reports/2026.csv");
/// # Ok(())
/// # }
/// ```
pub fn open<K, V>(
    url: &str,
    options: impl IntoIterator<Item = (K, V)>,
    config: RetryConfig,
) -> Result<(RetryStore<Arc<dyn ObjectStore>>, Path), OpenError>
where
    K: Into<String>,
    V: Into<String>,
{
    let (backend, path) = Backend::open(url, options)?;
    Ok((backend.with_retries(config), path))
}

/// No options, for [`open`].
pub const NO_OPTIONS: [(&str, &str); 0] = [];

/// A store without retries around it, and what it can do: the first half of [`open`].
///
/// For those who want something between the store and its retries: a cache, a limit on
/// concurrency, injected faults.
#[derive(Clone)]
#[non_exhaustive]
pub struct Backend {
    /// The store, its own retries off.
    pub store: Arc<dyn ObjectStore>,
    /// What it can do beyond the trait.
    pub capabilities: Capabilities,
}

impl Backend {
    /// A store and what it can do.
    pub fn new(store: Arc<dyn ObjectStore>, capabilities: Capabilities) -> Self {
        Self {
            store,
            capabilities,
        }
    }

    /// [`open`] without the retries.
    ///
    /// # Errors
    ///
    /// As for [`open`].
    pub fn open<K, V>(
        url: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Path), OpenError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let options = options
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let target = Target::parse(url, options)?;
        let backend = match target.scheme {
            ObjectStoreScheme::Local => local::backend(&target),
            ObjectStoreScheme::Memory => memory(&target),
            ObjectStoreScheme::AmazonS3 => aws::backend(&target),
            ObjectStoreScheme::GoogleCloudStorage => gcp::backend(&target),
            ObjectStoreScheme::MicrosoftAzure => azure::backend(&target),
            ObjectStoreScheme::Http => http::backend(&target),
            _ => Err(OpenError::UnknownScheme {
                url: target.to_string(),
            }),
        }?;
        Ok((backend, target.path))
    }

    /// Puts something around the store, and around each of the other ways into it that it has:
    /// parts by number and lists by page would pass it by otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use undaunted::RetryConfig;
    /// use undaunted_chaos::{ChaosSpec, FaultyPages, FaultyParts, FaultyStore};
    /// use undaunted_object_store::{Backend, NO_OPTIONS};
    ///
    /// let (backend, path) = Backend::open("memory:///reports", NO_OPTIONS)?;
    /// let plan = "flaky".parse::<ChaosSpec>().expect("a profile").plan();
    /// let faulty = backend.wrapped(
    ///     |store| Arc::new(FaultyStore::new(store, plan.clone())),
    ///     |parts| Arc::new(FaultyParts::shared(parts, plan.clone())),
    ///     |pages| Arc::new(FaultyPages::shared(pages, plan.clone())),
    /// );
    /// let store = faulty.with_retries(RetryConfig::storage());
    /// # Ok::<(), undaunted_object_store::OpenError>(())
    /// ```
    #[must_use]
    pub fn wrapped(
        mut self,
        store: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
        parts: impl FnOnce(Arc<dyn MultipartStore>) -> Arc<dyn MultipartStore>,
        pages: impl FnOnce(Arc<dyn PaginatedListStore>) -> Arc<dyn PaginatedListStore>,
    ) -> Self {
        self.store = store(self.store);
        self.capabilities.parts = self.capabilities.parts.map(parts);
        self.capabilities.pages = self.capabilities.pages.map(pages);
        self
    }

    /// The store with retries around it.
    #[must_use]
    pub fn with_retries(self, config: RetryConfig) -> RetryStore<Arc<dyn ObjectStore>> {
        RetryStore::builder(self.store)
            .config(config)
            .capabilities(self.capabilities)
            .build()
    }
}

/// The store by its `Display`: the `Debug` of some stores prints their credentials.
impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("store", &format_args!("{}", self.store))
            .field("capabilities", &self.capabilities)
            .finish()
    }
}

/// What is to be opened.
struct Target {
    scheme: ObjectStoreScheme,
    url: Url,
    path: Path,
    options: Vec<(String, String)>,
}

impl Target {
    fn parse(text: &str, options: Vec<(String, String)>) -> Result<Self, OpenError> {
        let url = if is_url(text) {
            Url::parse(text).map_err(|source| OpenError::InvalidUrl { source })?
        } else {
            return local::plain_path(text, options);
        };
        if url.scheme() == "file" {
            let path = url.to_file_path().map_err(|()| OpenError::InvalidPath {
                path: url.path().to_owned(),
                reason: "a file URL has three slashes and no host: file:///folder/file".into(),
            })?;
            return local::plain_path(&path.to_string_lossy(), options);
        }
        Path::from_url_path(url.path()).map_err(|source| OpenError::InvalidPath {
            path: url.path().to_owned(),
            reason: source.to_string(),
        })?;
        // The path was the other thing that could be wrong.
        let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|_| not_understood(&url))?;
        Ok(Self {
            scheme,
            url,
            path,
            options,
        })
    }

    /// Gives every option to `set`, which says whether the store knows it.
    fn apply<B>(
        &self,
        store: &'static str,
        builder: B,
        mut set: impl FnMut(B, &str, &str) -> Option<B>,
    ) -> Result<B, OpenError> {
        self.options
            .iter()
            .try_fold(builder, |builder, (key, value)| {
                set(builder, &key.to_ascii_lowercase(), value).ok_or_else(|| {
                    OpenError::UnknownOption {
                        key: key.clone(),
                        store,
                    }
                })
            })
    }
}

/// Scheme and host only: the rest of a URL may hold a secret.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())
    }
}

/// Whether [`open`] takes this for a URL, and not for a path of the local file system:
/// `s3://bucket/key` is one, `folder/file` and `C:\file` are not.
///
/// ```
/// use undaunted_object_store::is_url;
///
/// assert!(is_url("s3://bucket/key"));
/// assert!(!is_url("folder/file"));
/// ```
#[must_use]
pub fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// Why object_store knows nothing of a URL: its scheme, or what is behind it.
fn not_understood(url: &Url) -> OpenError {
    let expected = match url.scheme() {
        "memory" => "memory:///key: a store in memory has no host",
        "s3" | "s3a" => "s3://bucket/key",
        "gs" => "gs://bucket/key",
        "az" | "adl" | "azure" | "abfs" | "abfss" => "az://container/key",
        scheme => {
            return OpenError::UnknownScheme {
                url: format!("{scheme}://"),
            };
        }
    };
    OpenError::IncompleteUrl {
        url: format!("{}://", url.scheme()),
        expected,
    }
}

fn memory(target: &Target) -> Result<Backend, OpenError> {
    let memory = target.apply("memory", Arc::new(InMemory::new()), |_, _, _| None)?;
    let capabilities = Capabilities::none()
        .with_parts(memory.clone())
        .with_attributes()
        .with_lists_in_order();
    Ok(Backend::new(memory, capabilities))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_scheme_with_nothing_behind_it_is_told_what_it_lacks() {
        let refused = |url| match open(url, NO_OPTIONS, RetryConfig::storage()) {
            Ok(_) => panic!("{url} was opened"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            refused("s3://"),
            "s3:// cannot be opened: write s3://bucket/key"
        );
        assert_eq!(
            refused("memory://host/key"),
            "memory:// cannot be opened: write memory:///key: a store in memory has no host"
        );
        assert!(refused("ftp://host").starts_with("ftp:// is no store that is known here"));
    }
}
