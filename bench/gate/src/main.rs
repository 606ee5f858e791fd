//! The program whose instructions are counted: `gate success|fail2 NAME COUNT`. `gate limits`
//! checks allocations and sizes, which need no counting of instructions.

mod limits;

use gate::Variant;
use gate::ours::{ATTRIBUTE, FAIL2, SUCCESS};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == "limits") {
        std::process::exit(limits::check());
    }
    let [_, group, name, count] = &arguments[..] else {
        eprintln!("gate success|fail2 NAME COUNT, or gate limits");
        std::process::exit(2);
    };
    let group: Vec<&Variant> = match group.as_str() {
        "success" => {
            let ways = SUCCESS.iter().map(|way| &way.variant);
            ways.chain([&ATTRIBUTE]).collect()
        }
        "fail2" => FAIL2.iter().collect(),
        _ => Vec::new(),
    };
    let variant = group.iter().find(|variant| variant.name == name);
    let (Some(variant), Ok(count)) = (variant, count.parse()) else {
        eprintln!("no variant {name:?} in this group, or no count {count:?}");
        std::process::exit(2);
    };
    (variant.run)(count);
}
