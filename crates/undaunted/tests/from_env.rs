//! Policies from the environment of a process: the test runs itself with one.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use undaunted::{RetryConfig, RetrySettings};

/// What a process reads that has these variables.
fn read(variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_reads_its_variables", "--nocapture"])
        .env("IS_CHILD", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let read = text.lines().find_map(|line| line.split_once("read: "));
    read.map_or(text.clone(), |(_, read)| read.to_owned())
}

#[test]
fn a_process_reads_its_variables() {
    if std::env::var_os("IS_CHILD").is_some() {
        let config = RetryConfig::from_env("APP").map(|config| config.to_string());
        let settings = RetrySettings::from_env("APP");
        let rules = settings.map(|settings| settings.rules.to_string());
        let said = |read: Result<String, undaunted::ParseConfigError>| match read {
            Ok(text) => text,
            Err(error) => error.to_string(),
        };
        println!("\nread: {} | {}", said(config), said(rules));
        return;
    }
    assert_eq!(
        read(&[]),
        "at most 3 retries, after 1s, then 2 times as long each up to 1m, ±25 % | "
    );
    let set = read(&[("APP_MAX_RETRIES", "7"), ("APP_JITTER", "none")]);
    assert!(set.starts_with("at most 7 retries, after 1s"), "{set}");
    assert!(set.contains(", no jitter | "), "{set}");
    let misspelt = read(&[("APP_MAX_RETRYS", "7")]);
    assert!(misspelt.contains("\"APP_MAX_RETRYS\""), "{misspelt}");
    assert!(misspelt.contains("one of APP_{MAX_RETRIES"), "{misspelt}");
    let rules = read(&[("APP_RETRYABLE_STATUS", "423")]);
    assert!(rules.ends_with("| retryable_status 423"), "{rules}");
}
