//! The program whose instructions are counted: `gate success|fail2 NAME COUNT`.

use gate::ours::{ATTRIBUTE, FAIL2, SUCCESS};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, group, name, count] = &arguments[..] else {
        eprintln!("gate success|fail2 NAME COUNT");
        std::process::exit(2);
    };
    let group = if group == "fail2" { FAIL2 } else { SUCCESS };
    let variant = group
        .iter()
        .chain([&ATTRIBUTE])
        .find(|variant| variant.name == name);
    let (Some(variant), Ok(count)) = (variant, count.parse()) else {
        eprintln!("no variant {name:?}, or no count {count:?}");
        std::process::exit(2);
    };
    (variant.run)(count);
}
