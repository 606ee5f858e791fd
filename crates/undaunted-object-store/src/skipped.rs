//! Keys of a list that cannot be listed.

use std::fmt;

/// A key that a service listed and no [`Path`](object_store::path::Path) can hold, so that it is
/// left out of the list: it can be neither read nor deleted through object_store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    key: String,
    reason: &'static str,
}

impl SkippedKey {
    pub(crate) const fn new(key: String, reason: &'static str) -> Self {
        Self { key, reason }
    }

    /// The key, or the prefix of all keys that are left out.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Why no path can hold it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "key {:?} is left out of the list: {}",
            self.key, self.reason
        )
    }
}

/// All that was left out of one page: the connector puts it into the response's extensions,
/// which become the page's.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) keys: Vec<SkippedKey>,
    pub(crate) folder_markers: usize,
}
