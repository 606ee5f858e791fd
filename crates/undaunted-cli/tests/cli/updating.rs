//! `--update` in every pairing, and `--dry-run`.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use undaunted_chaos::{Fault, Operation, Rule};

use super::s3::Service;
use super::sandbox::{Ended, Sandbox, noise, wait_until};

/// The number of objects that were copied, and of those that were not because they are the same.
fn counts(ended: Ended) -> (u64, u64) {
    let json = ended.ok().json();
    let count = |name| json["objects"][name].as_u64().unwrap();
    (count("copied"), count("unchanged"))
}

/// Changes a file's time: the destination's is in the past, or in the future.
fn set_time(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn hour() -> Duration {
    Duration::from_hours(1)
}

/// Returns when files that are written now are newer than this one by the resolution of times.
fn wait_until_later_than(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let changed = UNIX_EPOCH
        + Duration::new(
            metadata.ctime().unsigned_abs(),
            u32::try_from(metadata.ctime_nsec()).unwrap(),
        );
    while SystemTime::now() < changed + Duration::from_millis(50) {
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn local_files_are_compared_by_size_and_time() {
    let sandbox = Sandbox::with(&["src/a", "src/b/c", "src/e"]);
    wait_until_later_than(&sandbox.path("src/e"));
    let line = "cp -r -u --json src dst";
    assert_eq!(counts(sandbox.run(line)), (3, 0));
    assert_eq!(counts(sandbox.run(line)), (0, 3));
    // Another size, and a destination that is older.
    sandbox.write("src/a", b"longer");
    wait_until_later_than(&sandbox.path("src/a"));
    set_time(&sandbox.path("dst/e"), SystemTime::now() - hour());
    assert_eq!(counts(sandbox.run(line)), (2, 1));
    assert_eq!(sandbox.text("dst/a"), "longer");
    // The same size and an old time, as a tool that keeps times leaves it.
    sandbox.write("src/b/c", b"SRC/B/C");
    wait_until_later_than(&sandbox.path("src/b/c"));
    set_time(&sandbox.path("src/b/c"), SystemTime::now() - 24 * hour());
    assert_eq!(counts(sandbox.run(line)), (1, 2));
    assert_eq!(sandbox.text("dst/b/c"), "SRC/B/C");
    // One file, and its name.
    let ended = sandbox.run("cp -u src/a dst/a").ok();
    assert!(ended.stderr.contains("unchanged src/a"), "{ended:?}");
    assert!(ended.stdout.contains("copied 0 objects (0 B)"), "{ended:?}");
    assert!(ended.stdout.contains(", 1 unchanged"), "{ended:?}");
}

#[test]
fn a_tree_in_a_store_is_compared_with_lists_and_md5() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    for number in 0..30 {
        sandbox.write(&format!("src/{}/{number}", number % 3), &noise(number + 1));
    }
    sandbox.write("src/0-1", b"between 0 and 0/");
    sandbox.write("src/large", &noise(6 << 20));
    wait_until_later_than(&sandbox.path("src/large"));
    let up = "cp -r -u --json --part-size 5MiB src s3://bucket/t";
    assert_eq!(counts(service.run(&sandbox, up)), (32, 0));
    let begun = service.server.requests().len();
    assert_eq!(counts(service.run(&sandbox, up)), (0, 32));
    let requests = service.server.requests();
    let kinds: Vec<Operation> = requests[begun..].iter().map(|r| r.operation).collect();
    assert!(kinds.len() <= 3, "{kinds:?}");
    assert!(
        kinds.iter().all(|kind| *kind == Operation::List),
        "{kinds:?}"
    );

    // Something else about a file has changed: its MD5 shows that the content has not.
    for name in ["src/1/4", "src/large"] {
        set_time(&sandbox.path(name), SystemTime::now());
    }
    assert_eq!(counts(service.run(&sandbox, up)), (0, 32));
    // The same size.
    sandbox.write("src/1/4", &[7; 5]);
    assert_eq!(counts(service.run(&sandbox, up)), (1, 31));

    let down = "cp -r -u --json --part-size 5MiB s3://bucket/t back";
    assert_eq!(counts(service.run(&sandbox, down)), (32, 0));
    let begun = service.server.requests().len();
    assert_eq!(counts(service.run(&sandbox, down)), (0, 32));
    let requests = service.server.requests();
    assert!(
        requests[begun..]
            .iter()
            .all(|r| r.operation == Operation::List)
    );
    // A clock of this machine that is behind: the MD5 shows that nothing has changed.
    for name in ["back/1/4", "back/large"] {
        set_time(&sandbox.path(name), SystemTime::now() - hour());
    }
    assert_eq!(counts(service.run(&sandbox, down)), (0, 32));
    // And an older file of the same size shows that it has.
    sandbox.write("back/1/4", &[8; 5]);
    set_time(&sandbox.path("back/1/4"), SystemTime::now() - hour());
    assert_eq!(counts(service.run(&sandbox, down)), (1, 31));
    assert_eq!(sandbox.read("back/1/4"), [7; 5]);
}

#[test]
fn two_stores_are_compared_by_etags_whatever_the_times() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["a", "b"]);
    service.run(&sandbox, "cp a s3://bucket/x/a").ok();
    service.run(&sandbox, "cp b s3://bucket/x/b").ok();
    let line = "cp -r -u --json s3://bucket/x s3://bucket/y";
    assert_eq!(counts(service.run(&sandbox, line)), (2, 0));
    assert_eq!(counts(service.run(&sandbox, line)), (0, 2));
    // The server has no ETags in its lists, so one object is copied at a time.
    let line = "cp --update --json s3://bucket/x/a s3://bucket/y/a";
    assert_eq!(counts(service.run(&sandbox, line)), (0, 1));
    // A destination of the same size that was written later is no copy of the source.
    service.run(&sandbox, "cp b s3://bucket/y/a").ok();
    assert_eq!(counts(service.run(&sandbox, line)), (1, 0));
    service.run(&sandbox, "cp s3://bucket/y/a out").ok();
    assert_eq!(sandbox.text("out"), "a");
    // An equal one that is older is the same.
    service.run(&sandbox, "cp a s3://bucket/x/a").ok();
    assert_eq!(counts(service.run(&sandbox, line)), (0, 1));
}

