//! Why a store could not be opened.

use url::ParseError;

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
    #[error(
        "the {store} store has no option {key:?}: use object_store's configuration keys, such \
         as aws_region, google_service_account, azure_storage_account_name or allow_http"
    )]
    UnknownOption {
        /// The option.
        key: String,
        /// The kind of store.
        store: &'static str,
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
