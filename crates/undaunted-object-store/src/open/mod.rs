//! From a URL to a store: everything that can be decided for the user is decided here.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use tokio::runtime::Handle;
use undaunted::RetryConfig;
use url::Url;

use crate::capabilities::Capabilities;
use crate::redact::visible;
use crate::store::RetryStore;
use backend::Backend;
use target::{OpenError, Target};
use written::{check_url, mistyped_url};

pub(crate) mod backend;
pub(crate) mod disabled;
pub(crate) mod target;
pub(crate) mod written;

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
mod remote;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
mod search;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
mod settings;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp", feature = "http"))]
pub(crate) mod value;

#[cfg(not(feature = "aws"))]
use disabled as aws;
#[cfg(feature = "aws")]
use remote::aws;

#[cfg(not(feature = "azure"))]
use disabled as azure;
#[cfg(feature = "azure")]
use remote::azure;

#[cfg(not(feature = "gcp"))]
use disabled as gcp;
#[cfg(feature = "gcp")]
use remote::gcp;

#[cfg(not(feature = "http"))]
use disabled as http;
#[cfg(feature = "http")]
use remote::http;

#[cfg(feature = "fs")]
pub(crate) mod local;
#[cfg(not(feature = "fs"))]
pub(crate) use disabled as local;

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
/// The environment variables that object_store knows are its options (`AWS_REGION`,
/// `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` …); [`open_with`] takes others. An empty
/// variable counts as not set.
///
/// What it sets up, beyond the store itself:
///
/// - The store's own retries are off, since two layers multiply: this one is the only one.
/// - Credentials are fetched within ten seconds, with a few repetitions, or the operation fails
///   with a [`CredentialError`](crate::CredentialError). Those that the service calls stale are
///   fetched anew, once in an operation and whatever their lifetime says.
/// - Redirects are not followed, but for the temporary ones of S3 to the same object, which are
///   signed anew. A web server's are.
/// - A [`RetryConnector`](crate::RetryConnector) that makes the service's responses readable,
///   limits the time to the head of a response (30 s) and lifts the limit on the whole of it.
/// - All that the store can do beyond the trait, see [`Capabilities`].
///
/// Do not put `#[retry]` or another retry around operations of the store: 4 attempts over 11
/// are 44.
///
/// # Errors
///
/// [`OpenError`] names what is wrong and what would be right, and repeats no value, which may be a
/// secret. No connection is made, so a wrong credential shows at the first operation.
///
/// ```
/// use object_store::ObjectStoreExt;
/// use undaunted::RetryConfig;
/// use undaunted_object_store::open;
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
    let (backend, path) = Backend::open(url)?;
    Ok((backend.with_retries(config), path))
}

/// [`open`] with options: object_store's configuration keys (`aws_region`,
/// `google_service_account`, `azure_storage_account_name`, `allow_http` …), which win over the
/// environment variables. An empty option takes away what its variable says.
///
/// # Errors
///
/// As for [`open`], and for an option that the store does not have.
///
/// ```no_run
/// use undaunted::RetryConfig;
/// use undaunted_object_store::open_with;
///
/// let options = [("aws_region", "eu-north-1"), ("aws_endpoint", "https://minio.example")];
/// let (store, path) = open_with("s3://bucket/reports", options, RetryConfig::storage())?;
/// # Ok::<(), undaunted_object_store::OpenError>(())
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
    let (backend, path) = Backend::open_with(url, options)?;
    Ok((backend.with_retries(config), path))
}

/// [`open_with`] for a store that is used where no request can be made: by an engine that computes
/// on a runtime without IO, say. The requests are sent on `runtime`, those for credentials too.
///
/// The runtime that waits needs timers all the same (`enable_time()`), for the retries. A body
/// arrives as fast as the service sends it, whether or not it is read, and waits in memory.
///
/// # Errors
///
/// As for [`open_with`].
///
/// ```no_run
/// use tokio::runtime::Handle;
/// use undaunted::RetryConfig;
/// use undaunted_object_store::open_on;
///
/// # async fn example() -> Result<(), undaunted_object_store::OpenError> {
/// let io = Handle::current(); // the runtime for requests
/// let options = [("aws_region", "eu-north-1")];
/// let (store, path) = open_on(&io, "s3://bucket/reports", options, RetryConfig::storage())?;
/// # Ok(())
/// # }
/// ```
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
    let (backend, path) = Backend::open_on(runtime, url, options)?;
    Ok((backend.with_retries(config), path))
}

