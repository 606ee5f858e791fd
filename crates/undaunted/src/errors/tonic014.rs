//! tonic 0.14: the verdict of its status, by gRPC's code and by what the service asks for.

use std::error::Error;
use std::time::Duration;

use tonic_types014::StatusExt;
use tonic014::{Code, Status};

use super::causes::verdict_of_transport;
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The verdict on a status of tonic's, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    Some(error.downcast_ref::<Status>()?.verdict())
}

/// The status of HTTP that gRPC's `google.rpc.Code` gives to a code.
pub(super) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    let status = match error.downcast_ref::<Status>()?.code() {
        Code::Ok => return None,
        Code::FailedPrecondition | Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::Aborted | Code::AlreadyExists => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::DataLoss | Code::Internal | Code::Unknown => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
    };
    Some(status)
}

/// The name of the code, as tonic writes it: `ResourceExhausted`.
pub(super) fn code<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e str> {
    let code = match error.downcast_ref::<Status>()?.code() {
        Code::Ok => "Ok",
        Code::Cancelled => "Cancelled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    };
    Some(code)
}

impl Retryable for Status {
    /// By code:
    ///
    /// | code | verdict | why |
    /// |---|---|---|
    /// | `Unavailable` | transient | gRPC's word for it |
    /// | `ResourceExhausted` | throttled | quotas and rate limits |
    /// | `DeadlineExceeded` | transient | a timeout, here or there |
    /// | `Aborted` | transient | it lost to a concurrent operation |
    /// | `Cancelled` | transient | who cancels a call of tonic's drops it and sees no status: this is a timeout or a service that stops |
    /// | `Internal`, `Unknown` | transient | gRPC's HTTP 500: streams that broke, and failures of the service |
    /// | `Ok`, `InvalidArgument`, `NotFound`, `AlreadyExists`, `PermissionDenied`, `FailedPrecondition`, `OutOfRange`, `Unimplemented`, `DataLoss`, `Unauthenticated` | permanent | the next attempt would fail in the same way |
    ///
    /// The service's `grpc-retry-pushback-ms` is the hint, and forbids retries if it is no number
    /// of milliseconds, as gRPC says. Without it, `RetryInfo` in the details is the hint. A
    /// connection that TLS refuses is permanent whatever its code.
    fn verdict(&self) -> Verdict {
        let verdict = match self.code() {
            Code::ResourceExhausted => Verdict::THROTTLED,
            Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::Unavailable
            | Code::Unknown => match self.source() {
                Some(source) => verdict_of_transport(source),
                None => Verdict::TRANSIENT,
            },
            Code::AlreadyExists
            | Code::DataLoss
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::Ok
            | Code::OutOfRange
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented => return Verdict::Permanent,
        };
        match self.metadata().get(PUSHBACK) {
            Some(pushback) => match pushback.to_str().ok().and_then(|ms| ms.parse().ok()) {
                Some(ms) => verdict.with_retry_after(Some(Duration::from_millis(ms))),
                None => Verdict::Permanent,
            },
            None => verdict.with_retry_after(retry_info(self)),
        }
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let text = timed_out.to_string();
        let mut status = match timed_out {
            TimedOut::CannotCut { .. } => Self::failed_precondition(text),
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                Self::deadline_exceeded(text)
            }
        };
        status.set_source(std::sync::Arc::new(timed_out));
        status
    }
}

/// `google.rpc.RetryInfo` in the details of a status.
fn retry_info(status: &Status) -> Option<Duration> {
    if status.details().is_empty() {
        return None;
    }
    status.get_details_retry_info()?.retry_delay
}

/// The wait in milliseconds that a service asks for, see gRPC's proposal A6.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

#[cfg(test)]
mod tests {
    use tonic_types014::ErrorDetails;
    use tonic014::metadata::MetadataMap;

    use super::*;

    #[test]
    fn every_code_has_its_verdict() {
        let verdicts = [
            "permanent", // Ok
            "transient", // Cancelled
            "transient", // Unknown
            "permanent", // InvalidArgument
            "transient", // DeadlineExceeded
            "permanent", // NotFound
            "permanent", // AlreadyExists
            "permanent", // PermissionDenied
            "throttled", // ResourceExhausted
            "permanent", // FailedPrecondition
            "transient", // Aborted
            "permanent", // OutOfRange
            "permanent", // Unimplemented
            "transient", // Internal
            "transient", // Unavailable
            "permanent", // DataLoss
            "permanent", // Unauthenticated
        ];
        for (number, want) in (0..).zip(verdicts) {
            let code = Code::from_i32(number);
            assert_eq!(code as i32, number);
            assert_eq!(Status::new(code, "").verdict().as_str(), want, "{code:?}");
        }
    }

    #[test]
    fn what_the_service_asks_for_is_the_hint() {
        let delay = Some(Duration::from_millis(1_500));
        let details = ErrorDetails::with_retry_info(delay);
        let status = Status::with_error_details(Code::ResourceExhausted, "", details);
        assert_eq!(status.verdict(), Verdict::Throttled { retry_after: delay });
        let with_pushback = |value: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert(PUSHBACK, value.parse().unwrap());
            Status::with_metadata(Code::Unavailable, "", metadata).verdict()
        };
        assert_eq!(
            with_pushback("1500"),
            Verdict::Transient { retry_after: delay }
        );
        assert_eq!(with_pushback("-1"), Verdict::Permanent);
        assert_eq!(with_pushback("soon"), Verdict::Permanent);
    }

    #[test]
    fn a_limit_is_the_source() {
        let limit = Duration::from_secs(1);
        let status = Status::timed_out(TimedOut::Attempt { limit });
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.verdict(), Verdict::TRANSIENT);
        assert!(status.source().is_some_and(<dyn Error>::is::<TimedOut>));
        let cannot_cut = Status::timed_out(TimedOut::CannotCut { limit });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }
}
