//! `simulate --against serve`: what was predicted is what happens; and `--from`: a recording as a
//! scenario.

use std::fmt::Write;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::sandbox::{Ended, Sandbox, signal};
use super::serving::Served;

/// Runs the scenario for real with the policies of stores, and returns the document. Their delays are
/// long beside what a response takes on a machine that is busy with other tests.
fn measured(scenario: &str) -> Value {
    let sandbox = Sandbox::new();
    let policies = "
[[policy]]
name = 'with budget'
preset = 'storage'
base_delay = '1s'
throttled_base_delay = '4s'
budget = 'shipped'
[[policy]]
name = 'paced'
preset = 'storage'
base_delay = '1s'
throttled_base_delay = '4s'
store = true
";
    sandbox.write("real.toml", format!("{scenario}{policies}").as_bytes());
    let ended = sandbox.run("simulate real.toml --against serve --json");
    let json = ended.ok().json();
    assert_eq!(json["share"], 1.0, "it is not scaled down");
    json
}

/// How goodput and requests differ by more than a tenth, if they do.
fn difference(json: &Value) -> Option<String> {
    for number in 0..2 {
        let [predicted, measured] = ["outcomes", "measured"].map(|which| &json[which][number]);
        assert_eq!(predicted["policy"], measured["policy"]);
        for quantity in ["calls", "succeeded", "requests"] {
            let count = |outcome: &Value| outcome["totals"][quantity].as_f64().unwrap();
            let (expected, actual) = (count(predicted), count(measured));
            assert!(expected > 100.0, "{quantity}: {predicted}");
            if (expected / actual - 1.0).abs() > 0.1 {
                return Some(format!(
                    "{quantity} of {}: {expected} predicted, {actual} measured; things were up to {} s late",
                    predicted["policy"], json["late"]
                ));
            }
        }
    }
    None
}

/// Asserts that goodput and requests agree within a tenth. Where the machine is busy with others, so that
/// clients and servers do not get what little they need, that is tried again.
#[track_caller]
fn assert_agree(scenario: &str) {
    // One of them after the other.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut said = Vec::new();
    while said.len() < 4 {
        match difference(&measured(scenario)) {
            Some(difference) => said.push(difference),
            None => return,
        }
    }
    panic!("{}", said.join("\n"));
}

#[test]
fn an_outage_is_as_it_was_predicted() {
    assert_agree(
        "
duration = '15s'
[clients]
per_second = 20
processes = 2
[service]
latency = { median = '10ms', sigma = 0.5 }
[[fault]]
kind = 'outage'
from = '3s'
lasts = '3s'
",
    );
}

#[test]
fn a_throttle_is_as_it_was_predicted() {
    assert_agree(
        "
duration = '20s'
[clients]
per_second = 20
processes = 2
[service]
rate_limit = 17
burst = 17
latency = '10ms'
",
    );
}

#[test]
fn a_brown_out_is_as_it_was_predicted() {
    assert_agree(
        "
duration = '15s'
[clients]
per_second = 20
processes = 2
[service]
capacity = 40
longest_queue = '300ms'
latency = '10ms'
[[fault]]
kind = 'brown_out'
share = 0.3
from = '3s'
lasts = '4s'
",
    );
}

const SMALL: &str = "
duration = '3s'
[clients]
per_second = 100
[service]
latency = '5ms'
[[fault]]
kind = 'hang'
from = '1s'
lasts = '500ms'
[[policy]]
name = 'short'
preset = 'storage'
attempt_timeout = '200ms'
[[policy]]
name = 'as in Finagle'
budget = 'finagle'
";

#[test]
fn what_was_measured_is_marked_over_what_was_predicted() {
    let sandbox = Sandbox::new();
    sandbox.write("small.toml", SMALL.as_bytes());
    let mut command = sandbox.binary();
    command.args(["simulate", "small.toml", "--against", "serve"]);
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "100");
    let shown = Ended::of(command.output().unwrap()).ok().stdout;
    for words in [
        "\nPredicted, and marked with ● what was measured, at full scale.\n",
        "\nPredicted only: as in Finagle: its budget is that of another library.\n",
        "●●●",
        "  error  calls lost  predicted\nshort ",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}

#[test]
fn a_load_beyond_the_machine_is_scaled_down() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "large.toml",
        b"duration = '2s'\n[clients]\nper_second = 6000\nprocesses = 10\n[service]\nrate_limit = 50000\n",
    );
    let csv = sandbox
        .run("simulate large.toml --against serve --csv")
        .ok()
        .stdout;
    assert!(
        csv.contains("\ndefault,") && csv.contains("\ndefault (measured),"),
        "{csv}"
    );
    let json = sandbox
        .run("simulate large.toml --against serve --json")
        .ok()
        .json();
    let share = json["share"].as_f64().unwrap();
    assert!((0.05..0.11).contains(&share), "{share}");
    let calls = |which: &str| json[which][0]["totals"]["calls"].as_f64().unwrap();
    let (predicted, measured) = (calls("outcomes"), calls("measured"));
    assert!(
        (predicted / (12_000.0 * share) - 1.0).abs() < 0.2,
        "{predicted}"
    );
    assert!(
        measured > 0.0 && measured <= predicted,
        "{measured} of {predicted}"
    );
}

