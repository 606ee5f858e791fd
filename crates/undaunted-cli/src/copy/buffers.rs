//! Reusable memory for parts.
//!
//! Allocators keep freed memory for the thread that freed it: with parts of megabytes on a dozen
//! threads, twice as much as is in use. Reusing the buffers of written parts keeps memory within
//! its bound. Small objects are left to the allocator.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The buffers not in use; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Buffers(Arc<Mutex<Pool>>);

#[derive(Debug)]
struct Pool {
    idle: Vec<Vec<u8>>,
    /// Bytes of all buffers in use.
    used: u64,
    /// Bytes that idle buffers and those in use may have together.
    limit: u64,
}

impl Buffers {
    /// Buffers that are kept as long as all of them are within this limit.
    pub(super) fn new(limit: u64) -> Self {
        Self(Arc::new(Mutex::new(Pool {
            idle: Vec::new(),
            used: 0,
            limit,
        })))
    }

    /// An empty buffer with room for this many bytes.
    pub(super) fn take(&self, length: u64) -> Buffer {
        let capacity = usize::try_from(length).unwrap_or_default();
        let mut bytes = self.with(|pool| pool.take(length, capacity));
        bytes.reserve_exact(capacity);
        Buffer {
            bytes,
            length,
            pool: self.clone(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Pool) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pool {
    fn take(&mut self, length: u64, capacity: usize) -> Vec<u8> {
        self.used += length;
        let fits = |buffer: &Vec<u8>| capacity >= REUSED && buffer.capacity() >= capacity;
        // The one used last may still be in the processor's cache.
        let found = self.idle.iter().rposition(fits);
        let buffer = found.map(|index| self.idle.swap_remove(index));
        self.shrink();
        buffer.unwrap_or_default()
    }

    fn put(&mut self, length: u64, mut buffer: Vec<u8>) {
        self.used = self.used.saturating_sub(length);
        if buffer.capacity() >= REUSED {
            buffer.clear();
            self.idle.push(buffer);
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let idle = |pool: &Self| pool.idle.iter().map(Vec::capacity).sum::<usize>() as u64;
        while !self.idle.is_empty() && self.used + idle(self) > self.limit {
            self.idle.pop();
        }
    }
}

/// A buffer that returns to the pool when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    length: u64,
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
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.with(|pool| pool.put(self.length, bytes));
    }
}

/// Smaller ones are not worth keeping.
const REUSED: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: u64 = REUSED as u64;

    #[test]
    fn a_buffer_returns_with_the_last_clone_of_its_bytes() {
        let buffers = Buffers::new(4 * LARGE);
        let free = || buffers.with(|pool| pool.idle.len());
        let mut buffer = buffers.take(LARGE);
        buffer.bytes.extend_from_slice(b"abcd");
        let bytes = buffer.freeze();
        let part = bytes.slice(1..2);
        drop(bytes);
        assert_eq!((part.as_ref(), free()), (b"b".as_slice(), 0));
        drop(part);
        assert_eq!(free(), 1);
        let again = buffers.take(LARGE);
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= REUSED);
        assert_eq!(free(), 0);
    }

    #[test]
    fn idle_buffers_make_room_for_others() {
        let buffers = Buffers::new(2 * LARGE);
        let free = || buffers.with(|pool| pool.idle.len());
        drop((buffers.take(LARGE), buffers.take(LARGE)));
        assert_eq!(free(), 2);
        let small = buffers.take(10);
        assert_eq!((free(), small.bytes.capacity()), (1, 10));
        drop(small);
        assert_eq!(free(), 1);
        let larger = buffers.take(2 * LARGE);
        assert_eq!(free(), 0);
        drop(larger);
    }
}
