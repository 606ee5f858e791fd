//! A real S3 server over HTTP, with injected faults.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use undaunted_chaos::server::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};
use undaunted_chaos::{Failure, Fault, HttpFailure, Operation, Rule};

use super::sandbox::{Ended, SHORT, Sandbox, noise};

/// A server on a runtime of its own, since a test blocks its thread while the binary runs.
pub(super) struct Service {
    pub(super) server: S3Server,
    runtime: tokio::runtime::Runtime,
}

impl Service {
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(S3Server::builder().start()).unwrap();
        Self { server, runtime }
    }

    /// Runs the binary with the server's settings in its environment.
    pub(super) fn run(&self, sandbox: &Sandbox, line: &str) -> Ended {
        let mut command = sandbox.binary();
        command.args(line.split_whitespace()).envs(self.variables());
        Ended::of(command.output().unwrap())
    }

    /// The server's settings.
    pub(super) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", self.server.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(super) fn hits(&self, operation: Operation) -> usize {
        let requests = self.server.requests();
        requests
            .iter()
            .filter(|request| request.operation == operation)
            .count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The server is stopped by a task of this runtime.
        let _guard = self.runtime.enter();
    }
}

#[test]
fn a_large_file_goes_there_and_back_through_faults_at_every_step() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    let content = noise(20 * 1024 * 1024);
    sandbox.write("file", &content);
    let throttled = HttpFailure::new(503).with_code("SlowDown");
    for rule in [
        Rule::new(
            Operation::CreateMultipart,
            Fault::FailBefore(Failure::Status(throttled)),
        ),
        Rule::new(Operation::PutPart, Fault::FailBefore(Failure::Reset)).count(2),
        Rule::new(Operation::PutPart, Fault::FailAfter(Failure::Closed)),
        Rule::new(
            Operation::CompleteMultipart,
            Fault::FailAfter(Failure::status(500)),
        ),
        Rule::new(Operation::Head, Fault::FailBefore(Failure::Closed)),
        Rule::new(
            Operation::Get,
            Fault::BreakBody {
                at: 70_000,
                failure: Failure::Reset,
            },
        )
        .count(3),
    ] {
        service.server.plan().add(rule);
    }
    let there = format!("cp {SHORT} --part-size 5MiB --verify file s3://bucket/folder/file");
    service.run(&sandbox, &there).ok();
    let back = format!("cp {SHORT} --part-size 5MiB s3://bucket/folder/file back");
    service.run(&sandbox, &back).ok();
    assert!(sandbox.read("back") == content);
    assert!(service.server.plan().unused().is_empty());
    assert_eq!(service.hits(Operation::AbortMultipart), 0);
}

#[test]
fn a_tree_is_copied_there_listed_and_copied_back() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["tree/a", "tree/b/c", "tree/b/SlowDown-InternalError.bin"]);
    service.server.plan().add(
        Rule::new(
            Operation::List,
            Fault::BreakList {
                after: 1,
                failure: Failure::Reset,
            },
        )
        .count(2),
    );
    service
        .run(&sandbox, &format!("cp {SHORT} -r tree s3://bucket/t"))
        .ok();
    let listed = service.run(&sandbox, &format!("ls {SHORT} -r s3://bucket/t"));
    let listed = listed.ok();
    assert_eq!(listed.stdout.lines().count(), 3, "{}", listed.stdout);
    service
        .run(&sandbox, &format!("cp {SHORT} -r s3://bucket/t back"))
        .ok();
    assert_eq!(
        sandbox.names("back"),
        ["a", "b/SlowDown-InternalError.bin", "b/c"]
    );
}

#[test]
fn no_clobber_is_right_after_a_lost_response() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["ours"]);
    service
        .server
        .plan()
        .add(Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)));
    let line = format!("cp {SHORT} --no-clobber --json ours s3://bucket/k");
    let first = service.run(&sandbox, &line).ok();
    assert_eq!(first.json()["objects"]["copied"], 1);
    let second = service.run(&sandbox, &line).ok();
    assert_eq!(second.json()["objects"]["skipped"], 1);
}

#[test]
fn stale_credentials_are_survived_when_source_and_copy_are_read() {
    for (status, code) in [(400, "ExpiredToken"), (403, "RequestTimeTooSkewed")] {
        let service = Service::start();
        let sandbox = Sandbox::with(&["file"]);
        let stale = || {
            let failure = HttpFailure::new(status).with_code(code);
            let fault = Fault::FailBefore(Failure::Status(failure));
            service.server.plan().add(Rule::new(Operation::Get, fault));
        };
        stale();
        let there = format!("cp {SHORT} --verify file s3://bucket/file");
        let ended = service.run(&sandbox, &there).ok();
        assert!(
            ended
                .stderr
                .contains("copied file (4 B, verified, 1 retry)")
        );
        stale();
        let back = format!("cp {SHORT} s3://bucket/file back");
        let ended = service.run(&sandbox, &back).ok();
        assert!(ended.stdout.contains("1 retry in "), "{ended:?}");
        assert_eq!(sandbox.text("back"), "file");
        assert!(service.server.plan().unused().is_empty());
    }
}

#[test]
fn a_file_that_is_replaced_keeps_its_permission_bits() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["file"]);
    service.run(&sandbox, "cp file s3://bucket/file").ok();
    for mode in [0o600, 0o755, 0o444] {
        sandbox.write("old", b"old");
        let old = sandbox.path("old");
        fs::set_permissions(&old, fs::Permissions::from_mode(mode)).unwrap();
        service.run(&sandbox, "cp s3://bucket/file old").ok();
        assert_eq!(sandbox.text("old"), "file");
        assert_eq!(
            fs::metadata(&old).unwrap().permissions().mode() & 0o777,
            mode
        );
        fs::remove_file(old).unwrap();
    }
}

#[test]
fn a_wrong_secret_is_reported_immediately_and_not_shown() {
    let service = Service::start();
    let sandbox = Sandbox::with(&["file"]);
    let wrong = "cp -o aws_secret_access_key=not-the-secret file s3://bucket/k";
    let ended = service.run(&sandbox, wrong).failed(
        1,
        &["file: put failed after 1 attempt", "SignatureDoesNotMatch"],
    );
    assert!(!ended.stderr.contains("not-the-secret"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(SECRET_KEY), "{}", ended.stderr);
    assert_eq!(service.hits(Operation::Put), 1);
}

/// Nobody waits for one of the reads: without a second request it fails, since there is no retry. One
/// after the other, each slower than what a busy machine adds, so that no other read is overdue in
/// numbers that would use up the allowance.
#[test]
fn reads_that_take_long_are_sent_a_second_time() {
    let service = Service::start();
    let sandbox = Sandbox::new();
    for number in 0..70 {
        sandbox.write(&format!("tree/{number}"), b"content");
    }
    let put = service.run(&sandbox, "cp -r tree s3://bucket/tree");
    assert_eq!(put.code, Some(0), "{put:?}");
    let every = Fault::Delay(Duration::from_millis(50));
    let plan = service.server.plan();
    plan.add(Rule::new(Operation::Get, every).always());
    let one = Fault::Delay(Duration::from_hours(1));
    plan.add(Rule::new(Operation::Get, one).from_call(60));
    let line = "cp -r --hedge --concurrency 1 --max-retries 0 --json s3://bucket/tree back";
    let json = service.run(&sandbox, line).ok().json();
    assert!(json["hedges_won"].as_u64() >= Some(1), "{json}");
    assert_eq!(sandbox.names("back").len(), 70);
    assert!(service.server.plan().unused().is_empty());
}
