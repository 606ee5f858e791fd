//! Unusual names, links, and what is not a regular file.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::sandbox::{Sandbox, noise};

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
