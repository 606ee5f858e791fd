//! The standard library's error, by its kind.

use std::io;

use super::causes::verdict_along_sources;
use crate::verdict::{Retryable, TimedOut, Verdict};

impl Retryable for io::Error {
    /// Connection faults, timeouts and interruptions are transient, and so is what is in use or
    /// has run out just now: ports, open files, a lock. An error of the kind `Other` has the
    /// verdict of the first error in it that has one.
    fn verdict(&self) -> Verdict {
        match self.kind() {
            // No port was left to connect from.
            io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Deadlock
            // A program that another thread has just written.
            | io::ErrorKind::ExecutableFileBusy
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
            _ => match self.raw_os_error() {
                Some(number) if TOO_MANY_OPEN_FILES.contains(&number) => Verdict::TRANSIENT,
                _ => Verdict::Permanent,
            },
        }
    }

    fn error_type(&self) -> std::borrow::Cow<'static, str> {
        super::error_type::error_type(self)
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        let kind = match timed_out {
            TimedOut::CannotCut { .. } => io::ErrorKind::InvalidInput,
            TimedOut::Attempt { .. } | TimedOut::Deadline { .. } | TimedOut::Total { .. } => {
                io::ErrorKind::TimedOut
            }
        };
        Self::new(kind, timed_out)
    }
}

/// What has no kind of its own, of the process and of the system: `EMFILE` and `ENFILE`.
#[cfg(unix)]
const TOO_MANY_OPEN_FILES: [i32; 2] = [24, 23];

/// The same of files and of sockets: `ERROR_TOO_MANY_OPEN_FILES` and `WSAEMFILE`.
#[cfg(windows)]
const TOO_MANY_OPEN_FILES: [i32; 2] = [4, 10024];

#[cfg(not(any(unix, windows)))]
const TOO_MANY_OPEN_FILES: [i32; 0] = [];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_stands_for_another_has_the_verdict_of_that() {
        let other = |status| io::Error::other(super::super::http::HttpFailure::new(status));
        assert_eq!(other(503).verdict(), Verdict::TRANSIENT);
        assert_eq!(other(404).verdict(), Verdict::Permanent);
        assert_eq!(io::Error::other("words").verdict(), Verdict::Permanent);
    }

    #[test]
    fn every_kind_has_its_verdict() {
        use io::ErrorKind as Kind;
        let transient = [
            Kind::AddrNotAvailable,
            Kind::BrokenPipe,
            Kind::ConnectionAborted,
            Kind::ConnectionRefused,
            Kind::ConnectionReset,
            Kind::Deadlock,
            Kind::ExecutableFileBusy,
            Kind::HostUnreachable,
            Kind::Interrupted,
            Kind::NetworkDown,
            Kind::NetworkUnreachable,
            Kind::NotConnected,
            Kind::ResourceBusy,
            Kind::StaleNetworkFileHandle,
            Kind::TimedOut,
            Kind::UnexpectedEof,
            Kind::WouldBlock,
        ];
        let permanent = [
            Kind::AddrInUse,
            Kind::AlreadyExists,
            Kind::ArgumentListTooLong,
            Kind::CrossesDevices,
            Kind::DirectoryNotEmpty,
            Kind::FileTooLarge,
            Kind::InvalidData,
            Kind::InvalidInput,
            Kind::IsADirectory,
            Kind::NotADirectory,
            Kind::NotFound,
            Kind::NotSeekable,
            Kind::Other,
            Kind::OutOfMemory,
            Kind::PermissionDenied,
            Kind::QuotaExceeded,
            Kind::ReadOnlyFilesystem,
            Kind::StorageFull,
            Kind::TooManyLinks,
            Kind::Unsupported,
            Kind::WriteZero,
        ];
        for kind in transient {
            assert_eq!(
                io::Error::from(kind).verdict(),
                Verdict::TRANSIENT,
                "{kind}"
            );
        }
        for kind in permanent {
            assert_eq!(
                io::Error::from(kind).verdict(),
                Verdict::Permanent,
                "{kind}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn open_files_that_have_run_out_are_transient() {
        for number in TOO_MANY_OPEN_FILES {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(error.verdict(), Verdict::TRANSIENT, "{error}");
        }
        let io = io::Error::from_raw_os_error(5);
        assert_eq!(io.verdict(), Verdict::Permanent, "{io}");
    }
}
