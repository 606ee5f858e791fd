//! Reading a `Retry-After` header: delta-seconds, or an HTTP-date in any of its three forms.

use std::time::{Duration, SystemTime};

/// The wait that a `Retry-After` value asks for, seen from `now`.
///
/// Accepts delta-seconds and the three date forms of [RFC 9110 section 5.6.7]: the
/// preferred one, RFC 850's and asctime's. A date that has passed, a negative number and
/// anything that cannot be read are `None`: no hint, and not a wait of zero. A number of
/// seconds too large to count is the longest wait there is, so that `max_retry_after`
/// refuses it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use undaunted::parse_retry_after;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
/// assert_eq!(parse_retry_after("120", now), Some(Duration::from_secs(120)));
/// assert_eq!(
///     parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now),
///     Some(Duration::from_secs(10)),
/// );
/// assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), None);
/// assert_eq!(parse_retry_after("soon", now), None);
/// ```
///
/// [RFC 9110 section 5.6.7]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits, so the only way to fail is a number too large for u64.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let wait = date.duration_since(now).ok()?;
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instant that RFC 9110 uses in its examples: Sun, 06 Nov 1994 08:49:37 GMT.
    fn example() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    #[test]
    fn all_three_date_forms_name_the_same_instant() {
        let ten_seconds_before = example() - Duration::from_secs(10);
        for form in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                parse_retry_after(form, ten_seconds_before),
                Some(Duration::from_secs(10)),
                "{form}"
            );
        }
    }

    #[test]
    fn a_date_that_has_passed_is_no_hint() {
        let form = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(parse_retry_after(form, example()), None);
        assert_eq!(
            parse_retry_after(form, example() + Duration::from_secs(1)),
            None
        );
    }

    #[test]
    fn numbers_that_cannot_be_waits_are_no_hints() {
        for garbage in [
            "-1",
            "-99999999999999999999",
            "1.5",
            "NaN",
            "1e3",
            "+5",
            "",
            "  ",
            "５",
        ] {
            assert_eq!(parse_retry_after(garbage, example()), None, "{garbage:?}");
        }
    }

    #[test]
    fn zero_is_the_services_own_word() {
        assert_eq!(parse_retry_after("0", example()), Some(Duration::ZERO));
    }

    #[test]
    fn a_huge_number_is_a_huge_wait() {
        let huge = "9".repeat(400);
        assert_eq!(
            parse_retry_after(&huge, example()),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(
            parse_retry_after(" 7 ", example()),
            Some(Duration::from_secs(7))
        );
    }
}