impl Backend {
    /// [`open`] without the retries.
    ///
    /// # Errors
    ///
    /// As for [`open`].
    pub fn open(url: &str) -> Result<(Self, Path), OpenError> {
        Self::of(parse(url, Vec::new())?)
    }

    /// [`open_with`] without the retries.
    ///
    /// # Errors
    ///
    /// As for [`open_with`].
    pub fn open_with<K, V>(
        url: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Path), OpenError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        Self::of(parse(url, owned(options))?)
    }

    /// [`open_on`] without the retries.
    ///
    /// # Errors
    ///
    /// As for [`open_with`].
    pub fn open_on<K, V>(
        runtime: &Handle,
        url: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Path), OpenError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let target = parse(url, owned(options))?;
        Self::of(Target {
            runtime: Some(runtime.clone()),
            ..target
        })
    }

    fn of(target: Target) -> Result<(Self, Path), OpenError> {
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

fn owned<K, V>(options: impl IntoIterator<Item = (K, V)>) -> Vec<(String, String)>
where
    K: Into<String>,
    V: Into<String>,
{
    let options = options.into_iter();
    let options = options.map(|(key, value)| (key.into(), value.into()));
    options.collect()
}

fn parse(text: &str, options: Vec<(String, String)>) -> Result<Target, OpenError> {
    let local = |path: &str, options| {
        let (url, path) = local::locate(path)?;
        Ok(Target {
            scheme: ObjectStoreScheme::Local,
            url,
            path,
            options,
            runtime: None,
        })
    };
    let url = if is_url(text) {
        check_url(text)?;
        Url::parse(text).map_err(|source| OpenError::InvalidUrl { source })?
    } else if let Some(url) = mistyped_url(text) {
        return Err(OpenError::InvalidPath {
            path: format!("{}:…", text.split(':').next().unwrap_or_default()),
            reason: format!(
                "it looks like the URL {url}; for a folder of this name write its absolute path"
            ),
        });
    } else if text == "~" || text.starts_with("~/") {
        return Err(OpenError::InvalidPath {
            path: text.to_owned(),
            reason:
                "~ is not expanded here; write the path of the home directory, or the absolute \
                     path of a folder of this name"
                    .to_owned(),
        });
    } else {
        return local(text, options);
    };
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| OpenError::InvalidPath {
            path: url.path().to_owned(),
            reason: "a file URL has three slashes and no host: file:///folder/file".into(),
        })?;
        return local(&path.to_string_lossy(), options);
    }
    Path::from_url_path(url.path()).map_err(|source| OpenError::InvalidPath {
        path: url.path().to_owned(),
        reason: visible(&source.to_string()),
    })?;
    // The path was the other thing that could be wrong.
    let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|_| not_understood(&url))?;
    Ok(Target {
        scheme,
        url,
        path,
        options,
        runtime: None,
    })
}

/// The scheme and the key that a text names, for the targets of the fuzzer.
///
/// # Errors
///
/// As [`open`] has them for a text that names no store.
#[cfg(feature = "_fuzz")]
pub fn understood(text: &str) -> Result<(String, Path), OpenError> {
    let target = parse(text, Vec::new())?;
    Ok((format!("{:?}", target.scheme), target.path))
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
    target.takes_no_options("memory")?;
    let memory = Arc::new(InMemory::new());
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
    fn a_message_has_no_control_characters() {
        for text in ["s3://bucket/a%0Ab", "s3:/a\nb"] {
            let error = open(text, RetryConfig::storage()).err().unwrap();
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_known_scheme_with_nothing_behind_it_is_told_what_it_lacks() {
        let refused = |url| match open(url, RetryConfig::storage()) {
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
        for folded in ["s3://b/a/../x", "gs://b/./x", "az://c/a/%2E%2e/x"] {
            assert!(refused(folded).contains("\"..\""), "{folded}");
        }
        let secret = refused("s3://user:s3cr3t@b/a/../x?sig=s3cr3t");
        assert!(secret.starts_with("\"b/a/../x\""), "{secret}");
        assert!(refused("ftp://host").starts_with("unsupported URL scheme ftp://: use s3://"));
    }
}
