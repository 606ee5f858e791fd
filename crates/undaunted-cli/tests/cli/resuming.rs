//! Copies that were interrupted, and the run after that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use undaunted_chaos::server::RequestRecord;
use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use super::s3::Service;
use super::sandbox::{Ended, Sandbox, noise, signal, wait_until};
use super::serving::Served;

pub(super) const MIB: usize = 1 << 20;

/// Six parts, the last of them shorter.
pub(super) const SIZE: usize = 27 * MIB;

pub(super) const UP: &str = "cp --json --part-size 5MiB --concurrency 2 big s3://bucket/t/big";
pub(super) const DOWN: &str =
    "cp --json --part-size 5MiB --concurrency 2 s3://bucket/t/big back/big";

/// The journal of the only upload to a store.
pub(super) fn journal_of_upload(sandbox: &Sandbox) -> Option<PathBuf> {
    let mut entries = fs::read_dir(sandbox.state().join("uploads")).ok()?;
    entries.next().map(|entry| entry.unwrap().path())
}

/// How many bytes a journal says have arrived.
pub(super) fn arrived_in(journal: &Path) -> usize {
    let text = fs::read_to_string(journal).unwrap_or_default();
    let parts = text.lines().skip(2).filter_map(|line| {
        let (_, json) = line.split_once(' ')?;
        let part: Value = serde_json::from_str(json).ok()?;
        part["length"].as_u64()
    });
    usize::try_from(parts.sum::<u64>()).unwrap()
}

/// Whole parts, as messages say it.
fn in_mib(bytes: usize) -> String {
    format!("{}.0 MiB", bytes / MIB)
}

/// Waits until so much has arrived, and returns the journal.
pub(super) fn wait_for(bytes: usize, journal: impl Fn() -> Option<PathBuf>) -> PathBuf {
    wait_until(|| journal().is_some_and(|journal| arrived_in(&journal) >= bytes));
    journal().unwrap()
}

pub(super) fn kill(mut child: Child) {
    signal(&child, "-KILL");
    child.wait().unwrap();
}

/// Every request of this kind takes a while, so that there is time to interrupt a copy.
pub(super) fn slow(service: &Service, operation: Operation) {
    let delay = Fault::Delay(Duration::from_millis(150));
    service
        .server
        .plan()
        .add(Rule::new(operation, delay).always());
}

/// Two requests of this kind, after so many of them, get no response for so long.
pub(super) fn hold(service: &Service, operation: Operation, after: u64, lasts: Duration) {
    let delay = Rule::new(operation, Fault::Delay(lasts));
    let plan = service.server.plan();
    plan.add(delay.from_call(after + 1).count(2));
}

/// Starts a copy, and kills it when some of it has arrived. Returns how much.
pub(super) fn interrupted(service: &Service, sandbox: &Sandbox, line: &str, name: &str) -> usize {
    let is_upload = line != DOWN;
    let operation = if is_upload {
        Operation::PutPart
    } else {
        Operation::Get
    };
    let journal = || journal_of_upload(sandbox).or_else(|| Some(sandbox.path("back/big#00")));
    let is_resumed = journal().is_some_and(|journal| journal.exists());
    // Two requests are in flight at the same time. None is held any more in the next run.
    let passing = if is_resumed { 0 } else { 3 };
    let held = service.server.plan().calls(operation) + passing + 2;
    hold(service, operation, passing, Duration::from_mins(1));
    let child = sandbox.start_with(line, service.variables());
    wait_until(|| service.server.plan().calls(operation) >= held);
    let journal = wait_for(10 * MIB, journal);
    signal(&child, name);
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_ne!(ended.code, Some(0));
    arrived_in(&journal)
}

/// The time of a request of its own: those of a process that was killed came before it, although
/// they may end later.
pub(super) fn mark(service: &Service, sandbox: &Sandbox) -> Duration {
    service.run(sandbox, "ls s3://bucket").ok();
    let requests = service.server.requests();
    let lists = requests
        .iter()
        .filter(|request| request.operation == Operation::List);
    lists.map(|request| request.at).max().unwrap()
}

/// Such requests after a mark.
fn after(service: &Service, operation: Operation, mark: Duration) -> Vec<RequestRecord> {
    let requests = service.server.requests().into_iter();
    let matching = requests.filter(|request| request.operation == operation);
    matching.filter(|request| request.at > mark).collect()
}

/// Bytes of the bodies of such requests after a mark. Each part and range counts once: under load
/// the server may take a request from its queue when the process that sent it is gone.
pub(super) fn bytes(service: &Service, operation: Operation, mark: Duration) -> u64 {
    let mut bodies = BTreeMap::new();
    for request in after(service, operation, mark) {
        let bytes = request.bytes_in + request.bytes_out;
        let body = (request.key, request.part, request.range);
        let longest = bodies.entry(body).or_insert(0);
        *longest = bytes.max(*longest);
    }
    bodies.values().sum()
}

