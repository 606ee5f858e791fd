//! The versions and the machine of the measurement.

use std::process::Command;

pub fn line() -> String {
    let versions: Vec<String> = [
        "undaunted",
        "backoff",
        "backon",
        "relentless",
        "tokio",
        "tokio-retry",
        "tokio-retry2",
        "tower",
        "tryhard",
    ]
    .iter()
    .map(|name| format!("{name} {}", version(name)))
    .collect();
    format!(
        "Measured {} with {} on {} of {}; {}.",
        output("date", "-I"),
        output("rustc", "-V"),
        std::thread::available_parallelism().map_or(0, usize::from),
        processor(),
        versions.join(", ")
    )
}

/// The version of a crate in this program.
pub fn version(name: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""));
    entry
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("?", |(version, _)| version)
}

fn output(command: &str, argument: &str) -> String {
    let output = Command::new(command).arg(argument).output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    name.map_or("an unknown processor", |name| {
        name.trim_start_matches([' ', '\t', ':'])
    })
    .to_owned()
}
