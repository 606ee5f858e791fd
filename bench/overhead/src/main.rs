//! The cost of a retried call, of undaunted and of the other crates, in one table.
//!
//! `overhead` prints the table within seconds. `overhead names` lists the variants that
//! `instructions.sh peers` counts, and `overhead count GROUP NAME COUNT` makes their calls.

mod allocations;
mod budget;
mod decision;
mod dependencies;
mod machine;
mod peers;
mod timing;
mod zero;

use gate::{Variant, Way, ours};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => report(),
        ["names"] => {
            for (group, variants) in groups() {
                for variant in variants {
                    println!("{group}\t{}", variant.name);
                }
            }
        }
        ["count", group, name, count] => {
            let of_group = groups().into_iter().filter(|(of, _)| *of == group);
            let mut variants = of_group.flat_map(|(_, variants)| variants);
            let variant = variants.find(|variant| variant.name == name);
            (variant.expect("a variant").run)(count.parse().expect("a count"));
        }
        _ => {
            eprintln!("overhead, or overhead names, or overhead count GROUP NAME COUNT");
            std::process::exit(2);
        }
    }
}

/// Prints one line for each figure, so that the table can be searched and compared.
fn report() {
    println!("{}\n", machine::line());
    println!("| measured | variant | figure | to the first | allocations a call |");
    println!("|---|---|---|---|---|");
    calls("a call that succeeds, ns", &success());
    calls("two failures, then success, no wait, ns", &fail2());
    zero::report();
    let inner = (ours::SUCCESS[0].large)();
    for way in ways() {
        let (name, small, large) = (way.variant.name, (way.small)(), (way.large)());
        println!("| future of a call, bytes | {name}, operation of 1 byte | {small} | | |");
        println!(
            "| future of a call, bytes | {name}, operation of 1 KiB | {large} | +{} | |",
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

fn groups() -> [(&'static str, Vec<&'static Variant>); 2] {
    [("success", success()), ("fail2", fail2())]
}

fn success() -> Vec<&'static Variant> {
    let variant = |way: &'static Way| &way.variant;
    let ours = ours::SUCCESS.iter().map(variant).chain([&ours::ATTRIBUTE]);
    ours.chain(peers::SUCCESS.iter().map(variant)).collect()
}

fn fail2() -> Vec<&'static Variant> {
    ours::FAIL2.iter().chain(peers::FAIL2).collect()
}

fn ways() -> impl Iterator<Item = &'static Way> {
    ours::SUCCESS.iter().chain(peers::SUCCESS)
}
