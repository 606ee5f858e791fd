//! Shared by the measuring programs: an allocator that counts on request, and medians.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Variant;

/// The system's allocator, for `#[global_allocator]` of a program that counts.
pub struct Counting;

/// Starts to count allocations.
pub fn start_counting() {
    COUNT.store(0, Ordering::Relaxed);
    IS_ON.store(true, Ordering::Relaxed);
}

/// The number of allocations since the start.
pub fn stop_counting() -> u64 {
    IS_ON.store(false, Ordering::Relaxed);
    COUNT.load(Ordering::Relaxed)
}

/// The allocations of one call, in a program whose allocator is [`Counting`]. Allocations that are
/// made once for all calls do not count.
pub fn allocations(variant: &Variant) -> f64 {
    let counted = |calls| {
        start_counting();
        (variant.run)(calls);
        stop_counting()
    };
    let (few, many) = (100, 1100);
    (counted(many) - counted(few)) as f64 / (many - few) as f64
}

pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

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

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
