//! What stopped, failed and killed copies leave, and what becomes of it.

use std::fs;
use std::time::{Duration, SystemTime};

use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};
use undaunted_object_store::PartSize;

use super::resuming::{
    DOWN, MIB, SIZE, UP, bytes, hold, interrupted, journal_of_upload, kill, mark, slow, uploads,
    wait_for,
};
use super::s3::Service;
use super::sandbox::{Ended, SHORT, Sandbox, noise, signal, wait_until};

#[test]
fn without_a_place_for_journals_everything_is_copied_and_one_warning_says_so() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["file"]);
    sandbox.write("tree/a", &noise(11 * MIB));
    sandbox.write("tree/b", &noise(12 * MIB));
    let line = "cp -r --part-size 5MiB --state-dir file/state tree s3://bucket/tree";
    let ended = service.run(&sandbox, line).ok();
    assert_eq!(ended.stderr.matches("warning: ").count(), 1, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("choose another --state-dir, or --no-resume")
    );
    let quiet = line.replace("cp -r", "cp -r --no-resume");
    let ended = service.run(&sandbox, &quiet).ok();
    assert!(!ended.stderr.contains("warning: "), "{ended:?}");
}

#[test]
fn two_processes_do_not_share_a_staging_file_or_an_upload() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    let content = noise(SIZE);
    sandbox.write("big", &content);
    for (line, journal) in [(UP, None), (DOWN, Some("back/big#00"))] {
        let operation = if journal.is_some() {
            Operation::Get
        } else {
            Operation::PutPart
        };
        hold(&service, operation, 3, Duration::from_secs(5));
        let first = sandbox.start_with(line, service.variables());
        wait_for(10 * MIB, || match journal {
            Some(name) => Some(sandbox.path(name)),
            None => journal_of_upload(&sandbox),
        });
        let second = service.run(&sandbox, line).ok();
        let said = "another process is copying to ";
        assert!(second.stderr.contains(said), "{second:?}");
        let first = Ended::of(first.wait_with_output().unwrap()).ok();
        assert!(!first.stderr.contains(said), "{first:?}");
    }
    assert!(sandbox.read("back/big") == content);
    assert_eq!(sandbox.names("back"), ["big"]);
    assert!(uploads(service.server.root()).is_empty());
}

#[test]
fn ctrl_c_keeps_what_has_arrived_unless_nothing_is_to_be_left_behind() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    for name in ["-INT", "-TERM"] {
        let arrived = interrupted(&service, &sandbox, UP, name);
        assert!(arrived < SIZE, "{arrived}");
    }
    assert_eq!(service.hits(Operation::CreateMultipart), 1);
    assert_eq!(service.hits(Operation::AbortMultipart), 0);
    let begun = mark(&service, &sandbox);
    let ended = service.run(&sandbox, UP).ok();
    let resumed = ended.json()["bytes_resumed"].as_u64().unwrap();
    assert_eq!(
        resumed + bytes(&service, Operation::PutPart, begun),
        SIZE as u64
    );

    slow(&service, Operation::PutPart);
    let line = UP.replace("cp ", "cp --no-resume ");
    let child = sandbox.start_with(&line, service.variables());
    let sent = service.hits(Operation::PutPart);
    wait_until(|| service.hits(Operation::PutPart) >= sent + 2);
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    let json = ended.failed(130, &["stopping after Ctrl-C"]).json();
    assert_eq!(json["objects"]["uploads_aborted"], 1);
    assert_eq!(json["objects"]["uploads_kept"], 0);
    assert_eq!(journal_of_upload(&sandbox), None);
    assert!(uploads(service.server.root()).is_empty());
}

#[test]
fn an_interrupted_download_says_that_it_is_kept() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    service.run(&sandbox, UP).ok();
    slow(&service, Operation::Get);
    let child = sandbox.start_with(DOWN, service.variables());
    wait_for(10 * MIB, || Some(sandbox.path("back/big#00")));
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    let ended = ended.failed(
        130,
        &[
            "unfinished copy to back/big: ",
            " of 27.0 MiB have arrived, and the same command",
        ],
    );
    assert_eq!(ended.json()["objects"]["uploads_kept"], 1);
    assert_eq!(sandbox.names("back"), ["big#00", "big#000"]);
    // The next one needs none of it.
    let line = DOWN.replace("cp ", "cp --no-resume ");
    let ended = service.run(&sandbox, &line).ok();
    assert_eq!(ended.json()["bytes_resumed"], 0);
    assert_eq!(sandbox.names("back"), ["big"]);
}

#[test]
fn a_failed_upload_is_kept_too() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    let denied = Fault::FailBefore(Failure::Status(
        HttpFailure::new(403).with_code("AccessDenied"),
    ));
    let rule = Rule::new(Operation::PutPart, denied).from_call(3);
    service.server.plan().add(rule);
    let ended = service.run(&sandbox, UP);
    ended.failed(
        1,
        &[
            "AccessDenied",
            " of 27.0 MiB have arrived, and the same command resumes there",
        ],
    );
    let json = service.run(&sandbox, UP).ok().json();
    assert!(json["bytes_resumed"].as_u64().unwrap() > 0, "{json}");
}

