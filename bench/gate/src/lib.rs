//! Shared by all measurements: the operations, the poller, and the variants of undaunted, with
//! the bare future and a hand-written loop to compare.
//!
//! Each future is pinned on the stack and polled through an opaque `&mut dyn Future`, as an
//! executor does, so that the optimiser cannot see through it. Values that are made once for many
//! calls, such as a configuration, are made outside the loop.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use undaunted::{Retryable, TimedOut, Verdict};

pub mod measure;
pub mod ours;

/// A way to make a call, measured as `count` calls in a row.
pub struct Variant {
    pub name: &'static str,
    pub run: fn(count: u64),
}

/// A variant whose call succeeds, with the size of its future for an operation of one byte and
/// for one of a KiB.
pub struct Way {
    pub variant: Variant,
    pub small: fn() -> usize,
    pub large: fn() -> usize,
}

pub fn repeat<T>(count: u64, mut call: impl FnMut(u64, &Cell<u32>) -> T) {
    for n in 0..count {
        let calls = Cell::new(0);
        let _ = black_box(call(n, &calls));
    }
}

#[inline(never)]
pub fn drive<T>(future: Pin<&mut dyn Future<Output = T>>) -> T {
    let mut future = black_box(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
    }
}

pub async fn succeed<E>(n: u64) -> Result<u64, E> {
    Ok(black_box(n))
}

pub async fn fail_twice<E: From<Failure>>(calls: &Cell<u32>) -> Result<u64, E> {
    calls.set(calls.get() + 1);
    if calls.get() <= 2 {
        Err(Failure.into())
    } else {
        Ok(1)
    }
}

/// An operation whose future holds `N` bytes while it waits.
pub async fn hold<const N: usize, E>() -> Result<u64, E> {
    let held = [1_u8; N];
    black_box(&held);
    std::future::pending::<()>().await;
    Ok(u64::from(black_box(&held)[0]))
}

#[derive(Debug)]
pub struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failure")
    }
}

impl Retryable for Failure {
    fn verdict(&self) -> Verdict {
        Verdict::TRANSIENT
    }

    fn timed_out(_: TimedOut) -> Self {
        Self
    }
}

/// Defines variants: `"name", Error, policy => |policy, op| future;`.
#[macro_export]
macro_rules! ways {
    (success: $($name:literal, $error:ty, $made:expr => |$policy:ident, $op:ident| $call:expr;)*) => {
        &[$($crate::Way {
            variant: $crate::Variant {
                name: $name,
                run: |count| {
                    let $policy = $made;
                    $crate::repeat(count, |n, _| {
                        let $op = || $crate::succeed::<$error>(n);
                        $crate::drive(::std::pin::pin!($call))
                    });
                },
            },
            small: || {
                let $policy = $made;
                let $op = || $crate::hold::<1, $error>();
                ::std::mem::size_of_val(&$call)
            },
            large: || {
                let $policy = $made;
                let $op = || $crate::hold::<1024, $error>();
                ::std::mem::size_of_val(&$call)
            },
        }),*]
    };
    (fail2: $($name:literal, $error:ty, $made:expr => |$policy:ident, $op:ident| $call:expr;)*) => {
        &[$($crate::Variant {
            name: $name,
            run: |count| {
                let $policy = $made;
                $crate::repeat(count, |_, calls| {
                    let $op = || $crate::fail_twice::<$error>(calls);
                    $crate::drive(::std::pin::pin!($call))
                });
            },
        }),*]
    };
}
