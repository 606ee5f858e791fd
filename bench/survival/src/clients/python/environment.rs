//! A Python environment with boto3 and obstore, in the target folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::SOURCE;

/// Makes the environment, and returns its Python.
pub(super) async fn with_packages(target: &Path) -> io::Result<PathBuf> {
    let folder = target.join("survival-python");
    let python = folder.join("bin").join("python");
    if !python.exists() {
        let mut make = Command::new("python3");
        run(make.args(["-m", "venv"]).arg(&folder)).await?;
    }
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    run(install.arg(Path::new(SOURCE).join("requirements.txt"))).await?;
    Ok(python)
}

async fn run(command: &mut Command) -> io::Result<()> {
    // Its output must not appear in the report.
    let output = command.stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.trim().lines().last().unwrap_or("no error message");
    Err(io::Error::other(format!("{}: {last}", output.status)))
}
