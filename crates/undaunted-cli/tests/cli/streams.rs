//! stdin and stdout.

use std::process::{Command, Stdio};

use super::sandbox::{Ended, SHORT, Sandbox, noise};

fn from_stdin(sandbox: &Sandbox, line: &str, input: Vec<u8>) -> Ended {
    let mut command = sandbox.binary();
    Ended::of(
        command
            .args(line.split_whitespace())
            .write_stdin(input)
            .output()
            .unwrap(),
    )
}

#[test]
fn stdin_of_any_size_becomes_a_file() {
    let sandbox = Sandbox::new();
    for size in [0, 1, 1023, 1024, 1025, 2048, 30_000] {
        let line = "cp --json --verify --part-size 1KiB - out";
        let ended = from_stdin(&sandbox, line, noise(size)).ok();
        assert_eq!(sandbox.read("out"), noise(size), "{size}");
        assert_eq!(ended.json()["bytes"], size);
        assert_eq!(ended.json()["objects"]["verified"], 1);
    }
    assert_eq!(sandbox.names(""), ["out"]);
}

#[test]
fn stdin_survives_faults() {
    let sandbox = Sandbox::new();
    for seed in 1..=5 {
        let line = format!("cp --verify {SHORT} --part-size 1KiB --chaos flaky,seed={seed} - out");
        from_stdin(&sandbox, &line, noise(30_000)).ok();
        assert_eq!(sandbox.read("out"), noise(30_000));
    }
}

#[test]
fn stdout_gets_the_bytes_in_order_and_the_summary_goes_elsewhere() {
    let sandbox = Sandbox::new();
    for size in [0, 1, 1024, 30_000] {
        sandbox.write("a", &noise(size));
        for chaos in ["", "--chaos flaky,seed=3"] {
            let line = format!("cp {SHORT} --part-size 1KiB {chaos} a -");
            let output = sandbox
                .binary()
                .args(line.split_whitespace())
                .output()
                .unwrap();
            assert!(output.status.success());
            assert_eq!(output.stdout, noise(size));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains("copied 1 object"), "{stderr}");
        }
    }
    let output = sandbox
        .binary()
        .args(["cp", "-q", "--json", "a", "-"])
        .output()
        .unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(summary["bytes"], 30_000);
}

#[test]
fn streams_have_their_limits() {
    let sandbox = Sandbox::with(&["a", "x/b"]);
    for (line, word) in [
        ("cp - -", "both -"),
        ("cp -r - a", "--recursive"),
        ("cp -r x -", "--recursive"),
        ("cp - new/", "stdin has no name"),
        ("cp - x", "stdin has no name"),
        ("cp --verify a -", "--verify"),
        ("cp -n a -", "--no-clobber"),
        ("ls -", "cannot be listed"),
    ] {
        sandbox.run(line).failed(2, &[word]);
    }
    // A file of that name can be meant.
    sandbox.run("cp a ./-").ok();
    assert_eq!(sandbox.names(""), ["-", "a", "x/b"]);
}

#[test]
fn no_clobber_skips_stdin() {
    let sandbox = Sandbox::with(&["a"]);
    let ended = from_stdin(&sandbox, "cp -n - a", noise(10)).ok();
    assert!(ended.stdout.contains("1 skipped"), "{ended:?}");
    assert_eq!(sandbox.text("a"), "a");
}

#[test]
fn a_reader_that_goes_away_is_an_error_and_no_panic() {
    let sandbox = Sandbox::new();
    sandbox.write("a", &noise(1_000_000));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .args(["cp", "--part-size", "1KiB", "a", "-"])
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = Ended::of(child.wait_with_output().unwrap());
    ended.failed(1, &["error: a: stdout cannot be written to"]);
}
