//! OpenDAL 0.59: the verdict of its error.

use std::error::Error;

use opendal059::{Error as OpendalError, ErrorKind};

use super::causes::{known_along_sources, verdict_of_transport};
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The verdict on an error of OpenDAL's, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    Some(error.downcast_ref::<OpendalError>()?.verdict())
}

/// The status that a kind stands for.
pub(super) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    match error.downcast_ref::<OpendalError>()?.kind() {
        ErrorKind::PermissionDenied => Some(403),
        ErrorKind::NotFound => Some(404),
        ErrorKind::AlreadyExists | ErrorKind::Conflict => Some(409),
        ErrorKind::ConditionNotMatch => Some(412),
        ErrorKind::RangeNotSatisfied => Some(416),
        ErrorKind::RateLimited => Some(429),
        _ => None,
    }
}

/// The name of the kind, such as `RateLimited`.
pub(super) fn code<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e str> {
    Some(error.downcast_ref::<OpendalError>()?.kind().into_static())
}

impl Retryable for OpendalError {
    /// `RateLimited` is throttled, and what OpenDAL calls temporary is transient, unless TLS refuses
    /// the connection. What it calls
    /// persistent was retried by its own `RetryLayer` and is permanent, so that retries do not
    /// multiply: leave that layer out.
    ///
    /// `Unexpected` that is not temporary has the verdict of the cause behind it, if that is known.
    /// All other kinds are permanent. OpenDAL does not keep the `Retry-After` of a response.
    fn verdict(&self) -> Verdict {
        if self.is_persistent() {
            return Verdict::Permanent;
        }
        match self.kind() {
            ErrorKind::RateLimited => Verdict::THROTTLED,
            _ if self.is_temporary() => match self.source() {
                Some(source) => verdict_of_transport(source),
                None => Verdict::TRANSIENT,
            },
            ErrorKind::Unexpected => {
                let cause = self.source().and_then(known_along_sources);
                cause.unwrap_or(Verdict::Permanent)
            }
            _ => Verdict::Permanent,
        }
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let text = timed_out.to_string();
        match timed_out {
            TimedOut::CannotCut { .. } => {
                Self::new(ErrorKind::ConfigInvalid, text).set_source(timed_out)
            }
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                Self::new(ErrorKind::Unexpected, text)
                    .set_temporary()
                    .set_source(timed_out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;
    use crate::errors::hyper1::garbled;

    fn error(kind: ErrorKind) -> OpendalError {
        OpendalError::new(kind, "test")
    }

    #[test]
    fn every_kind_and_status_has_its_verdict() {
        use ErrorKind as Kind;
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let cases = [
            (error(Kind::RateLimited), "throttled"),
            (error(Kind::RateLimited).set_temporary(), "throttled"),
            (error(Kind::RateLimited).set_persistent(), "permanent"),
            (error(Kind::Unexpected).set_temporary(), "transient"),
            (
                error(Kind::Unexpected)
                    .set_source(io::Error::from(io::ErrorKind::InvalidData))
                    .set_temporary(),
                "permanent",
            ),
            (
                error(Kind::Unexpected)
                    .set_source(garbled())
                    .set_temporary(),
                "transient",
            ),
            (error(Kind::Unexpected).set_persistent(), "permanent"),
            (error(Kind::Unexpected), "permanent"),
            (error(Kind::Unexpected).set_source(reset()), "transient"),
            (error(Kind::NotFound).set_source(reset()), "permanent"),
            (error(Kind::Conflict).set_temporary(), "transient"),
            (error(Kind::Conflict), "permanent"),
            (error(Kind::ConditionNotMatch), "permanent"),
            (error(Kind::AlreadyExists), "permanent"),
            (error(Kind::ConfigInvalid), "permanent"),
            (error(Kind::NotFound), "permanent"),
            (error(Kind::PermissionDenied), "permanent"),
            (error(Kind::RangeNotSatisfied), "permanent"),
            (error(Kind::Unsupported), "permanent"),
        ];
        for (error, want) in cases {
            assert_eq!(error.verdict().as_str(), want, "{error:?}");
        }
    }

    #[test]
    fn a_kind_that_stands_for_a_status_is_named_by_it() {
        use ErrorKind as Kind;
        for (kind, status) in [
            (Kind::PermissionDenied, Some(403)),
            (Kind::NotFound, Some(404)),
            (Kind::AlreadyExists, Some(409)),
            (Kind::Conflict, Some(409)),
            (Kind::ConditionNotMatch, Some(412)),
            (Kind::RangeNotSatisfied, Some(416)),
            (Kind::RateLimited, Some(429)),
            (Kind::Unexpected, None),
        ] {
            assert_eq!(super::status(&error(kind)), status, "{kind}");
        }
        // The verdict is found in a chain too.
        let boxed: Box<dyn Error> = Box::new(error(Kind::RateLimited));
        assert_eq!(boxed.verdict(), Verdict::THROTTLED);
    }

    #[test]
    fn a_limit_is_the_source() {
        let limit = Duration::from_secs(1);
        let error = OpendalError::timed_out(TimedOut::Attempt { limit });
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
        assert!(error.source().is_some_and(<dyn Error>::is::<TimedOut>));
        let cannot_cut = OpendalError::timed_out(TimedOut::CannotCut { limit });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }
}
