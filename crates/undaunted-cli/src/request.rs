//! Requests to a store, and what is known of those that fail.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use object_store::Error;
use undaunted::StopReason;
use undaunted_object_store::{FailedOperation, full_text, observe};

use crate::text;

/// Waits for an operation of a store. If it fails, the error says which operation it was and
/// after how many attempts.
pub(crate) async fn request<T>(
    operation: impl Future<Output = Result<T, Error>>,
) -> Result<T, FailedRequest> {
    let (result, observed) = observe(operation).await;
    result.map_err(|error| FailedRequest {
        error,
        status: observed.last_failure.map(|failure| failure.status()),
        gave_up: observed.failed_operation,
    })
}

/// An operation of a store that failed after its last attempt.
#[derive(Debug)]
pub(crate) struct FailedRequest {
    pub(crate) error: Error,
    /// The status of the last response that was a permanent failure.
    status: Option<u16>,
    /// The operation that gave up.
    gave_up: Option<FailedOperation>,
}

impl FailedRequest {
    pub(crate) fn attempts(&self) -> Option<u32> {
        let failed = self.gave_up.as_ref();
        failed.map(|failed| failed.report.attempts())
    }

    pub(crate) const fn is_not_found(&self) -> bool {
        matches!(self.error, Error::NotFound { .. })
    }
}

impl FailedRequest {
    /// Whether the object has none of the bytes that were asked for.
    pub(crate) fn is_out_of_range(&self) -> bool {
        self.status == Some(416)
    }
}

impl fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failed) = &self.gave_up {
            let attempts = text::count(u64::from(failed.report.attempts()), "attempt");
            write!(f, "{} failed after {attempts}", failed.operation)?;
            if let Some(limit) = limit(failed) {
                write!(f, ", {limit}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&full_text(&self.error))
    }
}

/// The limit, or the rule, that left no further attempt to a failure.
fn limit(failed: &FailedOperation) -> Option<String> {
    let report = &failed.report;
    Some(match report.stop_reason()? {
        StopReason::RetryAfterTooLong => {
            let last = report.failures().last()?;
            let wait = brief(last.verdict.retry_after()?);
            format!("as the service asks for a wait of {wait}, more than --max-retry-after allows")
        }
        StopReason::DeadlineExceeded => {
            let elapsed = brief(report.elapsed());
            format!("as --total-timeout leaves no time for another after {elapsed}")
        }
        StopReason::Permanent => {
            let rule = report.failures().last()?.rule.as_deref()?;
            format!("as the rule {rule} does not allow another")
        }
        StopReason::BudgetExhausted => "as the retry budget is exhausted".to_owned(),
        _ => return None,
    })
}

/// `1.25 s`, `3600 s`
fn brief(duration: Duration) -> String {
    let seconds = (duration.as_secs_f64() * 100.0).round() / 100.0;
    format!("{seconds} s")
}
