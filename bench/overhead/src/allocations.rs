//! Allocations per call.

use gate::measure::Counting;

pub use gate::measure::allocations as in_a_call;

#[global_allocator]
static COUNTING: Counting = Counting;