#[test]
fn what_a_killed_copy_between_local_files_leaves_is_used_or_removed() {
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(4_000_000));
    let slow = "--chaos delay=1,delay_for=20ms,max_in_a_row=1000000 --chaos-at destination";
    let line = "cp --json --part-size 100KB --concurrency 2 big copy";
    let child = sandbox.start(&format!("{line} {slow}"));
    wait_for(200_000, || Some(sandbox.path("copy#00")));
    kill(child);
    let json = sandbox.run(line).ok().json();
    assert!(json["bytes_resumed"].as_u64().unwrap() >= 200_000);
    assert_eq!(sandbox.names(""), ["big", "copy"]);
    assert!(sandbox.read("copy") == noise(4_000_000));
}

#[test]
fn uploads_that_nobody_continued_for_a_week_are_aborted_by_a_copy_to_their_store() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["small"]);
    sandbox.write("big", &noise(SIZE));
    interrupted(&service, &sandbox, UP, "-KILL");
    let journal = journal_of_upload(&sandbox).unwrap();
    let line = format!("cp --json {SHORT} small s3://bucket/small");
    service.run(&sandbox, &line).ok();
    assert!(journal.exists(), "it is younger");
    let week = Duration::from_hours(8 * 24);
    let file = fs::File::options().write(true).open(&journal).unwrap();
    file.set_modified(SystemTime::now() - week).unwrap();
    drop(file);
    let ended = service.run(&sandbox, &line).ok();
    let said = "removed an unfinished copy to s3://bucket/t/big, which nobody continued";
    assert!(ended.stderr.contains(said), "{ended:?}");
    assert_eq!(ended.json()["objects"]["leftovers_removed"], 1);
    assert!(!journal.exists());
    assert!(uploads(service.server.root()).is_empty());
}

#[test]
fn no_copy_waits_for_forgotten_uploads_and_ctrl_c_ends_their_removal() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["small"]);
    sandbox.write("big", &noise(SIZE));
    interrupted(&service, &sandbox, UP, "-KILL");
    let journal = journal_of_upload(&sandbox).unwrap();
    let week = Duration::from_hours(8 * 24);
    let file = fs::File::options().write(true).open(&journal).unwrap();
    file.set_modified(SystemTime::now() - week).unwrap();
    drop(file);
    let plan = service.server.plan();
    let held = Fault::Delay(Duration::from_mins(1));
    plan.add(Rule::new(Operation::AbortMultipart, held));
    let child = sandbox.start_with("cp --json small s3://bucket/small", service.variables());
    wait_until(|| {
        let is_copied = service.server.root().join("bucket/small").exists();
        is_copied && plan.calls(Operation::AbortMultipart) == 1
    });
    signal(&child, "-INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(journal.exists());
}

#[test]
fn an_upload_that_cannot_be_aborted_stays_known() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    sandbox.write("big", &noise(SIZE));
    interrupted(&service, &sandbox, UP, "-KILL");
    let denied = Failure::Status(HttpFailure::new(403).with_code("AccessDenied"));
    let denied = Rule::new(Operation::AbortMultipart, Fault::FailBefore(denied)).always();
    service.server.plan().add(denied);
    let could_not = "an unfinished upload to s3://bucket/t/big could not be aborted";
    let check = |ended: Ended| {
        assert!(ended.stderr.contains(could_not), "{ended:?}");
        assert!(!ended.stderr.contains("removed an unfinished"), "{ended:?}");
        assert!(journal_of_upload(&sandbox).is_some());
    };
    let without = UP.replace("cp ", "cp --no-resume ");
    check(service.run(&sandbox, &without).ok());
    // Its journal is needed for another upload: it gets another one.
    let first = journal_of_upload(&sandbox).unwrap();
    sandbox.write("big", &noise(SIZE - 1));
    check(service.run(&sandbox, UP).ok());
    assert_ne!(journal_of_upload(&sandbox).unwrap(), first);
}

#[test]
fn a_file_that_may_be_left_is_named_and_stays() {
    let sandbox = Sandbox::with(&["a", "b#1"]);
    let ended = sandbox.run("cp --json a b").ok();
    assert!(
        ended
            .stderr
            .contains("b#1 may be left from a copy that was killed"),
        "{ended:?}"
    );
    assert_eq!(ended.json()["objects"]["leftovers_found"], 1);
    assert_eq!(sandbox.names(""), ["a", "b", "b#1"]);

    // A long name is replaced by its hash.
    let long = "b".repeat(250);
    let staging = PartSize::staging_file(&sandbox.path(&long));
    let staging = staging.file_name().unwrap().to_str().unwrap();
    let stray = staging.replace("#000", "#1");
    sandbox.write(&stray, b"stray");
    let ended = sandbox.run(&format!("cp a {long}")).ok();
    let said = format!("{stray} may be left from a copy that was killed");
    assert!(ended.stderr.contains(&said), "{ended:?}");
}
