//! Quantities as a person reads them: in plans, tables and plots.

use crate::outcome::Outcome;

/// A time in seconds: `250 ms`, `12 s`, `7 min 15 s`, `2 h 30 min`.
#[must_use]
pub fn span(seconds: f64) -> String {
    if !seconds.is_finite() || seconds >= 1e10 {
        return "for ever".to_owned();
    }
    if seconds < 0.0005 {
        return "0 s".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{} ms", digits(seconds * 1000.0));
    }
    if seconds < 119.5 {
        return format!("{} s", digits(seconds));
    }
    let whole = seconds.round() as u64;
    let (large, small, units) = if whole < 3600 {
        (whole / 60, whole % 60, ("min", "s"))
    } else {
        (whole / 3600, whole % 3600 / 60, ("h", "min"))
    };
    if small == 0 {
        return format!("{} {}", count(large), units.0);
    }
    format!("{} {} {small} {}", count(large), units.0, units.1)
}

/// Three digits, without zeros at the end: `0.125`, `12.5`, `125`.
#[must_use]
pub fn digits(number: f64) -> String {
    let places = match number.abs() {
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => return count(number.abs().round() as u64),
    };
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number, with commas: `1,000`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of 1: `25 %`, `0.1 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}

/// Bytes, by powers of 1,000: `7.5 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut size = bytes;
    for unit in units {
        if size < 1000.0 || unit == "TB" {
            return format!("{} {unit}", digits(size));
        }
        size /= 1000.0;
    }
    String::new()
}

/// How much more or less was predicted than measured: `+2.5 %`, `-1 %`.
#[must_use]
pub fn deviation(predicted: u64, measured: u64) -> String {
    let error = predicted as f64 / measured.max(1) as f64 - 1.0;
    let sign = if error < 0.0 { '-' } else { '+' };
    format!("{sign}{}", percent(error.abs()))
}

/// What a table says of an outcome: calls lost and overdue, their share, requests, requests for each call, and the
/// median and the 99th percentile of what calls took.
#[must_use]
pub fn figures(outcome: &Outcome) -> [String; 6] {
    let totals = &outcome.totals;
    [
        count(totals.lost_or_overdue()),
        percent(totals.lost_share()),
        count(totals.requests),
        digits(totals.amplification()),
        took(outcome.latency.p50),
        took(outcome.latency.p99),
    ]
}

/// A time that calls take that succeed.
fn took(seconds: f64) -> String {
    if seconds.is_infinite() {
        return "none".to_owned();
    }
    span(seconds)
}

/// What became of calls that had no result when the time was over, if there are any that should have had
/// one.
#[must_use]
pub fn overdue(outcome: &Outcome) -> Option<String> {
    let number = outcome.totals.overdue;
    (number > 0).then(|| {
        format!(
            "“{}”: {} calls had no result when the time was over, and count as lost.",
            outcome.policy,
            count(number)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_short() {
        let spans = [
            0.0, 0.00049, 0.25, 0.99999, 1.0, 7.0, 8.75, 33.14, 119.4, 435.0, 9000.0, 1e11,
        ];
        let expected = [
            "0 s",
            "0 s",
            "250 ms",
            "1 s",
            "1 s",
            "7 s",
            "8.75 s",
            "33.1 s",
            "119 s",
            "7 min 15 s",
            "2 h 30 min",
            "for ever",
        ];
        assert_eq!(spans.map(span), expected);
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(0.001), "0.1 %");
        assert_eq!(
            [3e6, 7.5e6, 12.0].map(bytes),
            ["3 MB", "7.5 MB", "12 bytes"]
        );
    }
}