/// Files that the server keeps beside the objects for uploads that have not ended.
pub(super) fn uploads(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join(".undaunted/uploads")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn recorded(sandbox: &Sandbox, from: usize) -> Vec<Value> {
    let text = sandbox.text("requests.jsonl");
    let lines = text.lines().skip(from);
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sum(requests: &[Value], operation: &str, field: &str) -> u64 {
    let matching = requests
        .iter()
        .filter(|request| request["operation"] == operation);
    matching
        .map(|request| request[field].as_u64().unwrap())
        .sum()
}

#[test]
fn a_killed_upload_and_a_killed_download_cost_only_what_is_missing() {
    let sandbox = Sandbox::new();
    let content = noise(SIZE);
    sandbox.write("big", &content);
    sandbox.write(
        "slow.toml",
        b"[[rule]]\nfault = 'delay'\noperation = 'put_part'\nlasts = '150ms'\ncount = 'always'\n\
          [[rule]]\nfault = 'delay'\noperation = 'get'\nlasts = '150ms'\ncount = 'always'\n",
    );
    let served = Served::start(
        &sandbox,
        "--dir data --record requests.jsonl --chaos slow.toml",
    );

    let child = sandbox.start_with(UP, served.variables());
    let journal = wait_for(10 * MIB, || journal_of_upload(&sandbox));
    kill(child);
    let arrived = arrived_in(&journal);
    let before_up = recorded(&sandbox, 0).len();
    let ended = served.run(&sandbox, UP).ok();
    let said = format!(
        "resuming the copy to s3://bucket/t/big: {} of 27.0 MiB have arrived",
        in_mib(arrived)
    );
    assert!(ended.stderr.contains(&said), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["objects"]["resumed"], 1);
    assert_eq!(json["bytes"], SIZE);
    assert_eq!(json["bytes_resumed"], arrived);
    let missing_up = (SIZE - arrived) as u64;
    assert!(sandbox.read("data/bucket/t/big") == content);
    assert!(uploads(&sandbox.path("data")).is_empty());
    assert_eq!(journal_of_upload(&sandbox), None);

    let child = sandbox.start_with(DOWN, served.variables());
    let journal = wait_for(10 * MIB, || Some(sandbox.path("back/big#00")));
    kill(child);
    let arrived = arrived_in(&journal);
    assert_eq!(sandbox.names("back"), ["big#00", "big#000"]);
    let before_down = recorded(&sandbox, 0).len();
    let json = served.run(&sandbox, DOWN).ok().json();
    assert_eq!(json["bytes_resumed"], arrived);
    assert!(sandbox.read("back/big") == content);
    assert_eq!(sandbox.names("back"), ["big"]);
    served.stop().ok();
    // Once the server has ended, since it records a request after its response. One of a run that
    // was killed may have been recorded after it.
    let up = recorded(&sandbox, before_up);
    let sent = sum(&up, "put_part", "bytes_in");
    assert!(
        sent >= missing_up && sent <= missing_up + 10 * MIB as u64,
        "{sent} of {missing_up}"
    );
    assert_eq!(sum(&up, "create_multipart", "bytes_in"), 0);
    let requests = recorded(&sandbox, before_down);
    let whole = requests
        .iter()
        .filter(|r| r["operation"] == "get" && r["status"] == 206);
    let read: u64 = whole.map(|r| r["bytes_out"].as_u64().unwrap()).sum();
    let missing = (SIZE - arrived) as u64;
    assert!(
        read >= missing && read <= missing + 10 * MIB as u64,
        "{read} of {missing}"
    );
}

#[test]
fn a_source_that_has_changed_is_copied_anew_in_both_directions() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    interrupted(&service, &sandbox, UP, "-KILL");
    let mut changed = noise(SIZE);
    changed[7] ^= 1;
    sandbox.write("big", &changed);
    let ended = service.run(&sandbox, UP).ok();
    let why = "removed an unfinished copy to s3://bucket/t/big: the source or the settings have";
    assert!(ended.stderr.contains(why), "{ended:?}");
    assert_eq!(ended.json()["bytes_resumed"], 0);
    assert_eq!(ended.json()["objects"]["leftovers_removed"], 1);
    assert_eq!(service.hits(Operation::AbortMultipart), 1);
    assert!(uploads(service.server.root()).is_empty());

    interrupted(&service, &sandbox, DOWN, "-KILL");
    changed[9] ^= 1;
    sandbox.write("big", &changed);
    service.run(&sandbox, UP).ok();
    let ended = service.run(&sandbox, DOWN).ok();
    assert!(
        ended
            .stderr
            .contains("removed an unfinished copy to back/big: "),
        "{ended:?}"
    );
    assert!(sandbox.read("back/big") == changed);
    assert_eq!(sandbox.names("back"), ["big"]);
}

#[test]
fn other_attributes_and_another_size_of_parts_begin_anew() {
    for flags in ["--content-type text/plain", "--part-size 6MiB"] {
        let service = Service::start();
        let sandbox = Sandbox::new();
        sandbox.write("big", &noise(SIZE));
        interrupted(&service, &sandbox, UP, "-KILL");
        let line = format!("cp --json --part-size 5MiB {flags} big s3://bucket/t/big");
        let line = line.replace("--part-size 5MiB --part-size", "--part-size");
        let ended = service.run(&sandbox, &line).ok();
        assert_eq!(ended.json()["bytes_resumed"], 0, "{ended:?}");
        assert_eq!(service.hits(Operation::AbortMultipart), 1);
    }
}

#[test]
fn parts_whose_bytes_are_not_there_are_read_again() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    let content = noise(SIZE);
    sandbox.write("big", &content);
    service.run(&sandbox, UP).ok();
    let arrived = interrupted(&service, &sandbox, DOWN, "-KILL");
    // What a power failure does: a hole in one part, and the end of the journal is gone.
    let mut staged = sandbox.read("back/big#000");
    staged[100..5000].fill(0);
    sandbox.write("back/big#000", &staged);
    let journal = sandbox.read("back/big#00");
    sandbox.write("back/big#00", &journal[..journal.len() - 10]);
    let json = service.run(&sandbox, DOWN).ok().json();
    let resumed = json["bytes_resumed"].as_u64().unwrap();
    assert!(resumed < arrived as u64 && resumed > 0, "{json}");
    assert!(sandbox.read("back/big") == content);
}

