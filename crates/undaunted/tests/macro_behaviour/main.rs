//! What a function with `#[retry]` does when it runs, under tokio's paused clock.

#![cfg(all(feature = "macros", feature = "tokio"))]
// Tests read clocks, and helpers of tests may panic.
#![allow(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used)]

mod arguments;
mod blocking;
mod budget;
mod config;
mod jitter;
mod limits;
mod pacer;
mod results;
mod rules;
mod schedule;
mod shapes;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Fails with a broken connection `failures` times.
struct Flaky {
    failures: u32,
    calls: AtomicU32,
}

impl Flaky {
    const fn new(failures: u32) -> Self {
        Self {
            failures,
            calls: AtomicU32::new(0),
        }
    }

    fn call(&self) -> io::Result<u32> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if calls <= self.failures {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(calls)
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// tokio's timer is exact to the millisecond and rounds up.
fn assert_millis(elapsed: Duration, expected: u64) {
    let late = elapsed.as_millis().saturating_sub(u128::from(expected));
    assert!(
        elapsed.as_millis() >= u128::from(expected) && late <= 8,
        "{elapsed:?}"
    );
}
