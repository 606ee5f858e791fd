//! What a retried call costs: ours and the other crates, in one table.
//!
//! `overhead` prints it; it takes some seconds. `overhead names` lists what `instructions.sh peers` counts, and
//! `overhead count GROUP NAME COUNT` makes the calls for it.

mod allocations;
mod budget;
mod decision;
mod dependencies;
mod machine;
mod peers;
mod timing;
mod zero;

use gate::{Size, Variant, ours};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => report(),
        ["names"] => {
            for (group, variants) in [("success", success()), ("fail2", fail2())] {
                for variant in variants {
                    println!("{group}\t{}", variant.name);
                }
            }
        }
        ["count", group, name, count] => {
            let variants = if group == "fail2" { fail2() } else { success() };
            let variant = variants.iter().find(|variant| variant.name == name);
            (variant.expect("a variant").run)(count.parse().expect("a count"));
        }
        _ => {
            eprintln!("overhead, or overhead names, or overhead count GROUP NAME COUNT");
            std::process::exit(2);
        }
    }
}

/// One table: a line for each figure, so that it can be searched and compared.
fn report() {
    println!("{}\n", machine::line());
    println!("| measured | variant | figure | to the first | allocations a call |");
    println!("|---|---|---|---|---|");
    calls("a call that succeeds, ns", &success());
    calls("two failures, then success, no wait, ns", &fail2());
    zero::report();
    for size in sizes() {
        let (small, large) = ((size.small)(), (size.large)());
        let inner = (ours::SIZES[0].large)();
        println!(
            "| future of a call, bytes | {}, operation of 1 byte | {small} | | |",
            size.name
        );
        println!(
            "| future of a call, bytes | {}, operation of 1 KiB | {large} | +{} | |",
            size.name,
            large - inner
        );
    }
    decision::report();
    budget::report();
    dependencies::report();
}

fn calls(measured: &str, variants: &[&Variant]) {
    let nanos = timing::medians(variants);
    for (variant, ns) in variants.iter().zip(&nanos) {
        let allocations = allocations::in_a_call(variant);
        println!(
            "| {measured} | {} | {ns:.1} | {:.2} x | {allocations:.2} |",
            variant.name,
            ns / nanos[0],
        );
    }
}

fn success() -> Vec<&'static Variant> {
    let ours = ours::SUCCESS.iter().chain([&ours::ATTRIBUTE]);
    ours.chain(peers::SUCCESS).collect()
}

fn fail2() -> Vec<&'static Variant> {
    ours::FAIL2.iter().chain(peers::FAIL2).collect()
}

fn sizes() -> Vec<&'static Size> {
    ours::SIZES.iter().chain(peers::SIZES).collect()
}