#[test]
fn a_journal_that_cannot_be_read_is_begun_anew_and_other_files_are_left_alone() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    let content = noise(SIZE);
    sandbox.write("big", &content);
    service.run(&sandbox, UP).ok();
    interrupted(&service, &sandbox, DOWN, "-KILL");
    let journal = sandbox.read("back/big#00");
    sandbox.write("back/big#00", &journal[..70]);
    let json = service.run(&sandbox, DOWN).ok().json();
    assert_eq!(json["bytes_resumed"], 0);
    assert_eq!(sandbox.names("back"), ["big"]);

    sandbox.write("back/big#00", b"precious");
    sandbox.write("back/big", b"old");
    let ended = service.run(&sandbox, DOWN).ok();
    assert!(ended.stderr.contains("warning: "), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("big#00 is not a file of this command"),
        "{ended:?}"
    );
    assert!(sandbox.read("back/big") == content);
    assert_eq!(sandbox.text("back/big#00"), "precious");
    assert_eq!(sandbox.names("back"), ["big", "big#00"]);

    fs::remove_file(sandbox.path("back/big#00")).unwrap();
    sandbox.write("back/big#000", b"precious");
    let ended = service.run(&sandbox, DOWN).ok();
    let said = "big#000 is not a file of this command";
    assert!(ended.stderr.contains(said), "{ended:?}");
    assert_eq!(sandbox.text("back/big#000"), "precious");
    assert_eq!(sandbox.names("back"), ["big", "big#000"]);
}

#[test]
fn a_destination_that_was_replaced_in_between_is_replaced_by_the_copy() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["other"]);
    let content = noise(SIZE);
    sandbox.write("big", &content);
    interrupted(&service, &sandbox, UP, "-KILL");
    service.run(&sandbox, "cp other s3://bucket/t/other").ok();
    // One that is written in one request removes the unfinished upload to its key.
    let ended = service.run(&sandbox, "cp other s3://bucket/t/big").ok();
    assert!(
        ended
            .stderr
            .contains("removed an unfinished copy to s3://bucket/t/big")
    );
    assert!(uploads(service.server.root()).is_empty());
    service.run(&sandbox, UP).ok();

    interrupted(&service, &sandbox, DOWN, "-KILL");
    sandbox.write("back/big", b"other");
    let json = service.run(&sandbox, DOWN).ok().json();
    assert!(json["bytes_resumed"].as_u64().unwrap() > 0);
    assert!(sandbox.read("back/big") == content);
}