#[test]
fn ctrl_c_gives_what_was_measured_until_then() {
    let sandbox = Sandbox::new();
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("undaunted"))
        .args([
            "simulate",
            "outage",
            "--policy",
            "default",
            "--against",
            "serve",
            "--json",
        ])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(5));
    signal(&child, "-INT");
    let json = Ended::of(child.wait_with_output().unwrap())
        .failed(130, &["stopping after Ctrl-C"])
        .json();
    assert_eq!(json["interrupted"], true);
    let measured = json["measured"][0]["seconds"].as_f64().unwrap();
    assert!(measured < 30.0, "{measured}");
    // What has not been measured is no error of the prediction.
    let predicted = json["outcomes"][0]["seconds"].as_f64().unwrap();
    assert!(
        (predicted - measured).abs() < 0.01,
        "{predicted} and {measured}"
    );
}

#[test]
fn policies_that_no_store_can_follow_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("small.toml", SMALL.as_bytes());
    sandbox
        .run_words(&[
            "simulate",
            "small.toml",
            "--policy",
            "as in Finagle",
            "--against",
            "serve",
        ])
        .failed(
            2,
            &["no policy can be run against serve: as in Finagle: its budget"],
        );
    sandbox
        .run("simulate outage --against s3")
        .failed(2, &["--against", "serve"]);
}

/// 40 requests a second for a minute, of which all fail between 20 s and 30 s.
fn recording() -> String {
    let mut text = String::new();
    for number in 0..2400_u32 {
        let (seconds, millis) = (number / 40, number % 40 * 25);
        let status = if (20..30).contains(&seconds) {
            500
        } else {
            200
        };
        let lasted = 0.010 + f64::from(number % 7) / 1000.0;
        writeln!(
            text,
            r#"{{"time":"2026-01-01T00:00:{seconds:02}.{millis:03}Z","seconds":{lasted},"method":"GET","path":"/b/k","operation":"get","key":"k","part":null,"range":null,"condition":null,"bytes_in":0,"bytes_out":9,"status":{status},"fault":null}}"#
        )
        .unwrap();
    }
    text
}

#[test]
fn a_recording_becomes_a_scenario() {
    let sandbox = Sandbox::new();
    sandbox.write("requests.jsonl", recording().as_bytes());
    let printed = sandbox
        .run("simulate --from requests.jsonl --print")
        .ok()
        .stdout;
    for words in [
        "# From 2400 of 2400 requests in requests.jsonl.\n",
        "duration = 59.975\n",
        "per_second = 40.0",
        "latency = { median = 0.013000, sigma = 0.12",
        "kind = \"outage\"\nfrom = 20.000\nlasts = 9.975\n",
    ] {
        assert!(printed.contains(words), "{words}\n{printed}");
    }
    sandbox.write("copy.toml", printed.as_bytes());
    let copy = sandbox.run("simulate copy.toml --json").ok().json();
    let json = sandbox
        .run("simulate --from requests.jsonl --json")
        .ok()
        .json();
    assert_eq!(json["outcomes"], copy["outcomes"]);
    assert_eq!(json["scenario"], "requests");
    let lost = json["outcomes"][0]["totals"]["lost"].as_f64().unwrap();
    assert!((lost / 400.0 - 1.0).abs() < 0.1, "{lost}");
}

#[test]
fn a_recording_of_serve_is_read() {
    let sandbox = Sandbox::new();
    for number in 0..60 {
        sandbox.write(&format!("tree/{number}"), b"content");
    }
    sandbox.write(
        "faults.toml",
        b"[[rule]]\nfault = 'fail_before'\nstatus = 500\noperation = 'put'\nkey = '*7'\n",
    );
    let served = Served::start(&sandbox, "--chaos faults.toml --record requests.jsonl");
    served.run(&sandbox, "cp -q -r tree s3://bucket/tree").ok();
    served.stop().ok();
    let shown = sandbox
        .run("simulate --from requests.jsonl --no-plots")
        .ok()
        .stdout;
    assert!(shown.starts_with("requests\nFor "), "{shown}");
    let printed = sandbox
        .run("simulate --from requests.jsonl --print")
        .ok()
        .stdout;
    assert!(printed.contains("error_rate = 0.0"), "{printed}");
}

#[test]
fn a_recording_that_is_none_names_the_line() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.jsonl", b"\n");
    sandbox.write("bad.jsonl", format!("{}nonsense\n", recording()).as_bytes());
    let from = |name: &str| sandbox.run(&format!("simulate --from {name}"));
    from("empty.jsonl").failed(2, &["empty.jsonl has no requests: record some with"]);
    from("bad.jsonl").failed(2, &["bad.jsonl: line 2401 is no request"]);
    from("none.jsonl").failed(2, &["none.jsonl cannot be read: No such file"]);
    sandbox
        .run("simulate outage --from empty.jsonl")
        .failed(2, &["cannot be used with"]);
}
