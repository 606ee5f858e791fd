//! `ls`.

use std::fs;

use serde_json::Value;

use super::sandbox::{SHORT, Sandbox};

fn names(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect()
}

#[test]
fn what_is_directly_below_is_listed_in_order() {
    let sandbox = Sandbox::with(&["dir/b", "dir/a", "dir/sub/deep/c", "dir/z"]);
    let ended = sandbox.run("ls dir").ok();
    assert_eq!(names(&ended.stdout), ["a", "b", "sub/", "z"]);
    let first = ended.stdout.lines().next().unwrap();
    assert!(first.trim_start().starts_with("5  20"), "{first}");
    assert!(first.ends_with("Z  a"), "{first}");
    assert_eq!(sandbox.run("ls dir/").ok().stdout, ended.stdout);
}

#[test]
fn recursive_lists_everything_by_its_path() {
    let sandbox = Sandbox::with(&["dir/b", "dir/sub/deep/c"]);
    let ended = sandbox.run("ls -r dir").ok();
    let mut names = names(&ended.stdout);
    names.sort_unstable();
    assert_eq!(names, ["b", "sub/deep/c"]);
}

#[test]
fn a_file_is_listed_itself() {
    let sandbox = Sandbox::with(&["dir/file"]);
    for line in ["ls dir/file", "ls -r dir/file"] {
        assert_eq!(names(&sandbox.run(line).ok().stdout), ["file"]);
    }
}

#[test]
fn nothing_is_an_empty_list_or_an_error() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    assert_eq!(sandbox.run("ls empty").ok().stdout, "");
    assert_eq!(sandbox.run("ls memory:///").ok().stdout, "");
    sandbox
        .run("ls missing")
        .failed(1, &["missing: No such file"]);
    let ended = sandbox.run("ls memory:///missing");
    ended.failed(
        1,
        &["memory:///missing: no such object, and no objects below it"],
    );
    let ended = sandbox.run("ls memory:///missing/");
    ended.failed(1, &["no objects below it"]);
}

#[test]
fn json_is_one_object_a_line() {
    let sandbox = Sandbox::with(&["dir/a b", "dir/sub/c"]);
    let ended = sandbox.run("ls --json dir").ok();
    let entries: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["name"], "a b");
    assert_eq!(entries[0]["type"], "object");
    assert_eq!(entries[0]["size"], 7);
    assert!(entries[0]["last_modified"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries[1]["name"], "sub/");
    assert_eq!(entries[1]["type"], "directory");
    assert!(entries[1].get("size").is_none());
}

#[test]
fn faults_do_not_change_what_is_listed() {
    let sandbox = Sandbox::with(&["dir/a", "dir/b", "dir/sub/c"]);
    let expected = sandbox.run("ls dir").ok().stdout;
    let mut retried = 0;
    for seed in 1..=8 {
        let ended = sandbox
            .run(&format!("ls {SHORT} --chaos rate=0.6,seed={seed} dir"))
            .ok();
        assert_eq!(ended.stdout, expected);
        retried += usize::from(ended.stderr.contains("Retry attempt 1/10 for list"));
    }
    assert!(retried > 0);
}
