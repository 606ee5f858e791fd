//! Injected faults that are survived, and too many of them.

use std::time::Instant;

use super::sandbox::{SHORT, Sandbox, noise};

#[test]
fn every_profile_is_survived_whatever_the_seed() {
    let sandbox = Sandbox::new();
    sandbox.write("src/small", &noise(100));
    sandbox.write("src/sub/large", &noise(20_000));
    sandbox.write("src/empty", b"");
    let mut retries = 0;
    for profile in ["flaky", "lossy", "throttled,retry_after=1ms", "rate=0.5"] {
        for seed in 1..=5 {
            let spec = format!("{profile},seed={seed}");
            let line =
                format!("cp -r --verify --json --part-size 1KiB {SHORT} --chaos {spec} src dst");
            let ended = sandbox.run(&line).ok();
            let json = ended.json();
            assert_eq!(json["objects"]["verified"], 3, "{ended:?}");
            retries += json["retries"]["total"].as_u64().unwrap();
            assert_eq!(sandbox.names("dst"), ["empty", "small", "sub/large"]);
            assert_eq!(sandbox.read("dst/sub/large"), noise(20_000), "{spec}");
            assert_eq!(sandbox.read("dst/small"), noise(100), "{spec}");
        }
    }
    assert!(retries > 200, "{retries}");
}

#[test]
fn a_file_of_faults_is_followed_and_named_in_the_report() {
    let sandbox = Sandbox::with(&["a"]);
    let rules =
        "[[rule]]\nfault = 'fail_before'\noperation = 'put'\nfailure = 'reset'\ncount = 2\n";
    sandbox.write("faults.toml", rules.as_bytes());
    let line = format!("cp --json {SHORT} --chaos faults.toml a b");
    let json = sandbox.run(&line).ok().json();
    assert_eq!(json["chaos"]["spec"], "faults.toml");
    assert_eq!(json["chaos"]["faults_injected"], 2);
    assert_eq!(json["retries"]["total"], 2);
    assert_eq!(sandbox.text("b"), "a");
}

#[test]
fn lost_responses_to_a_completion_are_resolved_by_content() {
    let sandbox = Sandbox::new();
    sandbox.write("a", &noise(5_000));
    for seed in 1..=10 {
        let spec = format!("after=0.7,seed={seed}");
        let line = format!("cp --json --part-size 1KiB {SHORT} --chaos {spec} a b");
        sandbox.run(&line).ok();
        assert_eq!(sandbox.read("b"), noise(5_000), "{spec}");
    }
    assert_eq!(sandbox.names(""), ["a", "b"]);
}

#[test]
fn faults_are_injected_where_chaos_at_says() {
    let sandbox = Sandbox::with(&["a"]);
    let operations = |at: &str| {
        let line = format!("cp --json {SHORT} --chaos before=1,max_in_a_row=1 --chaos-at {at} a b");
        let json = sandbox.run(&line).ok().json();
        let operations = json["retries"]["by_operation"].as_object().unwrap().clone();
        operations.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(operations("source"), ["get"]);
    assert_eq!(operations("destination"), ["put"]);
    assert_eq!(operations("both"), ["get", "put"]);
}

#[test]
fn retries_are_logged_in_the_words_of_the_library_and_the_run_can_be_repeated() {
    let sandbox = Sandbox::with(&["a"]);
    let line = format!("cp {SHORT} --jitter none --chaos before=1,max_in_a_row=1,seed=9 a b");
    let ended = sandbox.run(&line).ok();
    let first = ended.stderr.lines().next().unwrap();
    assert!(
        first.starts_with("WARN Retry attempt 1/10 for get a after 0.00s: "),
        "{ended:?}"
    );
    assert!(!first.contains("verdict="), "{ended:?}");
    assert!(
        ended.stderr.contains("copied a (1 B, 4 retries)"),
        "{ended:?}"
    );
    assert!(
        ended
            .stdout
            .contains("4 retries in 8 attempts: 4 transient (3 get, 1 put); waited 0.00 s"),
        "{ended:?}"
    );
    let spec = ended.stdout.split("--chaos ").nth(1).unwrap().trim();
    assert!(spec.contains("seed=9"), "{spec}");
    let again = sandbox
        .run(&format!("cp {SHORT} --jitter none --chaos {spec} a b"))
        .ok();
    assert_eq!(again.stderr, ended.stderr);
    let loud = sandbox
        .run(&format!("cp {SHORT} -vv --chaos {spec} a b"))
        .ok();
    assert!(loud.stderr.contains("verdict=\"transient\""), "{loud:?}");
    let quiet = sandbox
        .run(&format!("cp {SHORT} -q --chaos {spec} a b"))
        .ok();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_read_that_breaks_and_is_resumed_counts_as_two_attempts() {
    let sandbox = Sandbox::new();
    sandbox.write("a", &noise(3_000));
    let line = format!("cp --json {SHORT} --chaos break_body=1,max_in_a_row=1 a b");
    let json = sandbox.run(&line).ok().json();
    // A HEAD, a read and a HEAD of the source, and a write.
    assert_eq!(json["attempts"], 4 + 1);
    assert_eq!(json["retries"]["by_operation"]["get"], 1);
    assert_eq!(sandbox.read("b"), noise(3_000));
}

/// The README shows this run: its faults must not depend on where the clone is.
#[test]
fn the_demonstration_shows_retries_wherever_it_runs() {
    for name in ["x", "y"] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("{name}/Cargo.lock"), &noise(50_000));
        let line = format!(
            "cp --json {SHORT} --chaos flaky --verify {name}/Cargo.lock target/demo/Cargo.lock"
        );
        let json = sandbox.run(&line).ok().json();
        let retries = json["retries"]["total"].as_u64().unwrap();
        assert!(retries >= 2, "{json}");
        assert_eq!(json["objects"]["verified"], 1);
    }
}

