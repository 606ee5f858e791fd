//! Files and trees, trailing slashes, and existing objects.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::sandbox::{Sandbox, noise};

#[test]
fn a_file_is_copied_and_the_summary_says_so() {
    let sandbox = Sandbox::with(&["a"]);
    let ended = sandbox.run("cp a b").ok();
    assert_eq!(sandbox.text("b"), "a");
    assert!(
        ended.stdout.starts_with("copied 1 object (1 B) in "),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("0 retries in 4 attempts"),
        "{ended:?}"
    );
    assert_eq!(ended.stderr, "copied a (1 B)\n");
}

#[test]
fn quiet_prints_nothing() {
    let sandbox = Sandbox::with(&["a"]);
    let ended = sandbox.run("cp -q a b").ok();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn missing_directories_are_created() {
    let sandbox = Sandbox::with(&["a"]);
    sandbox.run("cp a new/deep/b").ok();
    assert_eq!(sandbox.text("new/deep/b"), "a");
}

#[test]
fn a_directory_gets_the_file_under_its_own_name() {
    let sandbox = Sandbox::with(&["x/a", "there/z"]);
    sandbox.run("cp x/a there").ok();
    sandbox.run("cp x/a there/").ok();
    sandbox.run("cp x/a new/").ok();
    sandbox.run("cp x/a .").ok();
    assert_eq!(
        sandbox.names(""),
        ["a", "new/a", "there/a", "there/z", "x/a"]
    );
    let ended = sandbox.run("cp --json x/a memory:///p/").ok();
    assert_eq!(ended.json()["objects"]["copied"], 1);
}

#[test]
fn an_existing_file_is_overwritten() {
    let sandbox = Sandbox::with(&["a", "b"]);
    sandbox.run("cp a b").ok();
    assert_eq!(sandbox.text("b"), "a");
}

#[test]
fn sizes_around_the_part_size_arrive_whole() {
    let sandbox = Sandbox::new();
    for size in [0, 1, 1023, 1024, 1025, 2048, 10_000] {
        sandbox.write("a", &noise(size));
        for concurrency in ["1", "8"] {
            sandbox
                .run(&format!(
                    "cp --verify --part-size 1KiB --concurrency {concurrency} a b"
                ))
                .ok();
            assert_eq!(sandbox.read("b"), noise(size), "{size}");
        }
    }
    assert_eq!(sandbox.names(""), ["a", "b"]);
}

#[test]
fn permission_bits_are_kept_between_local_files() {
    let sandbox = Sandbox::with(&["a"]);
    for mode in [0o600, 0o755, 0o444] {
        fs::set_permissions(sandbox.path("a"), fs::Permissions::from_mode(mode)).unwrap();
        sandbox.run("cp a b").ok();
        let copied = fs::metadata(sandbox.path("b"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(copied & 0o777, mode);
    }
}

#[test]
fn a_tree_is_copied_to_below_the_destination_every_time() {
    let sandbox = Sandbox::with(&["src/a", "src/b/c", "src/b/d/e"]);
    for line in [
        "cp -r src dst",
        "cp -r src/ dst",
        "cp -r ./src dst/",
        "cp -r src dst",
    ] {
        let ended = sandbox.run(line).ok();
        assert!(
            ended.stdout.starts_with("copied 3 objects (21 B)"),
            "{ended:?}"
        );
        assert_eq!(sandbox.names("dst"), ["a", "b/c", "b/d/e"], "{line}");
    }
    assert_eq!(sandbox.text("dst/b/d/e"), "src/b/d/e");
}

#[test]
fn recursive_takes_a_single_file_too() {
    let sandbox = Sandbox::with(&["a"]);
    sandbox.run("cp -r a b").ok();
    assert_eq!(sandbox.text("b"), "a");
}

#[test]
fn file_urls_are_local_paths() {
    let sandbox = Sandbox::with(&["a b"]);
    let url = |name: &str| format!("file://{}/{name}", sandbox.path("").display());
    sandbox
        .run(&format!("cp {} {}", url("a%20b"), url("c%23d")))
        .ok();
    assert_eq!(sandbox.text("c#d"), "a b");
}

#[test]
fn empty_directories_are_kept_by_directories_only() {
    let sandbox = Sandbox::with(&["src/a"]);
    fs::create_dir_all(sandbox.path("src/empty/deep")).unwrap();
    let ended = sandbox.run("cp -r src dst").ok();
    assert_eq!(sandbox.names("dst"), ["a", "empty/deep/"]);
    assert!(!ended.stdout.contains("left out"), "{ended:?}");
    let ended = sandbox.run("cp -r src memory:///dst").ok();
    assert!(
        ended.stdout.contains("1 empty directory left out"),
        "{ended:?}"
    );
}

#[test]
fn an_empty_tree_is_copied_as_such() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("src")).unwrap();
    sandbox.run("cp -r src dst").ok();
    assert_eq!(sandbox.names(""), ["dst/", "src/"]);
}

#[test]
fn no_clobber_keeps_existing_objects() {
    let sandbox = Sandbox::new();
    sandbox.write("src/small", b"new");
    sandbox.write("src/large", &noise(5_000));
    sandbox.write("src/other", &noise(5_000));
    sandbox.write("dst/small", b"old");
    sandbox.write("dst/large", b"old");
    let ended = sandbox.run("cp -r -n --json --part-size 1KiB src dst").ok();
    assert_eq!(sandbox.text("dst/small"), "old");
    assert_eq!(sandbox.text("dst/large"), "old");
    assert_eq!(sandbox.read("dst/other"), noise(5_000));
    let objects = &ended.json()["objects"];
    assert_eq!(
        (&objects["copied"], &objects["skipped"]),
        (&1.into(), &2.into())
    );
    let ended = sandbox.run("cp -n src/small dst/small").ok();
    assert!(ended.stdout.contains("1 skipped"), "{ended:?}");
}

#[test]
fn no_clobber_is_right_after_lost_responses() {
    let sandbox = Sandbox::with(&["a"]);
    for seed in 1..=8 {
        let line = format!(
            "cp -n --json --chaos after=0.6,before=0.2,seed={seed} --base-delay 1ms --max-delay 1ms a b{seed}"
        );
        let ended = sandbox.run(&line).ok();
        assert_eq!(ended.json()["objects"]["copied"], 1, "{ended:?}");
    }
}

#[test]
fn json_counts_what_was_done() {
    let sandbox = Sandbox::with(&["src/a", "src/bb"]);
    let ended = sandbox.run("cp -r --verify --json src dst").ok();
    let json = ended.json();
    assert_eq!(json["command"], "cp");
    assert_eq!(json["status"], "ok");
    assert_eq!(json["source"], "src");
    assert_eq!(json["bytes"], 11);
    assert_eq!(json["objects"]["copied"], 2);
    assert_eq!(json["objects"]["verified"], 2);
    assert_eq!(json["objects"]["failed"], 0);
    // For each: HEAD, read, write and HEAD, and to verify HEAD and read.
    assert_eq!(json["attempts"], 12);
    assert_eq!(json["retries"]["total"], 0);
    assert_eq!(json["failures"], serde_json::json!([]));
    assert!(json.get("chaos").is_none());
}

#[test]
fn attributes_are_refused_where_they_cannot_be_stored() {
    let sandbox = Sandbox::with(&["a"]);
    sandbox
        .run("cp --content-type text/plain --metadata owner=me --metadata x=y a memory:///a")
        .ok();
    let ended = sandbox.run("cp --metadata owner=me a b");
    ended.failed(2, &["--metadata is not supported by local files"]);
    let ended = sandbox.run("cp --content-type text/plain a b");
    ended.failed(2, &["--content-type is not supported by local files"]);
    assert_eq!(sandbox.names(""), ["a"]);
}
