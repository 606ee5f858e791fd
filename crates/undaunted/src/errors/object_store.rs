//! object_store: the verdict of its error, by variant and by the causes behind it. The same for
//! each version, as all have the same variants and kinds.

use std::error::Error;
use std::io;

use super::http::HttpFailure;
use crate::verdict::{Retryable, Verdict};

/// The verdict on an error of object_store's, or none if it is not one.
pub(super) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    verdict_of_store(error).or_else(|| verdict_of_kind(error))
}

/// The status that a variant of object_store's error stands for.
pub(super) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    v014::status(error).or_else(|| v013::status(error))
}

/// What a failure without a response is called.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    v014::kind(error).or_else(|| v013::kind(error))
}

fn verdict_of_store(error: &(dyn Error + 'static)) -> Option<Verdict> {
    v014::verdict_of_store(error).or_else(|| v013::verdict_of_store(error))
}

fn verdict_of_kind(error: &(dyn Error + 'static)) -> Option<Verdict> {
    v014::verdict_of_kind(error).or_else(|| v013::verdict_of_kind(error))
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
        if let Some(verdict) = verdict_of_store(error) {
            return verdict;
        }
        if let Some(verdict) = verdict_of_kind(error) {
            of_kind.get_or_insert(verdict);
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

/// What a version has: `Retryable` for its error, and the verdicts on what may be one of its own.
macro_rules! version {
    ($object_store:ident) => {
        use std::error::Error;

        use $object_store::Error as StoreError;
        use $object_store::client::{HttpError, HttpErrorKind};

        use crate::verdict::{Retryable, TimedOut, Verdict};

        pub(super) fn verdict_of_store(error: &(dyn Error + 'static)) -> Option<Verdict> {
            error.downcast_ref::<StoreError>().map(Retryable::verdict)
        }

        pub(super) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
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

        pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
            match error.downcast_ref::<HttpError>()?.kind() {
                HttpErrorKind::Connect => Some("connection"),
                HttpErrorKind::Decode => Some("body"),
                HttpErrorKind::Interrupted => Some("interrupted"),
                HttpErrorKind::Request => Some("request"),
                HttpErrorKind::Timeout => Some("timeout"),
                _ => None,
            }
        }

        /// A body that breaks while it is read comes as `Decode`, so that one is transient too.
        pub(super) fn verdict_of_kind(error: &(dyn Error + 'static)) -> Option<Verdict> {
            let verdict = match error.downcast_ref::<HttpError>()?.kind() {
                HttpErrorKind::Connect
                | HttpErrorKind::Decode
                | HttpErrorKind::Interrupted
                | HttpErrorKind::Request
                | HttpErrorKind::Timeout => Verdict::TRANSIENT,
                _ => Verdict::Permanent,
            };
            Some(verdict)
        }

        impl Retryable for StoreError {
            /// A variant with a meaning of its own (`NotFound`, `AlreadyExists`, `Precondition`,
            /// `PermissionDenied` …) is permanent. `Generic` has the verdict of the cause behind
            /// it, found by type along `source()`: an [`HttpFailure`](crate::HttpFailure), else
            /// the kind of an [`HttpError`], else an [`io::Error`](std::io::Error). No message is
            /// searched for words.
            fn verdict(&self) -> Verdict {
                match self {
                    Self::Generic { source, .. } => super::verdict_of_cause(source.as_ref()),
                    _ => Verdict::Permanent,
                }
            }

            fn error_type(&self) -> std::borrow::Cow<'static, str> {
                crate::errors::error_type::error_type(self)
            }

            fn timed_out(timed_out: TimedOut) -> Self {
                Self::Generic {
                    store: "undaunted",
                    source: match timed_out {
                        TimedOut::CannotCut { .. } => Box::new(timed_out),
                        TimedOut::Attempt { .. }
                        | TimedOut::Deadline { .. }
                        | TimedOut::Total { .. } => {
                            Box::new(HttpError::new(HttpErrorKind::Timeout, timed_out))
                        }
                    },
                }
            }
        }

        #[cfg(test)]
        mod tests {
            use std::io;
            use std::time::Duration;

            use super::*;
            use crate::errors::http::HttpFailure;

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
    };
}

/// A version whose feature is off.
#[cfg(not(all(feature = "object_store013", feature = "object_store014")))]
macro_rules! no_version {
    () => {
        use std::error::Error;

        use crate::verdict::Verdict;

        pub(super) const fn verdict_of_store(_: &(dyn Error + 'static)) -> Option<Verdict> {
            None
        }

        pub(super) const fn verdict_of_kind(_: &(dyn Error + 'static)) -> Option<Verdict> {
            None
        }

        pub(super) const fn status(_: &(dyn Error + 'static)) -> Option<u16> {
            None
        }

        pub(super) const fn kind(_: &(dyn Error + 'static)) -> Option<&'static str> {
            None
        }
    };
}

#[cfg(feature = "object_store014")]
mod v014 {
    version!(object_store014);
}
#[cfg(not(feature = "object_store014"))]
mod v014 {
    no_version!();
}

#[cfg(feature = "object_store013")]
mod v013 {
    version!(object_store013);
}
#[cfg(not(feature = "object_store013"))]
mod v013 {
    no_version!();
}

#[cfg(all(test, feature = "object_store013", feature = "object_store014"))]
mod tests {
    use super::*;

    /// A boxed error may be one of a store, with nothing behind it whose verdict is known.
    #[test]
    fn a_boxed_error_of_a_store_has_its_verdict_and_its_type() {
        let slow = object_store014::client::HttpErrorKind::Timeout;
        let http = || object_store014::client::HttpError::new(slow, std::fmt::Error);
        let boxed: Box<dyn Error> = Box::new(http());
        assert_eq!(boxed.verdict(), Verdict::TRANSIENT);
        assert_eq!(boxed.error_type(), "timeout");
        let boxed: Box<dyn Error> = Box::new(object_store014::Error::Generic {
            store: "test",
            source: Box::new(http()),
        });
        assert_eq!(boxed.verdict(), Verdict::TRANSIENT);
    }

    /// A store of one version may be behind one of the other.
    #[test]
    fn each_version_knows_the_causes_of_the_other() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let connect = object_store013::client::HttpErrorKind::Connect;
        let of_013 = object_store014::Error::Generic {
            store: "test",
            source: Box::new(object_store013::client::HttpError::new(connect, refused)),
        };
        assert_eq!(of_013.verdict(), Verdict::TRANSIENT);
        let not_found = object_store014::Error::NotFound {
            path: "a".to_owned(),
            source: Box::new(io::Error::from(io::ErrorKind::TimedOut)),
        };
        let of_014 = object_store013::Error::Generic {
            store: "test",
            source: Box::new(not_found),
        };
        assert_eq!(of_014.verdict(), Verdict::Permanent);
    }
}
