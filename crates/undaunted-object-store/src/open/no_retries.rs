//! The store's own retries, off: two layers would multiply.

use object_store::RetryConfig;

/// No retries within the store.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}
