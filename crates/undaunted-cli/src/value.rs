//! Values of flags. An error says what a valid value looks like; clap prefixes the flag and the
//! value.

use std::path::PathBuf;
use std::time::Duration;

use object_store::{Attribute, Attributes};
use undaunted::{Jitter, RetryConfig};
use undaunted_object_store::InvalidAttribute;

use crate::slots::Concurrency;

/// `500ms`, `2m`, `1h 30m`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    undaunted::parse_duration(text).map_err(|_| {
        "a duration is a number and a unit, such as 500ms, 2m or 1h, or a number of seconds, \
         such as 1.5"
            .to_owned()
    })
}

/// A time limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit(pub(crate) Option<Duration>);

/// A duration longer than zero, or `none`.
pub(crate) fn limit(text: &str) -> Result<TimeLimit, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(TimeLimit(None));
    }
    match duration(text) {
        Ok(limit) if limit.is_zero() => Err("a limit is longer than zero, or none".to_owned()),
        Ok(limit) => Ok(TimeLimit(Some(limit))),
        Err(expected) => Err(format!("{expected}; or none")),
    }
}

/// The path of a file that is written beside what is printed.
pub(crate) fn file(text: &str) -> Result<PathBuf, String> {
    if text == "-" {
        return Err(
            "this is a file, since stdout has what is printed; for a file of this name write \
                    ./-"
            .to_owned(),
        );
    }
    Ok(PathBuf::from(text))
}

pub(crate) fn exponential_base(text: &str) -> Result<f64, String> {
    let valid = text.parse().ok().filter(|base| {
        RetryConfig::builder()
            .exponential_base(*base)
            .build()
            .is_ok()
    });
    valid.ok_or_else(|| "it must be a finite number of at least 1, such as 2".to_owned())
}

pub(crate) fn jitter(text: &str) -> Result<Jitter, String> {
    text.to_ascii_lowercase().parse().map_err(|_| {
        "jitter is none, full, equal, decorrelated, or a fraction from 0 to 1 such as 0.25"
            .to_owned()
    })
}

/// `auto`, or a number from 1 to 1024.
pub(crate) fn concurrency(text: &str) -> Result<Concurrency, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(Concurrency::Auto);
    }
    match text.parse() {
        Ok(number @ 1..=MAX_CONCURRENCY) => Ok(Concurrency::Fixed(number)),
        _ => Err(format!("it is auto, or a number in 1..={MAX_CONCURRENCY}")),
    }
}

/// `8MiB`, `5MB`, `65536`: a number of bytes from 1 to 5 GiB.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        size if (1..=MAX_PART).contains(&size) => Ok(size),
        _ => Err("a part is from 1 byte to 5GiB".to_owned()),
    }
}

/// `8MiB`, `5MB`, `0`: a number of bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    bytes.ok_or_else(|| {
        "a size is a whole number and a unit (KiB, MiB, GiB, kB, MB, GB), such as 8MiB".to_owned()
    })
}

/// `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyValue {
    pub(crate) key: String,
    pub(crate) value: String,
}

pub(crate) fn key_value(text: &str) -> Result<KeyValue, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(KeyValue {
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("it must have the form key=value".to_owned()),
    }
}

/// A content type that a header can hold.
pub(crate) fn content_type(text: &str) -> Result<String, String> {
    kept(Attribute::ContentType, text)?;
    Ok(text.to_owned())
}

/// `key=value` that headers can hold.
pub(crate) fn metadata(text: &str) -> Result<KeyValue, String> {
    let entry = key_value(text)?;
    kept(Attribute::Metadata(entry.key.clone().into()), &entry.value)?;
    Ok(entry)
}

fn kept(attribute: Attribute, value: &str) -> Result<(), String> {
    let attributes = Attributes::from_iter([(attribute, value.to_owned())]);
    InvalidAttribute::check(&attributes).map_err(|error| error.to_string())
}

/// More connections than that are more than a process may have open files, as a rule.
const MAX_CONCURRENCY: usize = 1024;

/// The largest part that S3 accepts.
const MAX_PART: u64 = 5 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_human_or_seconds() {
        let millis = Duration::from_millis;
        let cases = [
            ("500ms", Some(millis(500))),
            ("2m", Some(millis(120_000))),
            ("1h 30m", Some(millis(5_400_000))),
            ("1.5", Some(millis(1_500))),
            ("0", Some(Duration::ZERO)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("soon", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(duration(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn a_limit_may_be_none_but_not_zero() {
        assert_eq!(limit("none"), Ok(TimeLimit(None)));
        assert_eq!(limit("2s"), Ok(TimeLimit(Some(Duration::from_secs(2)))));
        assert!(limit("0s").unwrap_err().contains("none"));
        assert!(limit("x").unwrap_err().contains("or none"));
    }

    #[test]
    fn jitters() {
        let cases = [
            ("none", Some(Jitter::None)),
            ("Full", Some(Jitter::Full)),
            ("equal", Some(Jitter::Equal)),
            ("decorrelated", Some(Jitter::Decorrelated)),
            ("0.25", Some(Jitter::Proportional(0.25))),
            ("1.5", None),
            ("NaN", None),
            ("some", None),
        ];
        for (text, want) in cases {
            assert_eq!(jitter(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn bases() {
        assert!(exponential_base("1").is_ok());
        for bad in ["0.5", "NaN", "inf", "-2", "two"] {
            assert!(exponential_base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("1", Some(1)),
            ("64KiB", Some(65_536)),
            ("8 MiB", Some(8 << 20)),
            ("5MB", Some(5_000_000)),
            ("1g", Some(1 << 30)),
            ("0", None),
            ("6GiB", None),
            ("1.5MiB", None),
            ("MiB", None),
            ("8XB", None),
            ("99999999999999999999", None),
        ];
        for (text, want) in cases {
            assert_eq!(size(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn concurrencies() {
        assert_eq!(concurrency("Auto"), Ok(Concurrency::Auto));
        assert_eq!(concurrency("1"), Ok(Concurrency::Fixed(1)));
        assert_eq!(concurrency("1024"), Ok(Concurrency::Fixed(1024)));
        for bad in ["0", "1025", "-1", "many", ""] {
            assert!(concurrency(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs() {
        let pair = key_value("a=b=c").unwrap();
        assert_eq!((pair.key.as_str(), pair.value.as_str()), ("a", "b=c"));
        assert!(key_value("a").is_err());
        assert!(key_value("=b").is_err());
    }
}
