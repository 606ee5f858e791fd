//! The limits of a call: it may not allocate, and its future may not be too large.

use gate::measure::{Counting, allocations};
use gate::ours::{ATTRIBUTE, FAIL2, SUCCESS};

/// Prints all figures and limits, and returns the exit status.
pub fn check() -> i32 {
    let mut failed = 0;
    let successes = SUCCESS.iter().map(|way| &way.variant);
    let ours = successes.chain([&ATTRIBUTE]).chain(FAIL2);
    for variant in ours.filter(|variant| variant.name != WAITS) {
        let count = allocations(variant);
        println!("| {} | {count} allocations | 0 |", variant.name);
        failed |= i32::from(count > 0.0);
    }
    let bare = SUCCESS.iter().find(|way| way.variant.name == "raw");
    let with_retry = SUCCESS
        .iter()
        .find(|way| way.variant.name == "undaunted with_retry");
    let (Some(bare), Some(with_retry)) = (bare, with_retry) else {
        eprintln!("cannot compare sizes: no variant raw or undaunted with_retry");
        return 1;
    };
    let more = (with_retry.large)() - (bare.large)();
    println!("| undaunted with_retry, 1 KiB held | {more} bytes more | {MORE_BYTES} |");
    failed |= i32::from(more > MORE_BYTES);
    if failed != 0 {
        eprintln!("a call allocates, or its future is larger than the limit");
    }
    failed
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The variant that uses the timer, which is allocated.
const WAITS: &str = "undaunted, waits of a microsecond";

/// One cache line.
const MORE_BYTES: usize = 64;
