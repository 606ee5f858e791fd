//! Allocations a call.

use gate::Variant;
use gate::measure::{Counting, start_counting, stop_counting};

/// What grows with the calls: what is made once for all of them is left out.
pub fn in_a_call(variant: &Variant) -> f64 {
    let (few, many) = (100, 1100);
    (counted(variant, many) - counted(variant, few)) as f64 / (many - few) as f64
}

fn counted(variant: &Variant, calls: u64) -> u64 {
    start_counting();
    (variant.run)(calls);
    stop_counting()
}

#[global_allocator]
static COUNTING: Counting = Counting;
