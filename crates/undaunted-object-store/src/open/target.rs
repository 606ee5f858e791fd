//! What is to be opened, and why it cannot be.

use std::fmt;

use object_store::ObjectStoreScheme;
use object_store::path::Path;
use tokio::runtime::Handle;
use url::{ParseError, Url};

/// What is to be opened.
pub(super) struct Target {
    pub(super) scheme: ObjectStoreScheme,
    pub(super) url: Url,
    pub(super) path: Path,
    pub(super) options: Vec<(String, String)>,
    /// Where requests are sent, if not by the task that waits for them.
    #[allow(dead_code)] // without any store behind a network
    pub(super) runtime: Option<Handle>,
}

impl Target {
    /// Refuses every option.
    pub(super) fn takes_no_options(&self, store: &'static str) -> Result<(), OpenError> {
        match self.options.first() {
            None => Ok(()),
            Some((key, _)) => Err(OpenError::UnknownOption {
                key: key.clone(),
                store,
                nearest: None,
            }),
        }
    }

    #[allow(dead_code)] // without any store behind a network
    pub(super) fn not_built(&self, source: object_store::Error) -> OpenError {
        OpenError::Store {
            url: self.to_string(),
            source,
        }
    }
}

/// Scheme and host only: the rest of a URL may hold a secret.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())
    }
}

/// Why [`open`](crate::open) could not open a store. Nothing secret is in its text: of a URL
/// it repeats the scheme and the host at most.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store's feature was off when this program was built.
    #[error("{url} cannot be opened: enable the feature `{feature}` of undaunted-object-store")]
    FeatureOff {
        /// What was to be opened.
        url: String,
        /// The feature.
        feature: &'static str,
    },
    /// The URL's scheme is known, and what is behind it is not as it must be.
    #[error("{url} cannot be opened: write {expected}")]
    IncompleteUrl {
        /// What was to be opened.
        url: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The path within the store cannot be one.
    #[error("{path:?} is not a valid path: {reason}")]
    InvalidPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It looks like a URL and is none.
    #[error("this is not a valid URL")]
    InvalidUrl {
        /// What is wrong with it.
        source: ParseError,
    },
    /// The store may use `https` only, and its address is another.
    #[error(
        "{url} cannot be opened: plain http is not allowed; use https://, or set the option \
         {option}=true (-o {option}=true on the command line)"
    )]
    PlainHttp {
        /// The address.
        url: String,
        /// The option that allows it.
        option: String,
    },
    /// An option or an environment variable has a value that cannot be used. The value is not
    /// repeated here.
    #[error("{setting} is not valid: {reason}")]
    Setting {
        /// The option or the environment variable.
        setting: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store could not be built from the options.
    #[error("{url} cannot be opened")]
    Store {
        /// What was to be opened.
        url: String,
        /// What is wrong.
        #[source]
        source: object_store::Error,
    },
    /// No store knows this option.
    #[error("the {store} store has no option {key:?}{}", advice(nearest.as_deref()))]
    UnknownOption {
        /// The option.
        key: String,
        /// The kind of store.
        store: &'static str,
        /// The option that looks most like it.
        nearest: Option<String>,
    },
    /// No store has URLs of this kind.
    #[error(
        "unsupported URL scheme {url}: use s3://, gs://, az://, https://, http://, \
         file://, memory:// or a plain path"
    )]
    UnknownScheme {
        /// The scheme that was given.
        url: String,
    },
}

fn advice(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest}?"),
        None => ": use object_store's configuration keys, such as aws_region, \
                 google_service_account, azure_storage_account_name or allow_http"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use undaunted::RetryConfig;

    use crate::open_with;

    #[test]
    fn a_store_without_options_takes_none() {
        let mut urls = vec!["memory:///key"];
        if cfg!(feature = "fs") {
            urls.push("file:///folder/file");
        }
        for url in urls {
            let opened = open_with(url, [("region", "here")], RetryConfig::storage());
            let error = opened.err().unwrap().to_string();
            assert!(error.contains("has no option \"region\""), "{error}");
            assert!(
                error.contains("use object_store's configuration keys"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_target_is_shown_without_its_key_and_its_secrets() {
        let target = super::Target {
            scheme: object_store::ObjectStoreScheme::AmazonS3,
            url: url::Url::parse("s3://user:secret@bucket/key?sig=secret").unwrap(),
            path: object_store::path::Path::from("key"),
            options: Vec::new(),
            runtime: None,
        };
        assert_eq!(target.to_string(), "s3://bucket");
    }
}
