//! Rules of the user's own, as flags, with a gateway that has words of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::responses::{response, run, serve};
use super::sandbox::Sandbox;

/// A service that fails with this status for the first requests, and then stores what is put.
fn gateway(failures: usize, status: &'static str, body: &'static str) -> u16 {
    let requests = AtomicUsize::new(0);
    let (port, _) = serve(move |_| {
        if requests.fetch_add(1, Ordering::Relaxed) < failures {
            response(status, "", body)
        } else {
            response("200 OK", "ETag: \"a\"\r\n", "")
        }
    });
    port
}

#[test]
fn a_status_of_ones_own_is_retried_and_the_log_and_the_summary_name_the_rule() {
    let sandbox = Sandbox::new();
    sandbox.write("a", b"abc");
    let port = gateway(2, "423 Locked", "locked");
    let copied = run(
        &sandbox,
        port,
        "cp -v --json --retryable-status 423 a s3://b/a",
    )
    .ok();
    let line = "Retry attempt 1/10 for put a after 0.00s (by the rule retryable_status 423): ";
    assert!(copied.stderr.contains(line), "{copied:?}");
    let by_rule = "\"by_rule\":{\"retryable_status 423\":2}";
    assert!(copied.stdout.contains(by_rule), "{copied:?}");
}

#[test]
fn a_permanent_code_ends_the_copy_and_the_message_says_why() {
    let sandbox = Sandbox::new();
    sandbox.write("a", b"abc");
    let body = "<Error><Code>QuotaExceeded</Code></Error>";
    let port = gateway(9, "503 Slow Down", body);
    let reason = "put failed after 1 attempt, as the rule permanent_codes QuotaExceeded does not \
                  allow another: ";
    run(
        &sandbox,
        port,
        "cp --permanent-codes QuotaExceeded a s3://b/a",
    )
    .failed(1, &[reason]);
}

#[test]
fn a_fact_cannot_be_made_a_failure() {
    let sandbox = Sandbox::new();
    sandbox.write("a", b"abc");
    let line = "cp --retryable-status 412 a b";
    sandbox
        .run(line)
        .failed(2, &["--retryable-status is \"412\", but must be"]);
}
