//! `serve`, and `cp` to it and from it: both binaries, over HTTP.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};

use serde_json::Value;

use super::sandbox::{Ended, SHORT, Sandbox, noise, signal};

/// A server in a process of its own. Its first line says where it is.
pub(super) struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    info: Value,
}

impl Served {
    pub(super) fn start(sandbox: &Sandbox, line: &str) -> Self {
        Self::start_with(sandbox, line, [])
    }

    /// Starts it with more variables in its environment.
    pub(super) fn start_with<const N: usize>(
        sandbox: &Sandbox,
        line: &str,
        variables: [(&'static str, String); N],
    ) -> Self {
        let line = format!("serve --json --port 0 {line}");
        let mut child = sandbox.start_with(&line, variables);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let info = serde_json::from_str(&first).unwrap_or_else(|error| {
            let ended = wait(&mut child, first.clone());
            panic!("{error}: {ended:?}")
        });
        Self {
            child,
            stdout,
            info,
        }
    }

    pub(super) fn info(&self, name: &str) -> &str {
        self.info[name].as_str().unwrap()
    }

    /// `cp` and `ls`, with the variables that the server's first lines export.
    pub(super) fn run(&self, sandbox: &Sandbox, line: &str) -> Ended {
        let mut command = sandbox.binary();
        command.args(line.split_whitespace()).envs(self.variables());
        Ended::of(command.output().unwrap())
    }

    /// The variables that the server's first lines export.
    pub(super) fn variables(&self) -> [(&'static str, String); 5] {
        let info = |name| self.info(name).to_owned();
        [
            ("AWS_ENDPOINT_URL", info("endpoint")),
            ("AWS_ACCESS_KEY_ID", info("access_key_id")),
            ("AWS_SECRET_ACCESS_KEY", info("secret_access_key")),
            ("AWS_REGION", info("region")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    pub(super) fn stop(mut self) -> Ended {
        signal(&self.child, "-INT");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        wait(&mut self.child, rest)
    }
}

/// A failing test leaves no server behind.
impl Drop for Served {
    fn drop(&mut self) {
        // Fails if the test has stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child, stdout: String) -> Ended {
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().unwrap();
    pipe.read_to_string(&mut stderr).unwrap();
    Ended {
        code: child.wait().unwrap().code(),
        stdout,
        stderr,
    }
}

#[test]
fn it_stops_when_stdin_ends_where_that_is_wanted() {
    let sandbox = Sandbox::with(&[]);
    let mut served = Served::start(&sandbox, "--until-stdin-ends");
    // Its stdin is empty from the start.
    let ended = wait(&mut served.child, String::new()).ok();
    assert!(ended.stderr.contains("stopped after "), "{ended:?}");
}

#[test]
fn it_serves_records_and_stops() {
    let sandbox = Sandbox::with(&["file"]);
    let served = Served::start(&sandbox, "--dir data -b one -b two --record requests.jsonl");
    assert_eq!(served.info["buckets"], serde_json::json!(["one", "two"]));
    served.run(&sandbox, "cp file s3://two/a/file").ok();
    served.run(&sandbox, "cp s3://two/a/file back").ok();
    assert_eq!(sandbox.text("back"), "file");
    assert_eq!(sandbox.text("data/two/a/file"), "file");

    let endpoint = served.info("endpoint").replace("http://", "");
    let ended = served.stop().ok();
    assert_eq!(ended.stdout, "", "nothing but the first line");
    assert!(ended.stderr.contains("stopping after Ctrl-C"), "{ended:?}");
    let summary = ended.stderr.lines().last().unwrap();
    assert!(summary.starts_with("stopped after "), "{summary}");
    assert!(summary.contains(", 0 faults, "), "{summary}");
    assert!(TcpStream::connect(endpoint).is_err());

    let recorded = sandbox.text("requests.jsonl");
    let recorded: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let put = recorded.iter().find(|r| r["operation"] == "put").unwrap();
    assert_eq!(put["key"], "a/file");
    assert_eq!(put["method"], "PUT");
    assert_eq!(put["status"], 200);
    assert_eq!(put["bytes_in"], 4);
    let get = recorded.iter().find(|r| r["operation"] == "get").unwrap();
    assert_eq!(get["bytes_out"], 4);
    assert!(summary.contains(&format!("{} requests", recorded.len())));
}

#[test]
fn objects_and_records_are_kept_between_runs() {
    let sandbox = Sandbox::with(&["file"]);
    let first = Served::start(&sandbox, "-d data -r requests.jsonl");
    first.run(&sandbox, "cp file s3://bucket/file").ok();
    first.stop().ok();
    let recorded = sandbox.text("requests.jsonl");
    let second = Served::start(&sandbox, "-d data -r requests.jsonl");
    second.run(&sandbox, "cp s3://bucket/file back").ok();
    second.stop().ok();
    assert_eq!(sandbox.text("back"), "file");
    let more = sandbox.text("requests.jsonl");
    assert!(more.len() > recorded.len() && more.starts_with(&recorded));
}

#[test]
fn a_temporary_directory_is_removed_at_the_end() {
    let sandbox = Sandbox::new();
    let served = Served::start(&sandbox, "");
    let directory = served.info("directory").to_owned();
    assert!(std::path::Path::new(&directory).join("bucket").is_dir());
    served.stop().ok();
    assert!(!std::path::Path::new(&directory).exists());
}

#[test]
fn a_chaos_file_is_followed_and_every_request_can_be_seen() {
    let sandbox = Sandbox::with(&["file"]);
    sandbox.write(
        "faults.toml",
        b"[[rule]]\nfault = 'fail_before'\noperation = 'put'\nstatus = 503\ncode = 'SlowDown'\n",
    );
    let served = Served::start(&sandbox, "--verbose --chaos faults.toml");
    assert_eq!(served.info("chaos"), "faults.toml");
    served
        .run(&sandbox, &format!("cp {SHORT} file s3://bucket/file"))
        .ok();
    let ended = served.stop().ok();
    for line in [
        "PUT /bucket/file 503 in ",
        ": fail_before (HTTP status 503 SlowDown)",
        "PUT /bucket/file 200 in ",
        ", 1 fault, ",
        ", 503: 1",
    ] {
        assert!(ended.stderr.contains(line), "{line}: {ended:?}");
    }
}

#[test]
fn the_settings_to_copy_are_printed() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.start("serve --port 0 --chaos lossy");
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut info = String::new();
    while !info.contains("Ctrl-C stops it.") {
        assert!(stdout.read_line(&mut info).unwrap() > 0, "{info}");
    }
    for words in [
        "S3 at http://127.0.0.1:",
        "faults      seed=42,before=0.1,",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:",
        "aws s3 ls s3://bucket",
        "boto3.client(\"s3\", endpoint_url=\"http://127.0.0.1:",
        "AmazonS3Builder::new()",
        "rclone ls \":s3,provider=Other,",
    ] {
        assert!(info.contains(words), "{words}: {info}");
    }
    signal(&child, "-TERM");
    let ended = wait(&mut child, String::new()).ok();
    assert!(ended.stderr.contains("stopping after SIGTERM"), "{ended:?}");
}

#[test]
fn mistakes_are_errors_that_name_them() {
    let sandbox = Sandbox::with(&["file"]);
    sandbox.write(
        "bad.toml",
        b"profile = 'flaky'\n\n[[rule]]\nfault = 'explode'\n",
    );
    let serve = |line: &str| sandbox.run(&format!("serve --port 0 {line}"));
    serve("--chaos bad.toml").failed(
        2,
        &[
            "--chaos",
            "bad.toml",
            "line 4: `fault` of a rule is \"explode\": it is one of",
        ],
    );
    serve("--chaos none.toml").failed(2, &["none.toml", "No such file"]);
    serve("--chaos wild").failed(2, &["unknown profile `wild`"]);
    serve("--bucket No").failed(1, &["\"No\" cannot be a bucket: its name has"]);
    serve("--dir file").failed(1, &["file"]);
    serve("--address here").failed(2, &["--address", "here"]);
    serve("--hang soon").failed(2, &["--hang", "a duration is"]);
    serve("--record none/requests.jsonl").failed(1, &["none/requests.jsonl", "No such file"]);

    let served = Served::start(&sandbox, "");
    let port = served.info("endpoint").rsplit(':').next().unwrap();
    sandbox
        .run(&format!("serve --port {port}"))
        .failed(1, &[port, "--port, or 0 for a free one"]);
    served.stop().ok();
}

#[test]
#[cfg(target_os = "linux")]
fn a_record_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::with(&["file"]);
    let served = Served::start(&sandbox, "--record /dev/full");
    served.run(&sandbox, "cp file s3://bucket/file").ok();
    served.stop().failed(
        1,
        &[
            "error: /dev/full: requests are no longer recorded",
            "error: /dev/full cannot be written to: No space left",
        ],
    );
}

#[test]
fn an_address_beyond_loopback_is_warned_of() {
    let sandbox = Sandbox::new();
    let served = Served::start(&sandbox, "--address 0.0.0.0");
    let ended = served.stop().ok();
    assert!(
        ended.stderr.contains("the credentials are not secret"),
        "{ended:?}"
    );
}

/// 64 MB and 500 small files there and back, through the faults of the profile. Every
/// byte must arrive under the default preset. A request without a response is held for a second
/// instead of a minute, which makes no difference to a client.
fn there_and_back(profile: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("tree/large", &noise(64_000_000));
    for number in 0_usize..500 {
        let content = noise(number * 37 % 20_000);
        sandbox.write(&format!("tree/{:02}/{number:03}", number % 20), &content);
    }
    let line = format!("--chaos {profile} --hang 1s --record requests.jsonl");
    let served = Served::start(&sandbox, &line);
    served.run(&sandbox, "cp -q -r tree s3://bucket/tree").ok();
    served.run(&sandbox, "cp -q -r s3://bucket/tree back").ok();
    served.stop().ok();

    let names = sandbox.names("tree");
    assert_eq!(names.len(), 501);
    assert_eq!(sandbox.names("back"), names);
    for name in &names {
        let (sent, arrived) = (format!("tree/{name}"), format!("back/{name}"));
        assert!(sandbox.read(&sent) == sandbox.read(&arrived), "{name}");
    }
    let recorded = sandbox.text("requests.jsonl");
    let faults: BTreeSet<String> = recorded
        .lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Some(line["fault"].as_str()?.to_owned())
        })
        .collect();
    assert!(!faults.is_empty(), "nothing was survived");
}

#[test]
fn every_byte_survives_flaky() {
    there_and_back("flaky");
}

#[test]
fn every_byte_survives_lossy() {
    there_and_back("lossy");
}

#[test]
fn every_byte_survives_throttled() {
    there_and_back("throttled");
}

#[test]
fn every_byte_survives_a_blackout_of_5_s() {
    there_and_back("blackout");
}
