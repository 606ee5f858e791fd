//! Mistakes on the command line, and their messages.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use undaunted_chaos::{Fault, FaultPlan, Operation, Rule};

use super::s3::Service;
use super::sandbox::{Ended, Sandbox};

#[test]
fn a_bad_value_is_named_with_its_flag_and_a_valid_value() {
    let sandbox = Sandbox::with(&["a"]);
    let cases: [(&[&str], &[&str]); 22] = [
        (
            &["--base-delay", "soon"],
            &["'soon'", "--base-delay", "500ms"],
        ),
        (&["--max-delay", "-1"], &["-1", "--max-delay"]),
        (
            &["--total-timeout", "0s"],
            &["'0s'", "--total-timeout", "none"],
        ),
        (
            &["--attempt-timeout", "x"],
            &["'x'", "--attempt-timeout", "or none"],
        ),
        (
            &["--throttled-base-delay", "1x"],
            &["'1x'", "--throttled-base-delay"],
        ),
        (&["--max-retry-after", "?"], &["'?'", "--max-retry-after"]),
        (
            &["--exponential-base", "0.5"],
            &["'0.5'", "--exponential-base", "at least 1"],
        ),
        (
            &["--exponential-base", "NaN"],
            &["'NaN'", "--exponential-base"],
        ),
        (
            &["--jitter", "some"],
            &["'some'", "--jitter", "decorrelated"],
        ),
        (&["--jitter", "1.5"], &["'1.5'", "--jitter", "0 to 1"]),
        (&["--max-retries", "many"], &["'many'", "--max-retries"]),
        (&["--preset", "fast"], &["'fast'", "--preset", "storage"]),
        (&["--part-size", "0"], &["'0'", "--part-size", "1 byte"]),
        (&["--part-size", "8XB"], &["'8XB'", "--part-size", "8MiB"]),
        (
            &["--concurrency", "0"],
            &["'0'", "--concurrency", "1..=1024"],
        ),
        (
            &["--metadata", "owner"],
            &["'owner'", "--metadata", "key=value"],
        ),
        (
            &["--metadata", "a b=c"],
            &["--metadata", "\"a b\"", "ASCII letters"],
        ),
        (
            &["--metadata", "a=b\nc"],
            &["--metadata", "\"b\\nc\"", "control characters"],
        ),
        (
            &["--content-type", "a\nb"],
            &["--content-type", "\"a\\nb\"", "control characters"],
        ),
        (&["--chaos", "flakey"], &["'flakey'", "--chaos", "flaky"]),
        (&["--chaos", "flaky,before=2"], &["before=2", "0 to 1"]),
        (&["--chaos-at", "source"], &["--chaos"]),
    ];
    for (flags, words) in cases {
        let ended = sandbox.run_words(&[&["cp", "a", "b"], flags].concat());
        ended.failed(2, words);
    }
    assert_eq!(sandbox.names(""), ["a"]);
}

#[test]
fn every_retry_flag_is_accepted() {
    let sandbox = Sandbox::with(&["a"]);
    let flags = "--preset background --max-retries 2 --base-delay 1ms --max-delay 0.5 \
                 --exponential-base 1.5 --jitter equal --total-timeout 1m --attempt-timeout 10s \
                 --throttled-base-delay 2ms --max-retry-after 1h";
    sandbox.run(&format!("cp {flags} a b")).ok();
}

#[test]
fn help_and_version_are_not_errors() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("cp --help").ok();
    for word in [
        "Examples:",
        "trailing slash",
        "--recursive",
        "Exit status",
        "Memory is bounded",
    ] {
        assert!(ended.stdout.contains(word), "{word}");
    }
    let ended = sandbox.run("--help").ok();
    assert!(ended.stdout.contains("cp") && ended.stdout.contains("ls"));
    let ended = sandbox.run("--version").ok();
    assert!(ended.stdout.starts_with("undaunted 0."), "{ended:?}");
    sandbox.run("cp").failed(2, &["SRC", "DST"]);
    sandbox.run("mv a b").failed(2, &["'mv'"]);
}

