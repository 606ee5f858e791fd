//! Unusual names, links, and what is not a regular file.

use std::ffi::OsStr;
use std::fs;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::sandbox::{Ended, Sandbox, noise};

const ODD: [&str; 14] = [
    "a b",
    "ü-日本-🦀",
    "50%",
    "a%20b",
    "a#b",
    "a#",
    "what?",
    "a+b",
    "it's",
    "quo\"te",
    "back\\slash",
    "[x]{y}|*",
    "~tilde`",
    "-dash",
];

#[test]
fn odd_names_survive() {
    let sandbox = Sandbox::new();
    for name in ODD {
        sandbox.write(&format!("src/{name}/{name}"), &noise(3_000));
    }
    sandbox.run("cp -r --verify src dst").ok();
    assert_eq!(sandbox.names("dst"), sandbox.names("src"));
    // To a store and back within one run: --verify reads it again from there.
    let ended = sandbox
        .run("cp -r --verify --json --part-size 1KiB src memory:///x")
        .ok();
    assert_eq!(ended.json()["objects"]["verified"], ODD.len());
    for name in ODD {
        let from = format!("src/{name}/{name}");
        sandbox
            .run_words(&["cp", "--verify", "--", &from, name])
            .ok();
        assert_eq!(sandbox.read(name), noise(3_000), "{name}");
    }
}

