//! Ctrl-C and SIGTERM.

use std::io::Read;
use std::process::{Command, Stdio};

use super::sandbox::{Ended, Sandbox, noise, signal, wait_until, wait_until_it_listens};

/// Every call waits for 100 ms, so that there is time to stop it.
const SLOW: &str = "--chaos delay=1,delay_for=100ms,max_in_a_row=1000000";

#[test]
fn an_upload_that_is_stopped_is_aborted() {
    for (name, code, word) in [("-INT", 130, "Ctrl-C"), ("-TERM", 143, "SIGTERM")] {
        let sandbox = Sandbox::new();
        // Without the signal it takes a minute.
        sandbox.write("large", &noise(4_000_000));
        let child = sandbox.start(&format!("cp --part-size 1KiB --json {SLOW} large new/copy"));
        // A staging file shows that an upload is under way.
        wait_until(|| sandbox.names("").iter().any(|name| name.contains('#')));
        signal(&child, name);
        let ended = Ended::of(child.wait_with_output().unwrap());
        let ended = ended.failed(code, &[&format!("stopping after {word}")]);
        let json = ended.json();
        assert_eq!(json["status"], "interrupted");
        assert_eq!(json["objects"]["copied"], 0);
        assert_eq!(json["objects"]["interrupted"], 1);
        assert_eq!(json["objects"]["uploads_aborted"], 1);
        assert_eq!(sandbox.names(""), ["large"], "nothing is left behind");
    }
}

#[test]
fn no_new_objects_are_begun_and_finished_ones_stay() {
    let sandbox = Sandbox::new();
    // All of them take a minute.
    for number in 0..300 {
        sandbox.write(&format!("src/{number:03}"), b"x");
    }
    let child = sandbox.start(&format!("cp -r --concurrency 1 {SLOW} src dst"));
    wait_until(|| sandbox.path("dst/001").exists());
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    let ended = ended.failed(130, &["stopping after Ctrl-C"]);
    assert!(ended.stdout.contains("stopped by Ctrl-C"), "{ended:?}");
    let copied = sandbox.names("dst");
    assert!((2..300).contains(&copied.len()), "{copied:?}");
    assert!(copied.iter().all(|name| !name.contains('#')), "{copied:?}");
}

#[test]
fn the_second_signal_ends_it_immediately() {
    let sandbox = Sandbox::new();
    sandbox.write("large", &noise(400_000));
    // Nobody waits until this is aborted.
    let line = "cp --part-size 1KiB --chaos delay=1,delay_for=1h,max_in_a_row=1000000 \
                --chaos-at destination large copy";
    let mut child = sandbox.start(line);
    wait_until_it_listens(&child);
    signal(&child, "-INT");
    // Its message comes before the second signal.
    let mut said = [0; 40];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    signal(&child, "-INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
}

#[test]
fn waiting_for_stdin_can_be_stopped() {
    let sandbox = Sandbox::new();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .args(["cp", "-", "copy"])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let open = child.stdin.take();
    wait_until_it_listens(&child);
    signal(&child, "-TERM");
    let ended = Ended::of(child.wait_with_output().unwrap());
    ended.failed(143, &["stopping after SIGTERM"]);
    drop(open);
    assert!(sandbox.names("").is_empty());
}

#[test]
fn a_source_that_does_not_respond_can_be_stopped() {
    let sandbox = Sandbox::with(&["a"]);
    let child = sandbox.start("cp --json --chaos blackout=1h a b");
    wait_until_it_listens(&child);
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    let json = ended.failed(130, &["stopping after Ctrl-C"]).json();
    assert_eq!(json["status"], "interrupted");
    assert_eq!(sandbox.names(""), ["a"]);
}
