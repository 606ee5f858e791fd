//! `Retryable` for the errors that most operations return: those of the standard library, ours,
//! and, one feature a crate and version, those of other crates. (A foreign trait
//! cannot be implemented for a foreign type elsewhere.)

mod causes;
pub(crate) mod error_type;
pub(crate) mod http;
mod io;
pub(crate) mod retry_after;
pub(crate) mod storage;

#[cfg(feature = "anyhow1")]
mod anyhow1;
#[cfg(feature = "aws_smithy1")]
mod aws_smithy1;
#[cfg(feature = "http1")]
mod http1;
#[cfg(feature = "hyper1")]
mod hyper1;
#[cfg(feature = "hyper_util01")]
mod hyper_util01;
#[cfg(any(feature = "object_store013", feature = "object_store014"))]
mod object_store;
#[cfg(feature = "opendal059")]
mod opendal059;
#[cfg(any(feature = "reqwest012", feature = "reqwest013"))]
mod reqwest;
#[cfg(feature = "tonic014")]
mod tonic014;

use std::borrow::Cow;
use std::error::Error;
use std::io::Error as IoError;
use std::time::Duration;

pub(crate) use self::causes::along_causes;
use self::causes::verdict_along_sources;
use self::http::HttpFailure;
use self::storage::StorageError;
use crate::verdict::{Retryable, TimedOut, Verdict};

impl Retryable for Box<dyn Error + Send + Sync> {
    /// The verdict of the first error along `source()` that has one; otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Box::new(timed_out)
    }

    fn error_type(&self) -> Cow<'static, str> {
        error_type::error_type(self.as_ref())
    }
}

impl Retryable for Box<dyn Error> {
    /// The verdict of the first error along `source()` that has one; otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Box::new(timed_out)
    }

    fn error_type(&self) -> Cow<'static, str> {
        error_type::error_type(self.as_ref())
    }
}

/// The status that an error stands for, where it need not have the response.
pub(crate) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    STATUSES.iter().find_map(|status| status(error))
}

/// The service's code that an error of another client has, or the name of the client's error kind.
pub(crate) fn code<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e str> {
    CODES.iter().find_map(|code| code(error))
}

/// What kind an error of another client is, where the standard library's error behind it does not say.
fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    KINDS.iter().find_map(|kind| kind(error))
}

/// The wait that the service asks for by an error whose type is one of those that have a verdict.
pub(crate) fn retry_after(error: &(dyn Error + 'static)) -> Option<Duration> {
    known_verdict(error)?.retry_after()
}

/// The verdict on an error if its type is one of those that have one. Messages are never read.
fn known_verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    KNOWN.iter().find_map(|verdict| verdict(error))
}

fn of_ours(error: &(dyn Error + 'static)) -> Option<Verdict> {
    if let Some(failure) = error.downcast_ref::<HttpFailure>() {
        return Some(failure.verdict());
    }
    if let Some(storage) = error.downcast_ref::<StorageError>() {
        return Some(storage.verdict());
    }
    if let Some(timed_out) = error.downcast_ref::<TimedOut>() {
        return Some(timed_out.verdict());
    }
    Some(error.downcast_ref::<IoError>()?.verdict())
}

/// The verdict on an error of a known type, or none if it is of another.
type OfType = fn(&(dyn Error + 'static)) -> Option<Verdict>;

const KNOWN: &[OfType] = &[
    of_ours,
    #[cfg(feature = "aws_smithy1")]
    aws_smithy1::verdict,
    #[cfg(feature = "hyper1")]
    hyper1::verdict,
    #[cfg(feature = "hyper_util01")]
    hyper_util01::verdict,
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    object_store::verdict,
    #[cfg(feature = "opendal059")]
    opendal059::verdict,
    #[cfg(feature = "reqwest012")]
    reqwest::v012::verdict,
    #[cfg(feature = "reqwest013")]
    reqwest::v013::verdict,
    #[cfg(feature = "tonic014")]
    tonic014::verdict,
];

/// The status that an error of a known type stands for, or none if it is of another or has none.
type StatusOfType = fn(&(dyn Error + 'static)) -> Option<u16>;

const STATUSES: &[StatusOfType] = &[
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    object_store::status,
    #[cfg(feature = "opendal059")]
    opendal059::status,
    #[cfg(feature = "reqwest012")]
    reqwest::v012::status,
    #[cfg(feature = "reqwest013")]
    reqwest::v013::status,
    #[cfg(feature = "tonic014")]
    tonic014::status,
];

/// The code of an error of a known type, or none if it is of another or has none.
type CodeOfType = for<'e> fn(&'e (dyn Error + 'static)) -> Option<&'e str>;

const CODES: &[CodeOfType] = &[
    #[cfg(feature = "aws_smithy1")]
    aws_smithy1::code,
    #[cfg(feature = "opendal059")]
    opendal059::code,
    #[cfg(feature = "tonic014")]
    tonic014::code,
];

/// What kind an error of a known type is, or none if it is of another or has none.
type KindOfType = fn(&(dyn Error + 'static)) -> Option<&'static str>;

const KINDS: &[KindOfType] = &[
    #[cfg(feature = "aws_smithy1")]
    aws_smithy1::kind,
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    object_store::kind,
    #[cfg(feature = "reqwest012")]
    reqwest::v012::kind,
    #[cfg(feature = "reqwest013")]
    reqwest::v013::kind,
];

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_that_cannot_be_honoured_is_permanent_in_every_type() {
        let cannot_cut = || TimedOut::CannotCut {
            limit: Duration::from_secs(1),
        };
        let boxed: Box<dyn Error + Send + Sync> = Retryable::timed_out(cannot_cut());
        let local: Box<dyn Error> = Retryable::timed_out(cannot_cut());
        let wrapped: Box<dyn Error> = Box::new(io::Error::other(cannot_cut()));
        for verdict in [
            cannot_cut().verdict(),
            boxed.verdict(),
            local.verdict(),
            wrapped.verdict(),
            io::Error::timed_out(cannot_cut()).verdict(),
            StorageError::timed_out(cannot_cut()).verdict(),
            Retryable::verdict(&HttpFailure::timed_out(cannot_cut())),
        ] {
            assert_eq!(verdict, Verdict::Permanent);
        }
        assert_eq!(
            io::Error::timed_out(cannot_cut()).kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
