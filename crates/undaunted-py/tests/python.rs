//! Runs the tests of the Python package from `cargo test`: `test.py` builds the wheel, installs it
//! and runs pytest, mypy and pyright on it.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[allow(clippy::panic)]
fn the_python_package() {
    let python = python();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("test.py");
    let mut command = Command::new(&python);
    command.arg(script);
    // `cargo test --workspace` has built the command already; otherwise the script builds it.
    if let Some(undaunted) = built_command() {
        command.env("UNDAUNTED", undaunted);
    }
    let run = command.output();
    let run = run.unwrap_or_else(|error| panic!("{python} cannot be run: {error}"));
    let stdout = String::from_utf8_lossy(&run.stdout);
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success(),
        "the tests of the Python package failed:\n{stdout}\n{stderr}"
    );
    // An empty test run is not a success.
    assert!(stdout.contains(" passed"), "{stdout}");
}

/// The `undaunted` command beside this test.
fn built_command() -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    let profile = this.parent()?.parent()?;
    let command = profile.join(format!("undaunted{}", std::env::consts::EXE_SUFFIX));
    command.is_file().then_some(command)
}

/// The first Python that is new enough; the variable `PYTHON` takes precedence.
#[allow(clippy::panic)]
fn python() -> String {
    let named = std::env::var("PYTHON").ok();
    let candidates = named.into_iter().chain(CANDIDATES.map(String::from));
    let mut seen = Vec::new();
    for candidate in candidates {
        let version = Command::new(&candidate)
            .args(["-c", "import sys; print(*sys.version_info[:2])"])
            .output();
        let Ok(version) = version else {
            seen.push(format!("{candidate}: not found"));
            continue;
        };
        let version = String::from_utf8_lossy(&version.stdout);
        let numbers: Vec<u32> = version
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        if numbers.as_slice() >= OLDEST.as_slice() {
            return candidate;
        }
        seen.push(format!("{candidate}: version {}", version.trim()));
    }
    panic!(
        "the Python package is tested with Python 3.10 or newer, and there is none: {}. \
         Install one, or name it in the variable PYTHON.",
        seen.join("; ")
    );
}

const CANDIDATES: [&str; 2] = ["python3", "python"];
const OLDEST: [u32; 2] = [3, 10];
