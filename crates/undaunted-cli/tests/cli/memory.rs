//! A large file through many faults, in bounded memory.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::sandbox::{Ended, Sandbox, noise};

const SIZE: usize = 200_000_000;
const LIMIT_KIB: u64 = 150_000;

#[test]
fn two_hundred_megabytes_arrive_through_thirty_percent_faults() {
    let sandbox = Sandbox::new();
    sandbox.write("large", &noise(SIZE));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .args([
            "cp",
            "--json",
            "--verify",
            "--chaos",
            "flaky,seed=7,rate=0.3",
            "large",
            "copy",
        ])
        .args(["--base-delay", "1ms", "--max-delay", "5ms"])
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = peak_memory(&mut child);
    let ended = Ended::of(child.wait_with_output().unwrap()).ok();
    let json = ended.json();
    assert_eq!(json["bytes"], SIZE);
    assert!(json["retries"]["total"].as_u64().unwrap() > 20, "{json}");
    assert!(same(&sandbox.path("large"), &sandbox.path("copy")));
    assert_eq!(sandbox.names(""), ["copy", "large"]);
    assert!(peak > 0 && peak < LIMIT_KIB, "{peak} KiB");
}

/// The high-water mark of the process, in KiB, as last seen before it ended.
fn peak_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let seen = fs::read_to_string(&status).unwrap_or_default();
        let mark = seen.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<u64> =
            mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.unwrap_or_default().max(peak);
        sleep(Duration::from_millis(5));
    }
    peak
}

fn same(a: &Path, b: &Path) -> bool {
    let open = |path| BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let (mut a, mut b) = (open(a), open(b));
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let length = a.read(&mut left).unwrap();
        if length == 0 {
            return b.read(&mut right).unwrap() == 0;
        }
        if b.read_exact(&mut right[..length]).is_err() || left[..length] != right[..length] {
            return false;
        }
    }
}
