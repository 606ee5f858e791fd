//! `Retryable` for the errors that most operations return: those of the standard library, ours,
//! and, one feature a crate and version, those of other crates. (A foreign trait
//! cannot be implemented for a foreign type elsewhere.)

pub(crate) mod http;
pub(crate) mod retry_after;
pub(crate) mod storage;

#[cfg(any(feature = "object_store013", feature = "object_store014"))]
mod object_store;
#[cfg(not(any(feature = "object_store013", feature = "object_store014")))]
mod object_store {
    use std::error::Error;

    use crate::verdict::Verdict;

    pub(super) fn verdict(_: &(dyn Error + 'static)) -> Option<Verdict> {
        None
    }
}

use std::error::Error;
use std::io;

use self::http::HttpFailure;
use self::storage::StorageError;
use crate::verdict::{Retryable, TimedOut, Verdict};

impl Retryable for io::Error {
    /// Connection faults, timeouts and interruptions are transient. An error of the kind
    /// `Other` has the verdict of the first error in it that has one.
    fn verdict(&self) -> Verdict {
        match self.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::WouldBlock => Verdict::TRANSIENT,
            io::ErrorKind::Other => match self.get_ref() {
                Some(inner) => verdict_along_sources(inner),
                None => Verdict::Permanent,
            },
            _ => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let kind = match timed_out {
            TimedOut::CannotCut { .. } => io::ErrorKind::InvalidInput,
            TimedOut::Attempt { .. } | TimedOut::Total { .. } => io::ErrorKind::TimedOut,
        };
        Self::new(kind, timed_out)
    }
}

impl Retryable for Box<dyn Error + Send + Sync> {
    /// The verdict of the first error along `source()` that has one; otherwise permanent.
    fn verdict(&self) -> Verdict {
        verdict_along_sources(self.as_ref())
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Box::new(timed_out)
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
}

/// Walks `source()` and asks the first error whose type has a verdict. Messages are never read.
fn verdict_along_sources(error: &(dyn Error + 'static)) -> Verdict {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(verdict) = known_verdict(error) {
            return verdict;
        }
        link = error.source();
    }
    Verdict::Permanent
}

fn known_verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    if let Some(failure) = error.downcast_ref::<HttpFailure>() {
        return Some(failure.verdict());
    }
    if let Some(storage) = error.downcast_ref::<StorageError>() {
        return Some(storage.verdict());
    }
    if let Some(timed_out) = error.downcast_ref::<TimedOut>() {
        return Some(timed_out.verdict());
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return Some(io.verdict());
    }
    object_store::verdict(error)
}

#[cfg(test)]
mod tests {
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
