//! Memory for the content of objects: how many bytes of it there may be at the same time.
//!
//! A part waits for room before it is read, so before its request takes a slot. Whoever holds such a
//! slot never waits for room, and whoever has room waits for slots only: they cannot wait for each
//! other.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::buffers::Buffers;
use crate::slots::Waiting;

/// The memory of one command; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) buffers: Buffers,
    /// A permit for each unit.
    room: Arc<Semaphore>,
    units: u32,
    waiting: Waiting,
}

/// Room for some bytes, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
    /// The reserve that it belongs to.
    _reserve: Option<Arc<Self>>,
}

/// Room for some parts, to be used for one after the other.
#[derive(Debug)]
pub(super) struct Reserve {
    parts: Arc<Semaphore>,
    room: Arc<Room>,
}

impl Memory {
    /// Memory for this many bytes.
    pub(super) fn new(bytes: u64, waiting: Waiting) -> Self {
        let units = units(bytes);
        Self {
            buffers: Buffers::new(bytes),
            room: Arc::new(Semaphore::new(units as usize)),
            units,
            waiting,
        }
    }

    /// Waits for room. What is larger than all the memory has to wait for all of it.
    pub(super) async fn room(&self, bytes: u64) -> Room {
        let units = units(bytes).min(self.units);
        let mut permit = Arc::clone(&self.room).try_acquire_many_owned(units).ok();
        if permit.is_none() {
            let _waiter = self.waiting.enter();
            // It is never closed.
            permit = Arc::clone(&self.room).acquire_many_owned(units).await.ok();
        }
        Room {
            _permit: permit,
            _reserve: None,
        }
    }

    /// Waits for room for so many parts of this size, or as many as all the memory has room for,
    /// but at least one.
    pub(super) async fn reserve(&self, part_size: u64, parts: u32) -> Reserve {
        let parts = (self.units / units(part_size)).clamp(1, parts);
        let room = self.room(part_size.saturating_mul(parts.into())).await;
        Reserve {
            parts: Arc::new(Semaphore::new(parts as usize)),
            room: Arc::new(room),
        }
    }
}

impl Room {
    /// A share of this room, which is returned with the last of them.
    pub(super) const fn share(of: Arc<Self>) -> Self {
        Self {
            _permit: None,
            _reserve: Some(of),
        }
    }
}

impl Reserve {
    /// Waits for room that an earlier part of the same object returns.
    pub(super) async fn room(&self) -> Room {
        Room {
            _permit: Arc::clone(&self.parts).acquire_owned().await.ok(),
            _reserve: Some(Arc::clone(&self.room)),
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).map_or(MOST_UNITS, |units| units.clamp(1, MOST_UNITS))
}

/// Empty objects take one too: it stands for all that an object needs beside its content.
const UNIT: u64 = 4 << 10;

/// What a semaphore takes on every platform: 2 TiB.
const MOST_UNITS: u32 = u32::MAX >> 3;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn small_ones_weigh_little_and_none_weighs_more_than_all() {
        let memory = Memory::new(8 * UNIT, Waiting::new());
        let take = |bytes| memory.room(bytes).now_or_never();
        let small: Vec<_> = [0, 1, UNIT].map(|bytes| take(bytes).unwrap()).into();
        let half = take(4 * UNIT).unwrap();
        assert!(take(2 * UNIT).is_none());
        drop((small, half));
        let all = take(u64::MAX).unwrap();
        assert!(take(0).is_none());
        drop(all);
        assert!(take(0).is_some());
    }

    #[test]
    fn a_reserve_is_returned_with_the_last_of_its_parts() {
        let memory = Memory::new(2 * UNIT, Waiting::new());
        let reserve = memory.reserve(UNIT, 4).now_or_never().unwrap();
        let (first, second) = (reserve.room(), reserve.room());
        let (first, second) = (first.now_or_never(), second.now_or_never());
        assert!(first.is_some() && second.is_some());
        assert!(reserve.room().now_or_never().is_none());
        drop((first, reserve));
        assert!(memory.room(1).now_or_never().is_none());
        drop(second);
        assert!(memory.room(2 * UNIT).now_or_never().is_some());
    }
}
