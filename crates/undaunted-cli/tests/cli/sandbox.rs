//! A directory to run the binary in, and the outcome of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Short delays, for fast tests.
pub(super) const SHORT: &str = "--base-delay 1ms --throttled-base-delay 1ms --max-delay 5ms";

pub(super) struct Sandbox {
    folder: TempDir,
    /// The journals of uploads, apart from those of the user.
    state: TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            state: tempfile::tempdir().unwrap(),
        }
    }

    /// A sandbox with these files, whose content is their name.
    pub(super) fn with(names: &[&str]) -> Self {
        let sandbox = Self::new();
        for name in names {
            sandbox.write(name, name.as_bytes());
        }
        sandbox
    }

    /// Where the journals are.
    pub(super) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// All files and empty directories below, sorted; a directory has a slash.
    pub(super) fn names(&self, below: &str) -> Vec<String> {
        let root = self.path(below);
        let mut names = Vec::new();
        collect(&root, &root, &mut names);
        names.sort();
        names
    }

    /// The binary, to be run in this directory.
    pub(super) fn binary(&self) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("undaunted");
        command.current_dir(self.folder.path());
        command.env("UNDAUNTED_STATE_DIR", self.state());
        command
    }

    /// Runs the binary with words that have no spaces in them.
    pub(super) fn run(&self, line: &str) -> Ended {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts the binary without waiting for its end.
    pub(super) fn start(&self, line: &str) -> Child {
        self.start_with(line, [])
    }

    /// Starts the binary with more variables in its environment.
    pub(super) fn start_with<const N: usize>(
        &self,
        line: &str,
        variables: [(&'static str, String); N],
    ) -> Child {
        std::process::Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("UNDAUNTED_STATE_DIR", self.state())
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(super) fn run_words(&self, words: &[&str]) -> Ended {
        Ended::of(self.binary().args(words).output().unwrap())
    }
}

/// Sends a signal, such as `-INT`.
pub(super) fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Waits until the child has its own handling of Ctrl-C, so that a signal does not just end it.
pub(super) fn wait_until_it_listens(child: &Child) {
    if !cfg!(target_os = "linux") {
        // Nothing says so there; long enough for all but a very busy machine.
        return sleep(Duration::from_secs(2));
    }
    let path = format!("/proc/{}/status", child.id());
    wait_until(|| {
        let status = fs::read_to_string(&path).unwrap();
        assert!(!status.contains("(zombie)"), "it has ended");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        caught & SIGINT_AND_SIGTERM == SIGINT_AND_SIGTERM
    });
}

/// Waits until the child has computed for a while, so that it is long past its beginning.
pub(super) fn wait_until_it_works(child: &Child) {
    if !cfg!(target_os = "linux") {
        return sleep(Duration::from_secs(2));
    }
    let path = format!("/proc/{}/stat", child.id());
    wait_until(|| {
        let stat = fs::read_to_string(&path).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        // The time in user mode, the 14th field of all.
        let ticks = fields.split(' ').nth(11).unwrap();
        ticks.parse::<u64>().unwrap() >= HALF_A_SECOND
    });
}

pub(super) fn wait_until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen");
        sleep(Duration::from_millis(5));
    }
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if !path.is_dir() {
            names.push(name);
        } else if fs::read_dir(&path).unwrap().next().is_none() {
            names.push(format!("{name}/"));
        } else {
            collect(root, &path, names);
        }
    }
}

/// The outcome of a run.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(super) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts that it failed with this status and that stderr has all these words.
    #[track_caller]
    pub(super) fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
        self
    }

    /// The JSON on stdout.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Bytes that look random and are the same every time.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words
        .take(length.div_ceil(8))
        .flatten()
        .take(length)
        .collect()
}

const SIGINT_AND_SIGTERM: u64 = 1 << 1 | 1 << 14;

/// In hundredths of a second.
const HALF_A_SECOND: u64 = 50;
