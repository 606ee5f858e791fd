//! A failed HTTP response, as plain data.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::error_type::error_type;
use crate::verdict::{FailedResponse, Retryable, TimedOut, Verdict};

/// A failed HTTP response: its status, and what the service said beside it.
///
/// HTTP connectors put one into an error's `source()` chain, so that the layers above can
/// classify a failure by the response and not by words in a message.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{HttpFailure, Verdict};
///
/// let failure = HttpFailure::new(503)
///     .with_code("SlowDown")
///     .with_retry_after(Duration::from_secs(2));
/// assert_eq!(
///     failure.verdict(),
///     Verdict::Throttled { retry_after: Some(Duration::from_secs(2)) },
/// );
/// assert_eq!(HttpFailure::new(404).verdict(), Verdict::Permanent);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpFailure {
    status: u16,
    code: Option<String>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    region: Option<String>,
}

impl HttpFailure {
    /// A failure with this status and nothing else known.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            code: None,
            retry_after: None,
            request_id: None,
            region: None,
        }
    }

    /// Adds the service's error code, such as `SlowDown`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds the wait that the service asked for.
    #[must_use]
    pub const fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Adds the service's id of this request, for its support.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// Adds the region that the bucket is in, where the service says that it is another than the
    /// one that was asked.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The HTTP status. An error document inside a success keeps the success's status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The service's error code, such as `SlowDown`, if it sent one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The wait that the service asked for, if it did.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The service's id of this request, if it sent one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The region that the bucket is in, if the service says that another was asked.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// What this response means for a retry: by code where the service sent one that is known,
    /// else by status: 429 is throttled; 408 and 5xx are transient, but not 501, 505, 507, 508
    /// and 511 (not implemented, another version of HTTP, no storage left, a loop, a portal that
    /// wants a login).
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let retry_after = self.retry_after;
        let code = self.code.as_deref().unwrap_or_default();
        if self.status == 429 || THROTTLED_CODES.contains(&code) {
            Verdict::Throttled { retry_after }
        } else if TRANSIENT_CODES.contains(&code)
            || matches!(self.status, 408 | 499 | 500 | 502..=504 | 506 | 509 | 510 | 512..=599)
        {
            Verdict::Transient { retry_after }
        } else {
            Verdict::Permanent
        }
    }

    /// Whether the response proves that the request was not applied: the service was
    /// throttling, or named a conflict in which nothing is applied.
    ///
    /// A 5xx proves nothing: the request may have been applied before it failed.
    #[must_use]
    pub fn proves_not_applied(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        self.status == 429 || THROTTLED_CODES.contains(&code) || REJECTED_CODES.contains(&code)
    }
}

impl From<FailedResponse<'_>> for HttpFailure {
    fn from(response: FailedResponse<'_>) -> Self {
        Self {
            code: response.code.map(str::to_owned),
            retry_after: response.retry_after,
            ..Self::new(response.status)
        }
    }
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(region) = &self.region {
            write!(
                f,
                ", the bucket is in the region {region}: set aws_region={region}"
            )?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " (request id {request_id})")?;
        }
        Ok(())
    }
}

impl Error for HttpFailure {}

impl Retryable for HttpFailure {
    fn verdict(&self) -> Verdict {
        Self::verdict(self)
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        error_type(self)
    }

    /// 408, the status by which HTTP itself says that a request took too long; 400 for a limit
    /// that cannot be enforced.
    fn timed_out(timed_out: TimedOut) -> Self {
        match timed_out {
            TimedOut::CannotCut { .. } => Self::new(400).with_code("CannotCut"),
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                Self::new(408)
            }
        }
    }
}

/// The codes of failures that may be retried.
pub(crate) fn known_codes() -> impl Iterator<Item = &'static &'static str> {
    THROTTLED_CODES.iter().chain(TRANSIENT_CODES)
}