#[test]
fn a_destination_that_cannot_be_listed_is_asked_for_each_object() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["src/a", "src/b"]);
    let line = "cp -r -u --json --max-retries 0 src s3://bucket/t";
    assert_eq!(counts(service.run(&sandbox, line)), (2, 0));
    let broken = Fault::FailBefore(undaunted_chaos::Failure::status(500));
    service
        .server
        .plan()
        .add(Rule::new(Operation::List, broken));
    assert_eq!(counts(service.run(&sandbox, line)), (0, 2));
    assert_eq!(service.hits(Operation::Head), 2);
}

#[test]
fn flags_that_contradict_update_are_refused() {
    let sandbox = Sandbox::with(&["a"]);
    let ended = sandbox.run("cp -u -n a b");
    ended.failed(2, &["--update", "cannot be used with", "--no-clobber"]);
    sandbox
        .run("cp -u - b")
        .failed(2, &["stdin has no time", "--update"]);
    sandbox
        .run("cp -u a -")
        .failed(2, &["--update cannot be used with DST -"]);
}

/// Everything below a directory: names, content and times.
fn state(folder: &Path) -> Vec<(String, Vec<u8>, SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let changed = fs::metadata(&path).unwrap().modified().unwrap();
            let content = if path.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            found.push((path.display().to_string(), content, changed));
        }
    }
    found.sort();
    found
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["src/a", "src/b/c"]);
    service.run(&sandbox, "cp -r src s3://bucket/t").ok();
    fs::create_dir(sandbox.path("src/empty")).unwrap();
    sandbox.write("src/b/d", &noise(1536));
    let before = (state(&sandbox.path("")), state(service.server.root()));
    let begun = service.server.requests().len();

    let line = "cp --dry-run -r -u src s3://bucket/t";
    let ended = service.run(&sandbox, line).ok();
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "would skip src/a, unchanged",
            "would skip src/b/c, unchanged",
            "would copy src/b/d -> s3://bucket/t/b/d (1.5 KiB)",
            "would copy 1 object (1.5 KiB), 2 unchanged",
        ],
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("1 empty directory left out"),
        "{ended:?}"
    );
    let ended = service
        .run(&sandbox, "cp --dry-run -r s3://bucket/t new/deep")
        .ok();
    assert!(
        ended
            .stdout
            .starts_with("would copy s3://bucket/t/a -> new/deep/a (5 B)\n"),
        "{ended:?}"
    );
    let ended = sandbox.run("cp --dry-run -r src new/other").ok();
    assert!(
        ended
            .stdout
            .contains("would make directory new/other/empty\n"),
        "{ended:?}"
    );
    let ended = service
        .run(&sandbox, "cp --dry-run -n src/a s3://bucket/t/a")
        .ok();
    assert!(
        ended
            .stdout
            .contains("would skip src/a: s3://bucket/t/a exists already")
    );
    let ended = sandbox.run("cp --dry-run src/a -").ok();
    assert!(
        ended.stderr.contains("would copy src/a -> - (5 B)"),
        "{ended:?}"
    );
    assert_eq!(ended.stdout, "");
    sandbox.run("cp --dry-run - new/x").ok();

    let ended = service.run(&sandbox, &line.replace("cp", "cp --json")).ok();
    let steps: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        steps[2],
        serde_json::json!({
            "action": "copy", "source": "src/b/d", "destination": "s3://bucket/t/b/d", "bytes": 1536
        })
    );
    assert_eq!(steps[3]["dry_run"], true);
    assert_eq!(steps[3]["objects"]["copied"], 1);
    assert_eq!(steps[3]["objects"]["unchanged"], 2);

    let requests = service.server.requests();
    let is_read =
        |operation| [Operation::Get, Operation::Head, Operation::List].contains(&operation);
    assert!(
        requests[begun..]
            .iter()
            .all(|request| is_read(request.operation))
    );
    assert!(before == (state(&sandbox.path("")), state(service.server.root())));
    assert!(state(sandbox.state()).is_empty());
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_sent_again() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["file"]);
    let plan = service.server.plan();
    let held = Fault::Delay(Duration::from_secs(1));
    plan.add(Rule::new(Operation::Put, held));
    let line = "cp -u --json file s3://bucket/file";
    let child = sandbox.start_with(line, service.variables());
    wait_until(|| plan.calls(Operation::Put) == 1);
    sandbox.write("file", b"FILE");
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(counts(ended), (1, 0));
    assert_eq!(plan.calls(Operation::Put), 2);
    service.run(&sandbox, "cp s3://bucket/file back").ok();
    assert_eq!(sandbox.text("back"), "FILE");
}