#[test]
fn too_many_faults_are_an_error_that_names_the_object_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("small", b"x");
    sandbox.write("large", &noise(10_000));
    let hopeless = "before=1,max_in_a_row=1000000";
    for (file, at, operation) in [
        ("small", "source", "get"),
        ("small", "destination", "put"),
        ("large", "destination", "create_multipart"),
    ] {
        let line = format!(
            "cp --json --max-retries 3 {SHORT} --part-size 1KiB --chaos {hopeless} --chaos-at {at} \
             {file} new/sub/copy"
        );
        let ended = sandbox.run(&line);
        let ended = ended.failed(
            1,
            &[
                &format!("error: {file}: {operation} failed after 4 attempts: "),
                "All 3 retries exhausted for",
            ],
        );
        let json = ended.json();
        assert_eq!(json["status"], "failed");
        assert_eq!(json["failures"][0]["object"], file);
        assert_eq!(json["failures"][0]["attempts"], 4);
        assert_eq!(sandbox.names(""), ["large", "small"]);
    }
}

#[test]
fn a_failed_upload_is_aborted_and_the_existing_object_stays() {
    let sandbox = Sandbox::with(&["dst/large"]);
    sandbox.write("large", &noise(50_000));
    let mut failed = 0;
    for seed in 1..=6 {
        let line = format!(
            "cp --max-retries 1 {SHORT} --part-size 1KiB --chaos after=0.3,before=0.2,seed={seed} \
             --chaos-at destination large dst/large"
        );
        let ended = sandbox.run(&line);
        assert_eq!(sandbox.names("dst"), ["large"], "{ended:?}");
        let content = sandbox.read("dst/large");
        if ended.code == Some(0) {
            assert_eq!(content, noise(50_000));
        } else {
            failed += 1;
            ended.failed(1, &["error: large: ", " failed after 2 attempts: "]);
            assert_eq!(content, b"dst/large");
        }
    }
    assert!(failed >= 4, "{failed}");
}

#[test]
fn verification_finds_changed_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write("a", &noise(5_000));
    let line = "cp --verify --part-size 1KiB --chaos corrupt_body=1 --chaos-at destination a b";
    let ended = sandbox.run(line);
    ended.failed(
        1,
        &[
            "error: a: verification failed: bytes ",
            "differ from those of the source",
        ],
    );
}

/// Real seconds: the storage preset must outlast such a blackout.
#[test]
fn a_blackout_of_five_seconds_is_survived() {
    let sandbox = Sandbox::with(&["src/a", "src/b", "src/c"]);
    let begun = Instant::now();
    let ended = sandbox.run("cp -r --json --chaos blackout src dst").ok();
    assert!(begun.elapsed().as_secs() >= 5);
    assert_eq!(ended.json()["objects"]["copied"], 3);
    assert_eq!(sandbox.names("dst"), ["a", "b", "c"]);
}
