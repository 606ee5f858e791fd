//! Schedules that every language must reproduce: `testdata/schedules.json`, read here and by
//! the Python tests. Each case is a policy, a seed, and failures one after the other; what
//! follows each is a delay in nanoseconds or the reason to stop.
//!
//! `BLESS=1 cargo test -p undaunted --features serde golden` writes the file anew. Do that
//! only for a change of the semantics, and say so in the changelog.

use std::path::PathBuf;

use serde_json::{Value, json};
use undaunted::{Decision, RetryConfig, RetryState, Verdict};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/schedules.json")
}

fn verdict(failure: &Value) -> Verdict {
    let hint = failure["retry_after"]
        .as_f64()
        .map(std::time::Duration::from_secs_f64);
    match failure["verdict"].as_str() {
        Some("transient") => Verdict::Transient { retry_after: hint },
        Some("throttled") => Verdict::Throttled { retry_after: hint },
        Some("permanent") => Verdict::Permanent,
        other => panic!("{other:?} is no verdict"),
    }
}

fn decisions(case: &Value) -> Vec<Value> {
    let config: RetryConfig = serde_json::from_value(case["config"].clone()).unwrap();
    let mut state = RetryState::new(None, case["seed"].as_u64().unwrap());
    let failures = case["failures"].as_array().unwrap();
    failures
        .iter()
        .map(
            |failure| match state.on_failure(&config, None, verdict(failure), None) {
                Decision::Retry { delay } => json!(u64::try_from(delay.as_nanos()).unwrap()),
                Decision::Stop(reason) => json!(reason.as_str()),
            },
        )
        .collect()
}

#[test]
fn golden() {
    let text = std::fs::read_to_string(path()).unwrap();
    let mut cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 12, "only {} cases", cases.len());
    if std::env::var_os("BLESS").is_some() {
        for case in &mut cases {
            case["decisions"] = decisions(case).into();
        }
        let text = serde_json::to_string_pretty(&cases).unwrap();
        std::fs::write(path(), text + "\n").unwrap();
    }
    for case in &cases {
        assert_eq!(
            json!(decisions(case)),
            case["decisions"],
            "{}",
            case["name"]
        );
    }
}
