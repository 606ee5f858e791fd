//! A Python with boto3 and obstore, below the folder that this program was built into.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::SOURCE;

/// The Python of an environment that has the packages.
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
    // Its output would be mixed up with ours.
    let output = command.stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or("it said nothing");
    Err(io::Error::other(format!("{}: {last}", output.status)))
}
