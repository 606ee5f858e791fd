//! Retries of the store's own: none for its operations, the default for its credentials.
//!
//! object_store gives one retry config to the store and to the provider that fetches its
//! credentials. With it off, one lost packet on the way to a metadata service would fail
//! whatever needed a token. So each store is built twice: once as object_store would, to
//! take its credential provider, and once with retries off and that provider.

use object_store::RetryConfig;

/// No retries within the store.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}