#[test]
fn names_that_no_key_can_have_are_named_and_the_rest_is_copied() {
    let sandbox = Sandbox::with(&["src/good", "src/new\nline", "src/bad#12"]);
    fs::write(sandbox.path("src").join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    let ended = sandbox.run("cp -r src dst");
    let ended = ended.failed(
        1,
        &[
            "src/new\\nline: the name has a control character",
            "src/bad#12: names that end in # and a number",
            "the name is not UTF-8",
        ],
    );
    assert!(ended.stdout.contains("copied 1 object"), "{ended:?}");
    assert!(ended.stdout.contains("3 failed"), "{ended:?}");
    assert_eq!(sandbox.names("dst"), ["good"]);
}

#[test]
fn the_same_names_are_errors_as_arguments() {
    let sandbox = Sandbox::with(&["a", "a#1"]);
    let ended = sandbox.run_words(&["cp", "a#1", "b"]);
    ended.failed(
        2,
        &["\"a#1\" cannot be the name of a file here", "rename it"],
    );
    let ended = sandbox.run_words(&["cp", "a", "b#1"]);
    ended.failed(2, &["\"b#1\" cannot be the name"]);
    let ended = sandbox.run_words(&["cp", "a", "new\nline"]);
    ended.failed(2, &["control character"]);
    assert_eq!(sandbox.names(""), ["a", "a#1"]);
}

#[test]
fn links_are_followed() {
    let sandbox = Sandbox::with(&["src/a", "else/b"]);
    symlink("a", sandbox.path("src/link")).unwrap();
    symlink("../else", sandbox.path("src/folder")).unwrap();
    sandbox.run("cp -r src dst").ok();
    assert_eq!(sandbox.names("dst"), ["a", "folder/b", "link"]);
    assert!(!sandbox.path("dst/link").is_symlink());
    sandbox.run("cp src/link one").ok();
    assert_eq!(sandbox.text("one"), "src/a");
}

#[test]
fn broken_links_and_loops_are_named_and_the_rest_is_copied() {
    let sandbox = Sandbox::with(&["src/sub/a"]);
    symlink("nowhere", sandbox.path("src/broken")).unwrap();
    symlink("..", sandbox.path("src/sub/up")).unwrap();
    symlink("self", sandbox.path("src/self")).unwrap();
    sandbox.run("cp -r src dst").failed(
        1,
        &[
            "src/broken: it is a broken symbolic link",
            "src/sub/up: it is a symbolic link to src, which contains it",
            "src/self: it is a broken symbolic link",
        ],
    );
    assert_eq!(sandbox.names("dst"), ["sub/a"]);
    let ended = sandbox.run("cp src/broken x");
    ended.failed(1, &["src/broken", "broken symbolic link"]);
}

#[test]
fn a_link_at_the_destination_is_written_through() {
    let sandbox = Sandbox::with(&["a", "real"]);
    symlink("real", sandbox.path("link")).unwrap();
    symlink("nowhere", sandbox.path("broken")).unwrap();
    sandbox.run("cp a link").ok();
    assert!(sandbox.path("link").is_symlink());
    assert_eq!(sandbox.text("real"), "a");
    let ended = sandbox.run("cp a broken");
    ended.failed(2, &["broken is a broken symbolic link"]);
}

#[test]
fn what_is_not_a_regular_file_is_neither_read_nor_replaced() {
    let sandbox = Sandbox::with(&["a", "src/a"]);
    for fifo in ["fifo", "src/fifo"] {
        let made = Command::new("mkfifo").arg(sandbox.path(fifo)).status();
        assert!(made.unwrap().success());
    }
    let ended = sandbox.run("cp fifo b");
    ended.failed(1, &["fifo: it is neither a file nor a directory"]);
    let ended = sandbox.run("cp a fifo");
    ended.failed(2, &["fifo is neither a file nor a directory"]);
    let ended = sandbox.run("cp -r src dst");
    ended.failed(1, &["src/fifo: it is neither"]);
    assert_eq!(sandbox.names("dst"), ["a"]);
    sandbox.write("tree/fifo", b"x");
    let ended = sandbox.run("cp -r tree src");
    ended.failed(1, &["would be replaced"]);
    let ended = sandbox.run("cp /proc/self/status b");
    ended.failed(1, &["its size is reported as 0, but it has content"]);
    assert!(!sandbox.path("b").exists());
}

#[test]
fn names_as_long_as_the_file_system_lets_them_be_are_copied() {
    let sandbox = Sandbox::new();
    for length in [239, 240, 253, 254, 255] {
        sandbox.write(&format!("src/{}", "n".repeat(length)), &noise(3_000));
    }
    for flags in ["", "--part-size 1KiB", "--no-clobber", "--verify"] {
        let ended = sandbox.run(&format!("cp -r --json {flags} src dst")).ok();
        assert_eq!(ended.json()["objects"]["failed"], 0);
        assert_eq!(sandbox.names("dst"), sandbox.names("src"));
        for name in sandbox.names("dst") {
            assert_eq!(sandbox.read(&format!("dst/{name}")), noise(3_000));
        }
        if flags != "--no-clobber" {
            fs::remove_dir_all(sandbox.path("dst")).unwrap();
        }
    }
}

#[test]
fn a_directory_that_cannot_be_read_is_named_once() {
    let sandbox = Sandbox::with(&["src/a", "src/locked/b", "src/z"]);
    let locked = sandbox.path("src/locked");
    fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    let mut words = vec!["undaunted", "cp", "-r", "src", "memory:///out"];
    let is_root = fs::read_dir(&locked).is_ok();
    let ended = if is_root {
        // Root reads everything, so the command runs as somebody else, where that can be done.
        let folder = sandbox.path("").parent().unwrap().to_owned();
        assert!(folder.is_dir());
        fs::set_permissions(sandbox.path(""), Permissions::from_mode(0o755)).unwrap();
        let binary = sandbox.path("undaunted");
        fs::copy(assert_cmd::cargo::cargo_bin!("undaunted"), &binary).unwrap();
        let output = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "./undaunted",
            ])
            .args(words.drain(1..))
            .current_dir(sandbox.path(""))
            .output();
        let Ok(output) = output else {
            return;
        };
        Ended::of(output)
    } else {
        sandbox.run_words(&words[1..])
    };
    fs::set_permissions(&locked, Permissions::from_mode(0o755)).unwrap();
    let ended = ended.failed(1, &["error: src/locked: Permission denied"]);
    assert_eq!(ended.stderr.matches("src/locked").count(), 1, "{ended:?}");
    assert!(ended.stdout.contains("copied 2 objects"), "{ended:?}");
}

#[test]
fn a_link_below_the_destination_that_leads_into_the_source_loses_nothing() {
    let sandbox = Sandbox::with(&["src/a/x", "src/b/x", "dst/keep"]);
    symlink("../src/b", sandbox.path("dst/a")).unwrap();
    let ended = sandbox.run("cp -r src dst");
    ended.failed(1, &["src/a/x: its copy would be inside SRC"]);
    assert_eq!(sandbox.text("src/b/x"), "src/b/x");
    assert_eq!(sandbox.text("src/a/x"), "src/a/x");
}
