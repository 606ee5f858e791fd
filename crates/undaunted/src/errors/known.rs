//! The errors whose types are known, and what each says: its verdict, its status, its code, its kind.
//! One line for each client in each table.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::http::HttpFailure;
use super::storage::StorageError;
use crate::verdict::{Retryable, TimedOut, Verdict};

/// The status that an error stands for, where it need not have the response.
pub(crate) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    STATUSES.iter().find_map(|status| status(error))
}

/// The service's code that an error of another client has, or the name of the client's error kind.
pub(crate) fn code<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e str> {
    CODES.iter().find_map(|code| code(error))
}

/// What kind an error of another client is, where the standard library's error behind it does not say.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    KINDS.iter().find_map(|kind| kind(error))
}

/// The wait that the service asks for by an error whose type is one of those that have a verdict.
pub(crate) fn retry_after(error: &(dyn Error + 'static)) -> Option<Duration> {
    known_verdict(error)?.retry_after()
}

/// The verdict on an error if its type is one of those that have one. Messages are never read.
pub(super) fn known_verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
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
    Some(error.downcast_ref::<io::Error>()?.verdict())
}

/// The verdict on an error of a known type, or none if it is of another.
type OfType = fn(&(dyn Error + 'static)) -> Option<Verdict>;

const KNOWN: &[OfType] = &[
    of_ours,
    #[cfg(feature = "aws_smithy1")]
    super::aws_smithy1::verdict,
    #[cfg(feature = "hyper1")]
    super::hyper1::verdict,
    #[cfg(feature = "hyper_util01")]
    super::hyper_util01::verdict,
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    super::object_store::verdict,
    #[cfg(feature = "opendal059")]
    super::opendal059::verdict,
    #[cfg(feature = "reqwest012")]
    super::reqwest::v012::verdict,
    #[cfg(feature = "reqwest013")]
    super::reqwest::v013::verdict,
    #[cfg(feature = "tonic014")]
    super::tonic014::verdict,
];

/// The status that an error of a known type stands for, or none if it is of another or has none.
type StatusOfType = fn(&(dyn Error + 'static)) -> Option<u16>;

const STATUSES: &[StatusOfType] = &[
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    super::object_store::status,
    #[cfg(feature = "opendal059")]
    super::opendal059::status,
    #[cfg(feature = "reqwest012")]
    super::reqwest::v012::status,
    #[cfg(feature = "reqwest013")]
    super::reqwest::v013::status,
    #[cfg(feature = "tonic014")]
    super::tonic014::status,
];

/// The code of an error of a known type, or none if it is of another or has none.
type CodeOfType = for<'e> fn(&'e (dyn Error + 'static)) -> Option<&'e str>;

const CODES: &[CodeOfType] = &[
    #[cfg(feature = "aws_smithy1")]
    super::aws_smithy1::code,
    #[cfg(feature = "opendal059")]
    super::opendal059::code,
    #[cfg(feature = "tonic014")]
    super::tonic014::code,
];

/// What kind an error of a known type is, or none if it is of another or has none.
type KindOfType = fn(&(dyn Error + 'static)) -> Option<&'static str>;

const KINDS: &[KindOfType] = &[
    #[cfg(feature = "aws_smithy1")]
    super::aws_smithy1::kind,
    #[cfg(any(feature = "object_store013", feature = "object_store014"))]
    super::object_store::kind,
    #[cfg(feature = "reqwest012")]
    super::reqwest::v012::kind,
    #[cfg(feature = "reqwest013")]
    super::reqwest::v013::kind,
];
