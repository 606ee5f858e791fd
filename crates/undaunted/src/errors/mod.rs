//! `Retryable` for the errors that most operations return: those of the standard library, ours,
//! and, one feature a crate and version, those of other crates. (A foreign trait
//! cannot be implemented for a foreign type elsewhere.)

mod causes;
pub(crate) mod error_type;
pub(crate) mod http;
mod io;
mod known;
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

pub(crate) use self::causes::along_causes;
use self::causes::verdict_along_sources;
pub(crate) use self::known::{code, retry_after, status};
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::http::HttpFailure;
    use super::storage::StorageError;
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