#[test]
fn a_copy_between_two_stores_reads_and_sends_what_is_missing_and_a_dry_run_says_so() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    service.run(&sandbox, UP).ok();
    let line = "cp --json --verify --part-size 5MiB --concurrency 2 s3://bucket/t/big \
                s3://bucket/copy";
    let arrived = interrupted(&service, &sandbox, line, "-KILL");
    let journal = fs::read(journal_of_upload(&sandbox).unwrap()).unwrap();
    let dry = line.replace("--json", "--dry-run");
    let ended = service.run(&sandbox, &dry).ok();
    let said = format!(
        "would resume s3://bucket/t/big -> s3://bucket/copy ({} of 27.0 MiB have arrived)\n",
        in_mib(arrived)
    );
    assert!(ended.stdout.starts_with(&said), "{ended:?}");
    let unchanged = fs::read(journal_of_upload(&sandbox).unwrap()).unwrap();
    assert!(unchanged == journal);

    let begun = mark(&service, &sandbox);
    let json = service.run(&sandbox, line).ok().json();
    assert_eq!(json["objects"]["verified"], 1);
    assert_eq!(json["bytes_resumed"], arrived);
    let missing = (SIZE - arrived) as u64;
    assert_eq!(bytes(&service, Operation::PutPart, begun), missing);
    // What is missing of the source, and all of the copy to verify it.
    let read = bytes(&service, Operation::Get, begun);
    assert_eq!(read, missing + SIZE as u64);
    service.run(&sandbox, "cp s3://bucket/copy back").ok();
    assert!(sandbox.read("back") == noise(SIZE));
}

#[test]
fn an_upload_that_the_service_has_ended_begins_anew() {
    let gone = HttpFailure::new(404).with_code("NoSuchUpload");
    let refused = HttpFailure::new(403).with_code("AccessDenied");
    begins_anew(Operation::PutPart, gone);
    begins_anew(Operation::PutPart, refused.clone());
    begins_anew(Operation::CompleteMultipart, refused);
}

/// An upload is interrupted, and this is the response to the next such request.
fn begins_anew(operation: Operation, response: HttpFailure) {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    interrupted(&service, &sandbox, UP, "-KILL");
    let rule = Rule::new(operation, Fault::FailBefore(Failure::Status(response)));
    service.server.plan().add(rule);
    let ended = service.run(&sandbox, UP).ok();
    assert!(
        ended.stderr.contains("is gone: it begins anew"),
        "{ended:?}"
    );
    assert_eq!(ended.json()["bytes_resumed"], 0);
    assert_eq!(service.hits(Operation::CreateMultipart), 2);
    let down = service.run(&sandbox, DOWN).ok();
    assert_eq!(down.json()["bytes"], SIZE);
    assert!(sandbox.read("back/big") == noise(SIZE));
}

#[test]
fn an_upload_that_was_completed_unseen_is_found_to_be_the_copy() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    let unseen = Fault::FailAfter(Failure::Timeout);
    let rule = Rule::new(Operation::CompleteMultipart, unseen);
    service.server.plan().add(rule);
    let child = sandbox.start_with(UP, service.variables());
    let object = service.server.root().join("bucket/t/big");
    wait_until(|| object.exists() && uploads(service.server.root()).is_empty());
    kill(child);
    assert!(journal_of_upload(&sandbox).is_some());
    let begun = mark(&service, &sandbox);
    let json = service.run(&sandbox, UP).ok().json();
    assert_eq!(json["bytes_resumed"], SIZE);
    assert_eq!(bytes(&service, Operation::PutPart, begun), 0);
    assert_eq!(journal_of_upload(&sandbox), None);
}

#[test]
fn a_killed_copy_of_a_tree_goes_on_where_it_stopped() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["tree/a", "tree/b/c", "tree/z"]);
    sandbox.write("tree/m/big", &noise(SIZE));
    let line = "cp -r --update --json --part-size 5MiB --concurrency 2 tree s3://bucket/tree";
    slow(&service, Operation::PutPart);
    let child = sandbox.start_with(line, service.variables());
    wait_for(10 * MIB, || journal_of_upload(&sandbox));
    kill(child);
    let begun = mark(&service, &sandbox);
    let json = service.run(&sandbox, line).ok().json();
    assert_eq!(json["objects"]["resumed"], 1);
    let unchanged = json["objects"]["unchanged"].as_u64().unwrap();
    let copied = json["objects"]["copied"].as_u64().unwrap();
    assert_eq!(unchanged + copied, 4);
    let resumed = json["bytes_resumed"].as_u64().unwrap();
    let sent = bytes(&service, Operation::PutPart, begun);
    assert_eq!(resumed + sent, SIZE as u64);
    assert!(after(&service, Operation::Head, begun).is_empty());
    // And the way back.
    let line = "cp -r --update --json --part-size 5MiB --concurrency 2 s3://bucket/tree back";
    slow(&service, Operation::Get);
    let child = sandbox.start_with(line, service.variables());
    wait_for(10 * MIB, || Some(sandbox.path("back/m/big#00")));
    kill(child);
    let json = service.run(&sandbox, line).ok().json();
    assert!(json["bytes_resumed"].as_u64().unwrap() >= 10 * MIB as u64);
    assert_eq!(sandbox.names("back"), ["a", "b/c", "m/big", "z"]);
    assert!(sandbox.read("back/m/big") == noise(SIZE));
}