#[test]
fn source_and_destination_must_differ() {
    let sandbox = Sandbox::with(&["a", "x/b"]);
    symlink("a", sandbox.path("link")).unwrap();
    symlink(".", sandbox.path("here")).unwrap();
    fs::hard_link(sandbox.path("a"), sandbox.path("hard")).unwrap();
    let url = format!("file://{}", sandbox.path("a").display());
    for destination in [
        "a",
        "./a",
        "x/../a",
        ".",
        "link",
        "hard",
        "here/a",
        url.as_str(),
    ] {
        let ended = sandbox.run(&format!("cp a {destination}"));
        ended.failed(2, &["SRC and DST are the same"]);
    }
    sandbox.run("cp link a").failed(2, &["are the same"]);
    sandbox.run("cp -r x x/").failed(2, &["are the same"]);
    sandbox
        .run("cp -r x x/new/deep")
        .failed(2, &["inside SRC x"]);
    sandbox.run("cp -r x here/x/y").failed(2, &["inside SRC x"]);
    sandbox
        .run("cp memory:///k memory:///k")
        .failed(1, &["no such object"]);
    assert_eq!(sandbox.text("a"), "a");
    assert!(!sandbox.path("x/new").exists());
}

#[test]
fn a_tree_is_not_copied_onto_itself() {
    let sandbox = Sandbox::with(&["a/b/b/x", "a/b/x"]);
    let ended = sandbox.run("cp -r a/b a");
    ended.failed(1, &["a/b/b/x: its copy would be inside SRC"]);
    assert_eq!(sandbox.text("a/b/x"), "a/b/x");
    assert_eq!(sandbox.text("a/x"), "a/b/x");
}

#[test]
fn impossible_sources_and_destinations_are_refused_before_anything_is_written() {
    let sandbox = Sandbox::with(&["a", "b", "x/c"]);
    for (line, code, word) in [
        ("cp x y", 2, "x is a directory: add --recursive"),
        ("cp s3://bucket/p/ y", 2, "s3://bucket/p is a directory"),
        ("cp a b/", 2, "remove the trailing slash"),
        ("cp -r x b", 2, "b is a file"),
        ("cp missing y", 1, "missing: No such file"),
        ("cp a/b y", 1, "a/b: Not a directory"),
        ("cp a b/c", 1, "Not a directory"),
        ("cp memory:///none y/z", 1, "memory:///none: no such object"),
        ("cp -r memory:///none y", 1, "no such object"),
        ("cp ftp://host/a y", 2, "unsupported URL scheme"),
        ("cp s3://b/a?versionId=1 y", 2, "has a query"),
        ("cp s3://b/a#1 y", 2, "%23"),
        (
            "cp -o aws_region=x a y",
            2,
            "--option has no effect on local files",
        ),
        (
            "cp -o no_such_key=x s3://b/a y",
            2,
            "no option \"no_such_key\"",
        ),
        ("cp --part-size 1MiB a s3://b/a", 2, "at least 5MiB"),
    ] {
        let ended = sandbox.run(line);
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
        ended.failed(code, &[word]);
    }
    assert_eq!(sandbox.names(""), ["a", "b", "x/c"]);
    sandbox.run_words(&["cp", "", "y"]).failed(2, &["empty"]);
}

