//! Durations as text: read as everywhere, by the core, and written as a whole number and a unit.

use std::time::Duration;

use undaunted::parse_duration;

/// The duration that a text means, if it means one.
pub(crate) fn read(text: &str) -> Option<Duration> {
    parse_duration(text).ok()
}

/// What an error says of a duration.
#[cfg(feature = "file")]
pub(crate) const EXPECTED: &str =
    "a duration is a number and a unit, such as 500ms, 2m or 1h, or a number of seconds";

/// The text that [`read`] takes for this duration, in the largest unit that holds it. Beyond
/// 584 years the nanoseconds are left out, because they would not fit.
pub(super) fn written(lasts: Duration) -> String {
    let seconds = lasts.as_secs();
    let nanos = u64::try_from(lasts.as_nanos()).unwrap_or_default();
    if lasts.subsec_nanos() == 0 || nanos == 0 {
        return match seconds {
            0 => "0s".to_owned(),
            _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
            _ => format!("{seconds}s"),
        };
    }
    match nanos {
        _ if nanos % 1_000_000 == 0 => format!("{}ms", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{}us", nanos / 1_000),
        _ => format!("{nanos}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("0s", Some(Duration::ZERO), "0s"),
            ("90s", Some(Duration::from_secs(90)), "90s"),
            ("2m", Some(Duration::from_secs(120)), "2m"),
            ("1500ms", Some(Duration::from_millis(1500)), "1500ms"),
            ("2000us", Some(Duration::from_millis(2)), "2ms"),
            ("7ns", Some(Duration::from_nanos(7)), "7ns"),
            ("1h", Some(Duration::from_secs(3600)), "60m"),
            ("1m 30s", Some(Duration::from_secs(90)), "90s"),
            ("5", Some(Duration::from_secs(5)), "5s"),
            ("0.5", Some(Duration::from_millis(500)), "500ms"),
            ("18446744073709551615m", None, ""),
            ("99999999999999999999s", None, ""),
            ("s", None, ""),
            ("-1s", None, ""),
            ("-1", None, ""),
            ("NaN", None, ""),
            ("soon", None, ""),
        ];
        for (text, want, printed) in cases {
            assert_eq!(read(text), want, "{text}");
            if let Some(lasts) = want {
                assert_eq!(written(lasts), printed);
            }
        }
        assert!(read(&written(Duration::MAX)).is_some());
    }
}
