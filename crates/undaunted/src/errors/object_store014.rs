//! object_store 0.14: the verdict of its error, by variant and by the causes behind it.

use std::error::Error;
use std::io;

use object_store014::Error as StoreError;
use object_store014::client::{HttpError, HttpErrorKind};

use super::http::HttpFailure;
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The verdict on an error of object_store's, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some(error.verdict());
    }
    error.downcast_ref::<HttpError>().map(verdict_of_kind)
}

/// The status that a variant of object_store's error stands for.
pub(super) fn status_of_variant(error: &(dyn Error + 'static)) -> Option<u16> {
    match error.downcast_ref::<StoreError>()? {
        StoreError::Unauthenticated { .. } => Some(401),
        StoreError::PermissionDenied { .. } => Some(403),
        StoreError::NotFound { .. } => Some(404),
        StoreError::AlreadyExists { .. } => Some(409),
        StoreError::Precondition { .. } => Some(412),
        StoreError::NotModified { .. } => Some(304),
        _ => None,
    }
}

impl Retryable for StoreError {
    /// A variant with a meaning of its own (`NotFound`, `AlreadyExists`, `Precondition`,
    /// `PermissionDenied` …) is permanent. `Generic` has the verdict of the cause behind it,
    /// found by type along `source()`: an [`HttpFailure`], else the kind of an [`HttpError`],
    /// else an [`io::Error`]. No message is searched for words.
    fn verdict(&self) -> Verdict {
        match self {
            Self::Generic { source, .. } => verdict_of_cause(source.as_ref()),
            _ => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::Generic {
            store: "undaunted",
            source: match timed_out {
                TimedOut::CannotCut { .. } => Box::new(timed_out),
                TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                    Box::new(HttpError::new(HttpErrorKind::Timeout, timed_out))
                }
            },
        }
    }
}

/// A status says most, wherever in the chain it is; then the kind; the error of the operating
/// system comes last, because HTTP clients wrap it.
fn verdict_of_cause(source: &(dyn Error + 'static)) -> Verdict {
    let mut of_kind = None;
    let mut of_io = None;
    let mut link = Some(source);
    while let Some(error) = link {
        if let Some(failure) = error.downcast_ref::<HttpFailure>() {
            return failure.verdict();
        }
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return error.verdict();
        }
        if let Some(error) = error.downcast_ref::<HttpError>() {
            of_kind.get_or_insert_with(|| verdict_of_kind(error));
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            of_io.get_or_insert_with(|| error.verdict());
        }
        link = error.source();
    }
    match (of_kind, of_io) {
        // `Unknown` says nothing, so a transient error of the operating system decides.
        (Some(verdict), _) if verdict.is_retryable() => verdict,
        (_, Some(verdict)) => verdict,
        _ => Verdict::Permanent,
    }
}

/// A body that breaks while it is read comes as `Decode`, so that one is transient too.
fn verdict_of_kind(error: &HttpError) -> Verdict {
    match error.kind() {
        HttpErrorKind::Connect
        | HttpErrorKind::Decode
        | HttpErrorKind::Interrupted
        | HttpErrorKind::Request
        | HttpErrorKind::Timeout => Verdict::TRANSIENT,
        _ => Verdict::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn generic(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn variants_with_a_meaning_are_permanent() {
        let error = StoreError::NotFound {
            path: "a".into(),
            // Even a transient cause does not make a fact into a question.
            source: Box::new(io::Error::from(io::ErrorKind::TimedOut)),
        };
        assert_eq!(error.verdict(), Verdict::Permanent);
    }

    #[test]
    fn the_status_wins_over_the_kind_that_carries_it() {
        let failure = HttpFailure::new(503).with_retry_after(Duration::from_secs(2));
        let error = generic(HttpError::new(HttpErrorKind::Unknown, failure));
        assert_eq!(
            error.verdict(),
            Verdict::Transient {
                retry_after: Some(Duration::from_secs(2))
            }
        );
        let refused = generic(HttpError::new(
            HttpErrorKind::Connect,
            HttpFailure::new(403),
        ));
        assert_eq!(refused.verdict(), Verdict::Permanent);
    }

    #[test]
    fn the_kind_decides_where_no_status_came() {
        for (kind, retryable) in [
            (HttpErrorKind::Connect, true),
            (HttpErrorKind::Decode, true),
            (HttpErrorKind::Interrupted, true),
            (HttpErrorKind::Request, true),
            (HttpErrorKind::Timeout, true),
            (HttpErrorKind::Unknown, false),
        ] {
            let error = generic(HttpError::new(kind, io::Error::other("cause")));
            assert_eq!(error.verdict().is_retryable(), retryable, "{kind:?}");
        }
    }

    #[test]
    fn an_unknown_kind_leaves_it_to_the_operating_system() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let error = generic(HttpError::new(HttpErrorKind::Unknown, reset));
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
    }

    #[test]
    fn words_in_a_message_mean_nothing() {
        let error = generic("key SlowDown-InternalError.bin: 503 Service Unavailable");
        assert_eq!(error.verdict(), Verdict::Permanent);
    }

    #[test]
    fn a_time_limit_is_a_transient_failure_that_can_be_recognised() {
        let error = StoreError::timed_out(TimedOut::Attempt {
            limit: Duration::from_secs(1),
        });
        assert_eq!(error.verdict(), Verdict::TRANSIENT);
        let http = error
            .source()
            .and_then(|source| source.downcast_ref::<HttpError>());
        assert!(http.is_some_and(|http| http.kind() == HttpErrorKind::Timeout));
        let cannot_cut = StoreError::timed_out(TimedOut::CannotCut {
            limit: Duration::from_secs(1),
        });
        assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
    }

    #[test]
    fn a_boxed_error_is_judged_by_what_it_holds() {
        let boxed: Box<dyn Error + Send + Sync> = Box::new(generic(HttpFailure::new(429)));
        assert_eq!(boxed.verdict(), Verdict::THROTTLED);
    }
}
