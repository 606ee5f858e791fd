//! How many of a command's requests and objects wait for something that is scarce.

use std::sync::Arc;

use tokio::sync::watch;

/// A counter of those who wait, for a place in flight or for memory; clones share it. While some
/// wait, there is no use in beginning with more.
#[derive(Clone, Debug)]
pub(crate) struct Waiting(Arc<watch::Sender<usize>>);

/// One who waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'a>(&'a Waiting);

impl Waiting {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(crate) fn enter(&self) -> Waiter<'_> {
        self.0.send_modify(|waiting| *waiting += 1);
        Waiter(self)
    }

    /// Returns once fewer than `most` wait.
    pub(crate) async fn fewer_than(&self, most: usize) {
        let mut changes = self.0.subscribe();
        // The sender is not dropped before `self`.
        let _ = changes.wait_for(|waiting| *waiting < most).await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_leaves_is_counted_no_longer() {
        let waiting = Waiting::new();
        let first = waiting.enter();
        let second = waiting.clone();
        let second = second.enter();
        assert!(waiting.fewer_than(2).now_or_never().is_none());
        drop(first);
        assert!(waiting.fewer_than(2).now_or_never().is_some());
        drop(second);
        assert!(waiting.fewer_than(1).now_or_never().is_some());
    }
}
