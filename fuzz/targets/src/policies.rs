//! Policies and rules as text, and what services say of delays.

use std::time::{Duration, SystemTime};

use undaunted::{RetryConfig, RetrySettings, Rules, parse_duration, parse_retry_after};

use crate::{is_readable, text};

/// A hint is a wait that is not zero.
pub fn retry_after(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    if let Some(wait) = parse_retry_after(text, now) {
        assert!(wait > Duration::ZERO || text.trim().bytes().all(|byte| byte == b'0'));
        // What asks for a wait later asks for none before.
        let far = SystemTime::UNIX_EPOCH + Duration::from_hours(80_000_000);
        let later = parse_retry_after(text, far);
        assert!(later.is_none_or(|later| later <= wait));
    }
}

/// A duration is not negative, not endless, and its text is read as the same.
pub fn duration(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match parse_duration(text) {
        Ok(duration) => {
            let exact = format!("{}ns", duration.as_nanos());
            if let Ok(again) = parse_duration(&exact) {
                assert_eq!(again, duration);
            }
        }
        Err(error) => is_readable(&error.to_string(), text),
    }
}

/// A policy's delays stay within its bounds.
pub fn policy_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match toml::from_str::<RetryConfig>(text) {
        Ok(config) => {
            let most = config.max_retries().min(50);
            for retry in 0..most {
                let range = config.delay_range(retry);
                assert!(range.start() <= range.end());
            }
        }
        Err(error) => is_readable(&error.to_string(), text),
    }
}

/// Rules judge any failure without a panic.
pub fn rules(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match toml::from_str::<RetrySettings>(text) {
        Ok(settings) => drop(settings),
        Err(error) => is_readable(&error.to_string(), text),
    }
    if let Ok(rules) = toml::from_str::<Rules>(text) {
        let failure = undaunted::HttpFailure::new(503);
        drop(rules.judge(&failure));
        drop(rules.to_string());
    }
}
