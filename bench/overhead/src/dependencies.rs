//! The crates that a dependency adds, including itself: `cargo tree` of a crate that depends on
//! nothing else.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use crate::machine::version;

pub fn report() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/undaunted");
    let ours = format!("undaunted = {{ path = {core:?} }}");
    count("undaunted", &ours);
    for (name, features) in [
        ("relentless", ""),
        ("backon", ""),
        ("tryhard", ""),
        ("tokio-retry2", ""),
        ("tokio-retry", ""),
        ("tower", "retry, util"),
        ("backoff", "tokio"),
    ] {
        let quoted: Vec<_> = features
            .split(", ")
            .filter(|name| !name.is_empty())
            .collect();
        let line = format!(
            "{name} = {{ version = \"={}\", features = {quoted:?} }}",
            version(name)
        );
        let label = if features.is_empty() {
            name.to_owned()
        } else {
            format!("{name} ({features})")
        };
        count(&label, &line);
    }
}

fn count(label: &str, dependency: &str) {
    let tree = tree(dependency);
    let count = tree.map_or_else(|| "not counted".to_owned(), |count| count.to_string());
    println!("| crates, default features, itself included | {label} | {count} | | |");
}

fn tree(dependency: &str) -> Option<usize> {
    let folder = std::env::temp_dir().join(format!("overhead-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("src")).ok()?;
    let manifest = format!(
        "[package]\nname = \"stub\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{dependency}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).ok()?;
    std::fs::write(folder.join("src/lib.rs"), "").ok()?;
    let lock = include_str!("../../Cargo.lock");
    std::fs::write(folder.join("Cargo.lock"), lock).ok()?;
    let output = Command::new("cargo")
        .args([
            "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}",
        ])
        .current_dir(&folder)
        .output()
        .ok()?;
    let _ = std::fs::remove_dir_all(&folder);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: HashSet<&str> = lines
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty() && !line.starts_with("stub "))
        .collect();
    output.status.success().then_some(crates.len())
}
