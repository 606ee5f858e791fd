//! The lines of a recording.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use chrono::DateTime;
use serde::Deserialize;

use crate::error::UsageError;

/// What a recording says of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Request {
    /// When it arrived, in seconds since the first.
    pub(super) at: f64,
    /// How long it took.
    pub(super) seconds: f64,
    pub(super) fate: Fate,
    /// Whether a fault delayed it.
    pub(super) is_delayed: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The service did or refused what was asked for, and would again.
    CarriedOut,
    Failed,
    /// The connection ended without a response.
    NoResponse,
    Throttled,
}

/// Reads all requests, in the order in which they arrived.
pub(super) fn read(path: &Path) -> Result<Vec<Request>, UsageError> {
    let unreadable = |source| UsageError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut file = BufReader::new(file);
    let mut requests = Vec::new();
    for number in 1.. {
        let mut line = String::new();
        if file.read_line(&mut line).map_err(unreadable)? == 0 {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        match parsed(&line) {
            Ok(request) => requests.push(request),
            // It is still being written, or the server was killed.
            Err(_) if !line.ends_with('\n') && !requests.is_empty() => {}
            Err(problem) => {
                return Err(UsageError::RecordedLine {
                    path: path.display().to_string(),
                    number,
                    problem,
                });
            }
        }
    }
    requests.sort_by(|a, b| a.at.total_cmp(&b.at));
    // So that times are short, and a difference of two loses no digits.
    let first = requests.first().map_or(0.0, |request| request.at);
    for request in &mut requests {
        request.at -= first;
    }
    Ok(requests)
}

#[derive(Deserialize)]
struct Line {
    time: String,
    seconds: f64,
    status: Option<u16>,
    fault: Option<String>,
}

fn parsed(line: &str) -> Result<Request, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let time = DateTime::parse_from_rfc3339(&line.time)
        .map_err(|error| format!("time is {:?}: {error}", line.time))?;
    if !(line.seconds.is_finite() && line.seconds >= 0.0) {
        return Err(format!(
            "seconds is {}: it is a time from 0 on",
            line.seconds
        ));
    }
    let fault = line.fault.as_deref().unwrap_or_default();
    let fate = match line.status {
        None => Fate::NoResponse,
        Some(429) => Fate::Throttled,
        // S3 throttles with the code SlowDown; without a fault nothing says which code it was.
        Some(503) if fault.is_empty() || fault.contains("SlowDown") => Fate::Throttled,
        Some(503) if fault.contains("rate_limit") => Fate::Throttled,
        Some(408 | 500..) => Fate::Failed,
        Some(_) => Fate::CarriedOut,
    };
    Ok(Request {
        at: time.timestamp_micros() as f64 / 1e6,
        seconds: line.seconds,
        fate,
        is_delayed: !fault.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(status: &str, fault: &str) -> Fate {
        let line = format!(
            r#"{{"time":"2026-01-01T00:00:00.500Z","seconds":0.01,"method":"GET","status":{status},"fault":{fault}}}"#
        );
        parsed(&line).unwrap().fate
    }

    #[test]
    fn statuses_and_faults_say_what_became_of_a_request() {
        for (status, fault, expected) in [
            ("200", "null", Fate::CarriedOut),
            ("404", "null", Fate::CarriedOut),
            ("200", "\"delay 1s\"", Fate::CarriedOut),
            ("500", "null", Fate::Failed),
            ("503", "null", Fate::Throttled),
            (
                "503",
                "\"fail_before (HTTP status 503 SlowDown)\"",
                Fate::Throttled,
            ),
            (
                "503",
                "\"fail_before (HTTP status 503 ServiceUnavailable)\"",
                Fate::Failed,
            ),
            ("429", "null", Fate::Throttled),
            (
                "null",
                "\"fail_before (connection reset)\"",
                Fate::NoResponse,
            ),
        ] {
            assert_eq!(fate(status, fault), expected, "{status} {fault}");
        }
    }

    #[test]
    fn a_last_line_that_is_not_complete_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.jsonl");
        let whole = "{\"time\":\"2026-01-01T00:00:00Z\",\"seconds\":1,\"status\":200}\n";
        std::fs::write(&path, format!("{whole}{}", &whole[..30])).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        std::fs::write(&path, format!("{}\n{whole}", &whole[..30])).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_line_that_is_none_says_why() {
        for (line, words) in [
            ("{", "EOF"),
            ("{\"seconds\":1}", "missing field `time`"),
            ("{\"time\":\"soon\",\"seconds\":1}", "time is \"soon\""),
            (
                "{\"time\":\"2026-01-01T00:00:00Z\",\"seconds\":-1}",
                "seconds is -1",
            ),
        ] {
            let problem = parsed(line).unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
    }
}