#[test]
fn secrets_in_urls_are_not_repeated() {
    let sandbox = Sandbox::new();
    for url in [
        "http://user:hunter2@127.0.0.1:1/a",
        "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=hunter2",
        "ftp://user:hunter2@host/a",
    ] {
        let line = format!("cp -o allow_http=true --max-retries 1 --base-delay 1ms -vv {url} b");
        let ended = sandbox.run(&line);
        assert_ne!(ended.code, Some(0));
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        assert!(!ended.stdout.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn the_other_objects_are_copied_after_a_failure_except_with_fail_fast() {
    let sandbox = Sandbox::with(&["src/a", "src/b#1", "src/c", "src/d"]);
    let ended = sandbox.run("cp -r --json src dst");
    let ended = ended.failed(1, &["error: src/b#1: "]);
    let json = ended.json();
    assert_eq!(json["status"], "failed");
    assert_eq!(json["objects"]["copied"], 3);
    assert_eq!(json["objects"]["failed"], 1);
    assert_eq!(json["failures"][0]["object"], "src/b#1");
    let ended = sandbox.run("cp -r --json --fail-fast --concurrency 1 src again");
    let json = ended.failed(1, &["src/b#1"]).json();
    assert_eq!(json["objects"]["copied"], 1);
}

/// Each of them would be written to another key, or to a local folder named `s3:`.
#[test]
fn urls_that_name_something_else_than_they_seem_to_are_refused() {
    let sandbox = Sandbox::with(&["a"]);
    for (url, word) in [
        ("s3://bucket/re\nport", "control characters"),
        ("s3://bucket/a/../b", "\"..\""),
        ("s3://bucket/end ", "%20"),
        ("s3://someone:PASSWORD@bucket/a", "no password from a URL"),
        ("s3:/bucket/a", "the URL s3://bucket/a"),
        ("file:///tmp/a%2Fb", "%2F"),
    ] {
        for words in [["cp", "a", url], ["cp", url, "b"]] {
            let ended = sandbox.run_words(&words).failed(2, &[word]);
            assert!(!ended.stderr.contains("PASSWORD"), "{ended:?}");
        }
    }
    assert_eq!(sandbox.names(""), ["a"]);
    sandbox.run("cp a ./s3:/bucket").ok();
    assert_eq!(sandbox.names(""), ["a", "s3:/bucket"]);
}

/// A folder that is there, and where nothing can be created.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_an_error() {
    let sandbox = Sandbox::with(&["a"]);
    let ended = sandbox.run("cp a /proc/undaunted");
    ended.failed(1, &["/proc/undaunted cannot be written", "No such file"]);
}

/// Runs the binary where it may have so many files open.
fn with_open_files(service: &Service, sandbox: &Sandbox, limit: u32, line: &str) -> Ended {
    let binary = assert_cmd::cargo::cargo_bin!("undaunted");
    let script = format!("ulimit -n {limit}; exec \"$0\" {line} --max-retries 0");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).arg(binary);
    shell.current_dir(sandbox.path(""));
    shell.env("UNDAUNTED_STATE_DIR", sandbox.state());
    Ended::of(shell.envs(service.variables()).output().unwrap())
}

#[test]
fn the_limit_of_open_files_is_named_and_what_to_do_about_it() {
    let names: Vec<_> = (0..30).map(|number| format!("d/{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let sandbox = Sandbox::with(&names);
    let service = Service::start();
    // Each object has a connection for as long as that.
    let slow = Rule::new(Operation::Put, Fault::Delay(Duration::from_secs(2))).always();
    service.server.set_plan(FaultPlan::scripted([slow]));
    let line = "cp -r d s3://bucket/d --concurrency 30";
    let of_sockets = with_open_files(&service, &sandbox, 20, line);
    // The first limit with which the copy begins leaves nothing for the file.
    let mut of_files = (8..60).map(|limit| with_open_files(&service, &sandbox, limit, "cp d/1 e"));
    let of_files = of_files.find(|ended| ended.stderr.contains("Unable to open file"));
    for ended in [of_sockets, of_files.unwrap()] {
        let words = ["Too many open files", "`ulimit -n`", "`--concurrency`"];
        let ended = ended.failed(1, &words);
        for line in ended.stderr.lines() {
            let is_advised = line.contains(words[1]);
            assert_eq!(line.contains(words[0]), is_advised, "{line}");
        }
    }
}

#[test]
fn the_metrics_do_not_replace_what_is_copied() {
    let sandbox = Sandbox::with(&["a"]);
    for file in ["a", "./a", "b"] {
        let ended = sandbox.run(&format!("cp --metrics {file} a b"));
        ended.failed(2, &["--metrics", "would replace a file"]);
    }
    assert_eq!(
        (sandbox.names(""), sandbox.text("a")),
        (vec!["a".to_owned()], "a".to_owned())
    );
}
