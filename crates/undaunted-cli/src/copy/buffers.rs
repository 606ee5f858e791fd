//! Reusable memory for parts.
//!
//! Allocators keep freed memory for the thread that freed it: with parts of megabytes on a dozen
//! threads, twice as much as is in use. Reusing the buffers of written parts keeps memory at
//! concurrency times part size.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The buffers not in use; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer with room for this many bytes.
    pub(super) fn take(&self, length: u64) -> Buffer {
        let mut bytes = self.with(Vec::pop).unwrap_or_default();
        bytes.reserve_exact(usize::try_from(length).unwrap_or_default());
        Buffer {
            bytes,
            pool: self.clone(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A buffer that returns to the pool when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    pool: Buffers,
}

impl Buffer {
    /// The bytes, to be shared. The buffer returns to the pool with the last clone of them.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.pool.with(|free| free.push(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_returns_with_the_last_clone_of_its_bytes() {
        let buffers = Buffers::default();
        let free = || buffers.with(|free| free.len());
        let mut buffer = buffers.take(4);
        buffer.bytes.extend_from_slice(b"abcd");
        let bytes = buffer.freeze();
        let part = bytes.slice(1..2);
        drop(bytes);
        assert_eq!((part.as_ref(), free()), (b"b".as_slice(), 0));
        drop(part);
        assert_eq!(free(), 1);
        let again = buffers.take(2);
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= 4);
        assert_eq!(free(), 0);
    }
}
