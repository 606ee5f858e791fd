//! What a call may allocate, which is nothing, and how large its future may be.

use gate::measure::{Counting, allocations};
use gate::ours::{ATTRIBUTE, FAIL2, SUCCESS};

/// Prints what is kept and what is not, and returns the exit status.
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
        eprintln!("no variant raw or undaunted with_retry to compare the sizes of");
        return 1;
    };
    let more = (with_retry.large)() - (bare.large)();
    println!("| undaunted with_retry, 1 KiB held | {more} bytes more | {MORE_BYTES} |");
    failed |= i32::from(more > MORE_BYTES);
    if failed != 0 {
        eprintln!("a call allocates, or its future is larger than it may be");
    }
    failed
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The one that waits for real: its timer is allocated.
const WAITS: &str = "undaunted, waits of a microsecond that are over at once";

/// One cache line.
const MORE_BYTES: usize = 64;