/// Codes by which a service asks its callers to slow down. The first group is the AWS SDKs'
/// shared list, then S3's own, then S3-compatible services, then Azure's.
const THROTTLED_CODES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "SlowDown",
    "ErrTooManyRequest",
    "ExceedAccountQPSLimit",
    "ExceedAccountRateLimit",
    "ExceedBucketQPSLimit",
    "ExceedBucketRateLimit",
    "TooManyRequests",
    "ServerBusy",
];

/// Codes of transient faults whose status alone would not say so: S3's 400 `RequestTimeout`,
/// its two 409s in which the service asks for another attempt, its `InternalError` inside a 200,
/// Azure's short-lived 409s, and STS's 400 for an identity provider that did not respond.
const TRANSIENT_CODES: &[&str] = &[
    "AccountBeingCreated",
    "ConditionalRequestConflict",
    "ContainerBeingDeleted",
    "IDPCommunicationError",
    "InternalError",
    "OperationAborted",
    "OperationTimedOut",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
];

/// Transient codes whose meaning includes that nothing was applied: S3 says of both 409s
/// that the write lost to a concurrent one, and of `RequestTimeout` that the body never
/// arrived in full.
const REJECTED_CODES: &[&str] = &[
    "AccountBeingCreated",
    "ConditionalRequestConflict",
    "ContainerBeingDeleted",
    "OperationAborted",
    "RequestTimeout",
    "RequestTimeoutException",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_kept_and_said() {
        let failure = HttpFailure::new(301).with_region("eu-west-1");
        assert_eq!(failure.region(), Some("eu-west-1"));
        let text = failure.to_string();
        assert!(text.contains("set aws_region=eu-west-1"), "{text}");
        assert_eq!(HttpFailure::new(301).region(), None);
    }

    #[test]
    fn a_known_code_wins_over_its_status() {
        let cases = [
            (400, Some("RequestTimeout"), "transient"),
            (409, Some("ConditionalRequestConflict"), "transient"),
            (409, Some("OperationAborted"), "transient"),
            (503, Some("SlowDown"), "throttled"),
            (503, Some("ServerBusy"), "throttled"),
            (200, Some("InternalError"), "transient"),
            (200, Some("AccessDenied"), "permanent"),
        ];
        for (status, code, want) in cases {
            let mut failure = HttpFailure::new(status);
            if let Some(code) = code {
                failure = failure.with_code(code);
            }
            assert_eq!(failure.verdict().as_str(), want, "{failure}");
        }
    }

    #[test]
    fn the_status_decides_where_no_code_is_known() {
        for status in [408, 499, 500, 502, 503, 504, 529] {
            assert_eq!(HttpFailure::new(status).verdict(), Verdict::TRANSIENT);
        }
        assert_eq!(HttpFailure::new(429).verdict(), Verdict::THROTTLED);
        for status in [
            200, 304, 400, 401, 403, 404, 409, 412, 416, 501, 505, 507, 508, 511,
        ] {
            assert_eq!(HttpFailure::new(status).verdict(), Verdict::Permanent);
        }
    }

    #[test]
    fn the_region_is_said_with_what_to_set() {
        let failure = HttpFailure::new(301)
            .with_code("PermanentRedirect")
            .with_region("eu-west-1");
        assert_eq!(failure.verdict(), Verdict::Permanent);
        assert_eq!(
            failure.to_string(),
            "HTTP status 301 PermanentRedirect, the bucket is in the region eu-west-1: set \
             aws_region=eu-west-1"
        );
    }

    #[test]
    fn only_a_rejection_proves_that_nothing_was_applied() {
        assert!(HttpFailure::new(429).proves_not_applied());
        assert!(
            HttpFailure::new(503)
                .with_code("SlowDown")
                .proves_not_applied()
        );
        assert!(!HttpFailure::new(503).proves_not_applied());
        assert!(
            !HttpFailure::new(500)
                .with_code("InternalError")
                .proves_not_applied()
        );
    }
}
