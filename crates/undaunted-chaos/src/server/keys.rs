//! Conditions that hold until the write is done, which S3 has and a folder of files has not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// A lock for each key in use: a conditional write holds its key alone, and all others share
/// it, as on S3, where the last write wins.
#[derive(Debug, Default)]
pub(super) struct KeyLocks {
    held: Mutex<HashMap<String, Weak<RwLock<()>>>>,
}

/// Holds a key until it is dropped.
#[expect(dead_code, reason = "held for its end")]
pub(super) enum Held {
    Alone(OwnedRwLockWriteGuard<()>),
    Shared(OwnedRwLockReadGuard<()>),
}

impl KeyLocks {
    /// Waits for the key, by its path.
    pub(super) async fn hold(&self, path: &str, alone: bool) -> Held {
        let lock = self.lock_of(path);
        if alone {
            Held::Alone(lock.write_owned().await)
        } else {
            Held::Shared(lock.read_owned().await)
        }
    }

    fn lock_of(&self, path: &str) -> Arc<RwLock<()>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = held.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        held.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(RwLock::new(()));
        held.insert(path.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_condition_has_its_key_alone() {
        let keys = KeyLocks::default();
        let first = keys.hold("/b/k", false).await;
        let second = keys.hold("/b/k", false).await;
        assert!(keys.hold("/b/k", true).now_or_never().is_none());
        assert!(keys.hold("/b/other", true).now_or_never().is_some());
        drop((first, second));
        let alone = keys.hold("/b/k", true).await;
        assert!(keys.hold("/b/k", false).now_or_never().is_none());
        drop(alone);
        assert!(keys.hold("/b/k", false).now_or_never().is_some());
    }
}