#[test]
fn a_local_copy_is_as_old_as_its_reading() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["file"]);
    service.run(&sandbox, "cp file s3://bucket/file").ok();
    let delay = Duration::from_millis(500);
    let held = Rule::new(Operation::Get, Fault::Delay(delay));
    service.server.plan().add(held);
    service.run(&sandbox, "cp s3://bucket/file back").ok();
    let changed = fs::metadata(sandbox.path("back")).unwrap().modified();
    assert!(changed.unwrap() + delay <= SystemTime::now());
}

#[test]
fn a_dry_run_fails_as_a_copy_would() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["src/a#1", "src/b", "file"]);
    let fails = |line: &str, code, words: &[&str]| {
        let real = service.run(&sandbox, line);
        let dry = service.run(&sandbox, &line.replace("cp", "cp --dry-run"));
        assert_eq!(real.code, dry.code, "{real:?} {dry:?}");
        dry.failed(code, words);
    };
    fails("cp missing out", 1, &["missing", "No such file"]);
    fails(
        "cp s3://bucket/missing out",
        1,
        &["s3://bucket/missing: no such object"],
    );
    fails(
        "cp -r src s3://bucket/t",
        1,
        &["src/a#1: names that end in # and a number"],
    );
    fails("cp file file/x", 1, &["Not a directory"]);
    fails("cp src out", 2, &["--recursive"]);
    fails("cp file file", 2, &["the same"]);
}
