//! Allocations a call, by an allocator that counts when it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gate::Variant;

/// What grows with the calls: what is made once for all of them is left out.
pub fn in_a_call(variant: &Variant) -> f64 {
    let (few, many) = (100, 1100);
    (counted(variant, many) - counted(variant, few)) as f64 / (many - few) as f64
}

fn counted(variant: &Variant, calls: u64) -> u64 {
    COUNT.store(0, Ordering::Relaxed);
    IS_ON.store(true, Ordering::Relaxed);
    (variant.run)(calls);
    IS_ON.store(false, Ordering::Relaxed);
    COUNT.load(Ordering::Relaxed)
}

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_ON.load(Ordering::Relaxed) {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}
